"""Distractors by clusters of the embeddings themselves: no plane, and far less time with many pictures. By EVoC."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Floats, Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.recognition.distractors.clusters import graded_score, without_gallery
from fieldguide.recognition.distractors.rule import ClusterRule, Verdict
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.ranking import Ranking

ENOUGH = 32  # pictures; EVoC looks for 15 neighbours of each


@dataclass(repr=False)
class EVoCRule(ClusterRule):
    """Cluster gallery and queries by EVoC; queries in no cluster with a gallery picture are distractors.

    Its finest layer is used: a class may have a few pictures only. Needs the extra `evoc`.

    Parameters
    ----------
    min_cluster_size : pictures that make a cluster
    seed : of everything random

    Source: McInnes, EVoC, https://github.com/TutteInstitute/evoc, 2025.
    """

    min_cluster_size: int = 5
    seed: int = 0

    def _judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Cluster, and find the clusters without gallery pictures. Among equals the less similar have the higher score.

        Raises
        ------
        FieldguideError : EVoC is not installed.
        """
        rows = unit_rows(np.concatenate([gallery_embeddings, query_embeddings]))
        cluster = self._cluster(rows)
        is_distractor = without_gallery(cluster, len(gallery_embeddings))
        summary = f"EVoC in the embedding space, {cluster.max() + 1} clusters, {(cluster < 0).mean():.0%} noise"
        return Verdict(is_distractor, graded_score(is_distractor, -ranking.similarity[:, 0]), summary)

    def _cluster(self, rows: Floats) -> Ints:
        try:
            from evoc import EVoC
        except ImportError:
            raise FieldguideError("the rule evoc is not installed: pip install 'fieldguide[evoc]'") from None
        if len(rows) < ENOUGH or np.allclose(rows, rows[0]):
            return np.zeros(len(rows), np.int64)  # too few for clusters: one, in which nothing is called a distractor
        model = EVoC(base_min_cluster_size=self.min_cluster_size, random_state=self.seed)
        model.fit_predict(rows)
        finest: Ints = np.asarray(model.cluster_layers_[0])
        return finest
