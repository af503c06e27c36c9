"""What a recognizer is: a scikit-learn classifier that also ranks."""

from typing import Protocol, Self

from numpy.typing import ArrayLike

from fieldguide.core.arrays import Anything
from fieldguide.recognition.ranking import Ranking


class Recognizer(Protocol):
    """An estimator that is fitted on a gallery and ranks labels for queries.

    After `fit` nothing changes it, so that threads may share one: what it learned of the queries is on the ranking.
    """

    classes_: Anything

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from gallery embeddings (n_pictures, dim) and their labels (n_pictures,)."""

    def predict(self, X: ArrayLike) -> Anything:
        """Give the likeliest class of each query, (n,)."""

    def rank(self, X: ArrayLike, k: int = 5) -> Ranking:
        """Rank at most k labels for each query, (n, dim) embeddings."""


class RankingMixin:
    """What every recognizer can do because it ranks."""

    def predict_open_set(self, X: ArrayLike, unknown: str = "-1") -> Anything:
        """Give the first label of each query, (n,) as text, the unknown label for those that seem distractors.

        Parameters
        ----------
        X : (n, dim) embeddings
        unknown : the unknown label
        """
        ranking: Ranking = self.rank(X, k=1)  # type: ignore[attr-defined]
        return ranking.named((), unknown).top1()
