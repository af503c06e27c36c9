"""The report's second rule: distractors form clusters of their own."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fieldguide.arrays import Anything, Floats
from fieldguide.machine import cores
from fieldguide.recognition.distractors.rule import Verdict
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.ranking import Ranking

FEW = 2000  # points; with fewer, threads of t-SNE cost more than they save
ENOUGH = 10  # points; with fewer there is neither a plane of t-SNE nor a knee


@dataclass(frozen=True)
class DBSCANRule:
    """Cluster gallery and queries together; queries in clusters without a gallery picture, and noise, are distractors.

    Parameters
    ----------
    space : `tsne` clusters in the plane of t-SNE, as the report did; `embedding` clusters unit rows
    eps : DBSCAN's radius; if None, the knee of the curve of distances to the `min_samples`-th neighbour
    min_samples : DBSCAN's pictures that make a core, the picture itself among them; 4 is its authors' choice
        for the plane
    seed : of t-SNE

    Sources: Ester et al., DBSCAN, KDD 1996, whose section 4.2 reads eps off the k-distance curve; Satopää et al.,
    Kneedle, 2011; Poličar et al., openTSNE, 2019.
    """

    space: Literal["tsne", "embedding"] = "tsne"
    eps: float | None = None
    min_samples: int = 4
    seed: int = 0

    def judge(self, gallery: Floats, queries: Floats, ranking: Ranking) -> Verdict:
        """Cluster, and look which clusters hold gallery pictures. The score is 1 for distractors, else 0."""
        rows = unit_rows(np.concatenate([gallery, queries]))
        points = _tsne_plane(rows, self.seed) if self.space == "tsne" and _has_a_plane(rows) else rows
        return self.judge_points(points[: len(gallery)], points[len(gallery) :])

    def judge_points(self, gallery: Anything, queries: Anything) -> Verdict:
        """Give the same verdict on points that need no other space: (n_pictures, d) of the gallery, (n, d) queries."""
        from sklearn.cluster import DBSCAN

        points = np.concatenate([gallery, queries])
        eps = self.eps if self.eps is not None else knee_of_distances(points, self.min_samples)
        cluster = DBSCAN(eps=eps, min_samples=self.min_samples, n_jobs=-1).fit_predict(points)
        of_gallery = np.setdiff1d(cluster[: len(gallery)], [-1])
        is_distractor = ~np.isin(cluster[len(gallery) :], of_gallery)
        account = f"DBSCAN in the {self.space} space, eps {eps:.4g}, {cluster.max() + 1} clusters"
        return Verdict(is_distractor, is_distractor.astype(np.float32), account)


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

    tiny = float(np.finfo(np.float32).eps)
    k = min(k, len(points))
    distances = np.sort(NearestNeighbors(n_neighbors=k, n_jobs=-1).fit(points).kneighbors(points)[0][:, -1])
    if len(distances) < ENOUGH or distances[0] == distances[-1]:  # no curve to speak of
        return max(float(distances[-1]), tiny)
    # The curve's last steps are steep and ragged; taken as it is, it has its knee among those outliers (eps 3.8 on
    # photographs, where nearly all clusters run together), fitted by a polynomial where the bulk ends (1.9)
    knee = KneeLocator(
        np.arange(len(distances)), distances, curve="convex", direction="increasing", interp_method="polynomial"
    ).knee_y
    found = float(knee) if knee is not None else float(np.quantile(distances, 0.9))
    return max(found, tiny)


def _has_a_plane(rows: Floats) -> bool:
    """Whether t-SNE can do anything with these rows: it needs neighbours, and directions in which they differ."""
    return len(rows) >= ENOUGH and not np.allclose(rows, rows[0])


def _tsne_plane(rows: Floats, seed: int) -> Anything:
    from openTSNE import TSNE

    jobs = cores() if len(rows) > FEW else 1
    perplexity = min(30.0, (len(rows) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, metric="cosine", n_jobs=jobs, random_state=seed).fit(rows))
