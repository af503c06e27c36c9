"""The report's second rule without its radius: clusters of any density, by HDBSCAN."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.distractors.clusters import graded_score, without_gallery
from fieldguide.recognition.distractors.plane import chain_distances, near_distances, plane_of
from fieldguide.recognition.distractors.rule import ClusterRule, Verdict
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.ranking import Ranking


@dataclass(repr=False)
class HDBSCANRule(ClusterRule):
    """Cluster gallery and queries in the plane of t-SNE; queries in no cluster with a gallery picture are distractors.

    The embedding itself is no place for it: it would need the distance of every picture to every other at once.

    Parameters
    ----------
    min_cluster_size : pictures that make a cluster
    min_samples : pictures that make a core; the smaller, the less is noise
    seed : of t-SNE

    Source: Campello, Moulavi & Sander, PAKDD 2013.
    """

    min_cluster_size: int = 5
    min_samples: int = 4
    seed: int = 0

    def _judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Cluster, and find the clusters without gallery pictures. The score is graded as DBSCAN's is."""
        from sklearn.cluster import HDBSCAN

        points = plane_of(unit_rows(np.concatenate([gallery_embeddings, query_embeddings])), self.seed)
        n = len(points)
        size, core = min(self.min_cluster_size, max(2, n)), min(self.min_samples, n)
        cluster = HDBSCAN(min_cluster_size=size, min_samples=core, copy=True).fit_predict(points)
        is_distractor = without_gallery(cluster, len(gallery_embeddings))
        score = graded_score(is_distractor, chain_distances(near_distances(points), len(gallery_embeddings)))
        summary = f"HDBSCAN in the tsne space, {cluster.max() + 1} clusters, {(cluster < 0).mean():.0%} noise"
        return Verdict(is_distractor, score, summary)
