"""Where pictures lie on the map: gallery and queries in the plane, like beside like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Anything, Floats
from fieldguide.core.errors import FieldguideError
from fieldguide.embedding import EmbeddingTable
from fieldguide.recognition import PowerCentring, WithinClassWhitening
from fieldguide.recognition.distractors.plane import ENOUGH, plane_of


@dataclass(frozen=True)
class Plane:
    """Places in the plane, about -1 to 1.

    Attributes
    ----------
    gallery : (n_gallery, 2) float32; NaN for pictures that could not be read
    queries : (n, 2) float32; NaN for queries that could not be read
    method : what laid it out, in words
    """

    gallery: Floats
    queries: Floats
    method: str


def lay_out(gallery: Floats, labels: Anything, queries: EmbeddingTable, seed: int = 0, method: str = "t-sne") -> Plane:
    """Lay out gallery and queries in the space the default recognizer sees: centred, whitened within classes.

    Parameters
    ----------
    gallery : (n_gallery, dim) embeddings, NaN for pictures that could not be read
    labels : (n_gallery,) their labels
    queries : the queries' embeddings
    seed : of everything random
    method : `t-sne`, or `umap` if umap-learn is installed

    Raises
    ------
    FieldguideError : the method is unknown or not installed.

    Source: van der Maaten & Hinton, t-SNE, 2008, in the linear-time form of Linderman et al., FIt-SNE, 2019, started
    from principal components as Kobak & Berens, The art of using t-SNE, 2019, advise; by Poličar et al., openTSNE.
    """
    read = _read(gallery)
    rows = np.concatenate([gallery[read], queries.matrix])
    rows = PowerCentring().fit(rows).map_rows(rows)
    codes = np.unique(np.asarray(labels)[read], return_inverse=True)[1]
    n = len(codes)
    space = WithinClassWhitening(seed=seed).fit(rows[:n], codes, unlabelled=rows[n:])
    return _plane(_points(space.map_rows(rows), seed, method), read, queries, method)


def lay_out_epochs(
    stages: Mapping[int, tuple[Floats, EmbeddingTable]], seed: int = 0, method: str = "t-sne"
) -> dict[int, Plane]:
    """Lay out what a training made of gallery and queries, as it is, by epoch.

    Each map is turned and mirrored so as to lie as near as can be on the one before it; the shapes are its own.

    Parameters
    ----------
    stages : by epoch, the adapted embeddings of gallery and queries, the same pictures in each
    seed, method : as in `lay_out`
    """
    from scipy.linalg import orthogonal_procrustes

    planes: dict[int, Plane] = {}
    before: Anything | None = None
    for epoch, (gallery, queries) in sorted(stages.items()):
        read = _read(gallery)
        rows = np.concatenate([gallery[read], queries.matrix])
        points = _points(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), seed, method)
        points = points - points.mean(axis=0)
        if before is not None:
            points = points @ orthogonal_procrustes(points, before)[0]
        before = points
        planes[epoch] = _plane(points, read, queries, method)
    return planes


def _read(gallery: Floats) -> Anything:
    """(n_gallery,) which pictures could be read."""
    read: Anything = np.asarray(~np.isnan(gallery).any(axis=1))
    return read


def _plane(points: Anything, read: Anything, queries: EmbeddingTable, method: str) -> Plane:
    """Take points (n_gallery_read + n_readable, 2) apart, scaled to about -1 to 1."""
    points = points - np.median(points, axis=0)
    points = (points / max(float(np.abs(points).max()), 1e-9)).astype(np.float32)
    of_gallery = np.full((len(read), 2), np.nan, np.float32)
    of_queries = np.full((len(queries.pictures), 2), np.nan, np.float32)
    of_gallery[read], of_queries[queries.rows] = points[: read.sum()], points[read.sum() :]
    return Plane(of_gallery, of_queries, method)


def _points(rows: Floats, seed: int, method: str) -> Anything:
    if method not in METHODS:
        raise FieldguideError(f"unknown map '{method}': choose one of {', '.join(METHODS)}")
    if len(rows) < ENOUGH or np.allclose(rows, rows[0]):  # nothing to lay out by: a circle
        angle = np.linspace(0, 2 * np.pi, len(rows), endpoint=False)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points: Anything = METHODS[method](rows, seed)
    return points


def _umap(rows: Floats, seed: int) -> Anything:
    try:
        from umap import UMAP
    except ImportError:
        raise FieldguideError("UMAP is not installed: pip install umap-learn, or choose --map t-sne") from None
    return np.asarray(UMAP(metric="cosine", init="pca", n_jobs=1, random_state=seed).fit_transform(rows))


METHODS: dict[str, Callable[[Floats, int], Anything]] = {"t-sne": plane_of, "umap": _umap}
