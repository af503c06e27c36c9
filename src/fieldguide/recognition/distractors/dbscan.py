"""The report's second rule: distractors form clusters of their own."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.distractors.clusters import graded_score, without_gallery, youden_index
from fieldguide.recognition.distractors.plane import ENOUGH, TINY, chain_distances, in_span, near_distances, plane_of
from fieldguide.recognition.distractors.rule import ClusterRule, Verdict
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.ranking import Ranking

EPS_TRIED = 40  # values of eps


@dataclass(repr=False)
class DBSCANRule(ClusterRule):
    """Cluster gallery and queries together; queries in clusters without a gallery picture, and noise, are distractors.

    Parameters
    ----------
    space : `tsne` clusters in the plane of t-SNE, as the report did; `embedding` clusters unit rows
    eps : DBSCAN's radius; if None, the one under which the gallery's own pictures are separated best, or, of one
        shot a class, the knee of the curve of distances to the `min_samples`-th neighbour
    min_samples : DBSCAN's pictures that make a core, the picture itself among them; 2, as a shot and one query of its
        class may be all there is of a cluster
    seed : of t-SNE

    Sources: Ester et al., DBSCAN, KDD 1996, whose section 4.2 reads eps off the k-distance curve; Satopää et al.,
    Kneedle, 2011.
    """

    space: Literal["tsne", "embedding"] = "tsne"
    eps: float | None = None
    min_samples: int = 2
    seed: int = 0

    def _judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Cluster, and find the clusters without gallery pictures. The score grows with the distance from the gallery.

        That distance goes along chains of points: it is the eps at which a query would join a gallery picture.
        """
        rows = unit_rows(np.concatenate([gallery_embeddings, query_embeddings]))
        points = plane_of(rows, self.seed) if self.space == "tsne" else in_span(rows, self.seed)
        return self.judge_points(points[: len(gallery_embeddings)], codes, points[len(gallery_embeddings) :])

    def judge_points(self, gallery_points: Anything, codes: Ints, query_points: Anything) -> Verdict:
        """Give the same verdict on points that need no other space: (n_pictures, d) of the gallery, (n, d) queries."""
        points = np.concatenate([gallery_points, query_points])
        graph = near_distances(points)
        eps = self.eps
        if eps is None:
            eps = self._best_eps(graph, codes) or knee_of_distances(points, self.min_samples)
        cluster = self._cluster(graph, eps)
        is_distractor = without_gallery(cluster, len(gallery_points))
        summary = f"DBSCAN in the {self.space} space, eps {eps:.4g}, {cluster.max() + 1} clusters"
        return Verdict(is_distractor, graded_score(is_distractor, chain_distances(graph, len(gallery_points))), summary)

    def _cluster(self, graph: csr_matrix, eps: float) -> Ints:
        from sklearn.cluster import DBSCAN

        near = graph.copy()
        near.data[near.data > eps] = 0
        near.eliminate_zeros()
        found: Ints = DBSCAN(eps=eps, min_samples=self.min_samples, metric="precomputed").fit_predict(near)
        return found

    def _best_eps(self, graph: csr_matrix, codes: Ints) -> float | None:
        """Find the eps that separates gallery pictures best, the middle of equals; None if it cannot be found."""
        steps = np.sort(minimum_spanning_tree(graph).data)  # clusters change at these values of eps only
        tried = np.unique(np.quantile(steps, np.linspace(0.02, 1, EPS_TRIED))) if len(steps) else steps
        scores = np.array([youden_index(self._cluster(graph, eps)[: len(codes)], codes) for eps in tried])
        if not len(scores) or not scores.max() > 0:
            return None
        best = np.flatnonzero(scores == scores.max())
        return float(tried[best[(len(best) - 1) // 2]])


def knee_of_distances(points: Anything, k: int) -> float:
    """Find the distance at which the sorted distances to the k-th neighbour, self counted, turn upwards.

    Parameters
    ----------
    points : (n, dim)
    k : at most n; DBSCAN's `min_samples`

    Returns
    -------
    The knee; where the curve has none, its 90th percentile. Always above 0.
    """
    from kneed import KneeLocator
    from sklearn.neighbors import NearestNeighbors

    k = min(k, len(points))
    distances = np.sort(NearestNeighbors(n_neighbors=k, n_jobs=-1).fit(points).kneighbors(points)[0][:, -1])
    if len(distances) < ENOUGH or distances[0] == distances[-1]:  # too short or flat for a curve
        return max(float(distances[-1]), TINY)
    # The curve's last steps are steep and ragged; taken as it is, it has its knee among those outliers (eps 3.8 on
    # photographs, where nearly all clusters run together), fitted by a polynomial where the bulk ends (1.9)
    knee = KneeLocator(
        np.arange(len(distances)), distances, curve="convex", direction="increasing", interp_method="polynomial"
    ).knee_y
    found = float(knee) if knee is not None else float(np.quantile(distances, 0.9))
    return max(found, TINY)
