"""Groups of pictures as scikit-learn's clusterers give them, with a gallery or without any."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import validate_data

from fieldguide.core.arrays import Anything, Floats
from fieldguide.discovery.closeness import closeness
from fieldguide.discovery.cut import USUAL, learn_cut
from fieldguide.discovery.new_classes import by_size
from fieldguide.recognition.linkage import average_linkage
from fieldguide.recognition.neighbourhood import number_copies
from fieldguide.recognition.power_centring import PowerCentring
from fieldguide.recognition.propagation import neighbour_graph
from fieldguide.recognition.transductive import TransductiveClassifier
from fieldguide.recognition.whitening import WithinClassWhitening

ALIKE_FROM = 4_000  # pictures from which is learned how alike pictures vary


class DiscoveryClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Group pictures, each group a class: by average linkage on how mass spreads over their neighbour graph.

    With a gallery, labelled pictures of other classes, it learns from these how pictures of one class vary and where
    groups end: some of its classes are hidden, and must come out as groups. Without one neighbours that are alike show
    how pictures vary, and the cut is a usual one: where classes have few pictures, raise it.

    Parameters
    ----------
    cut : the mean closeness of two groups, above 0 to 1, above which they are one; None to learn it, or to take 0.12
    seed : of the samples

    Attributes
    ----------
    labels_ : (n,) int64, the group of each row of X, 0 the largest
    cut_ : the cut that was taken

    >>> import numpy as np
    >>> from fieldguide import DiscoveryClusterer
    >>> rows = np.repeat(np.eye(3), 4, axis=0) + 0.1 * np.random.default_rng(0).random((12, 3))
    >>> DiscoveryClusterer().fit_predict(rows).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    """

    def __init__(self, cut: float | None = None, seed: int = 0) -> None:
        self.cut = cut
        self.seed = seed

    def fit(
        self, X: ArrayLike, y: object = None, *, gallery: ArrayLike | None = None, labels: ArrayLike | None = None
    ) -> Self:
        """Group the rows of X.

        Parameters
        ----------
        X : (n, dim) embeddings, all of new classes as far as is known
        y : not used
        gallery : (n_pictures, dim) embeddings of labelled pictures, if there are any
        labels : (n_pictures,) their classes

        Raises
        ------
        ValueError : the cut is none, or there is a gallery without labels, or the reverse.
        """
        rows = validate_data(self, X, dtype=np.float32)
        if self.cut is not None and not 0 < self.cut <= 1:
            raise ValueError(f"cut is a closeness above 0, at most 1, not {self.cut}")
        if (gallery is None) != (labels is None):
            raise ValueError("a gallery has labels: give both, or neither")
        if gallery is None or labels is None:
            centred = PowerCentring().fit(rows).map_rows(rows)
            graph, learned = self._graph(centred), USUAL
        else:
            ranking = TransductiveClassifier(seed=self.seed).fit(gallery, labels).rank(rows)
            assert ranking.neighbourhood is not None
            graph = ranking.neighbourhood.graph
            everything = ranking.with_unknown_first(~ranking.is_unknown(), ranking.distractor_score)
            learned = USUAL if self.cut is not None else learn_cut(everything, ranking.neighbourhood.rehearsals)
        self.cut_ = learned if self.cut is None else self.cut
        (found,) = average_linkage(closeness(graph), [self.cut_], number_copies(rows))
        self.labels_ = by_size(found, -np.arange(len(found)))
        return self

    def fit_predict(self, X: ArrayLike, y: object = None, **fit_params: Any) -> Anything:
        """Give the groups of the rows of X, (n,); the rest as in `fit`."""
        return self.fit(X, y, **fit_params).labels_

    def _graph(self, centred: Floats) -> Any:
        """Build the neighbour graph of pictures of which nothing is known, given by unit rows."""
        some = np.sort(np.random.default_rng(self.seed).permutation(len(centred))[:ALIKE_FROM])
        space = None
        for _ in range(2):  # the second time near pairs are sought in the space of the first
            alone = np.arange(len(some))  # as if each were a class of its own
            space = WithinClassWhitening(seed=self.seed).fit(centred[some], alone, earlier=space)
        assert space is not None
        return neighbour_graph(space.map_rows(centred))
