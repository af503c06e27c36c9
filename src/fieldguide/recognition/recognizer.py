"""What a recognizer is: a scikit-learn classifier that also ranks."""

from typing import Protocol, Self

from fieldguide.core.arrays import Anything
from fieldguide.recognition.ranking import Ranking


class Recognizer(Protocol):
    """Fitted on a gallery, ranks labels for queries. Nothing that answers changes it: threads may share one."""

    classes_: Anything

    def fit(self, X: Anything, y: Anything) -> Self:
        """Learn from gallery embeddings (n_pictures, dim) and their labels (n_pictures,)."""

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,)."""

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank at most k labels for each query, (n, dim) embeddings; what it learned of them is on the ranking."""


class RankingMixin:
    """What every recognizer can do because it ranks."""

    def predict_open_set(self, X: Anything, unknown: str = "-1") -> Anything:
        """Give the first label of each query, (n,) as text, the unknown label for those that seem distractors.

        Parameters
        ----------
        X : (n, dim) embeddings
        unknown : the unknown label
        """
        ranking: Ranking = self.rank(X, k=1)  # type: ignore[attr-defined]
        return ranking.named((), unknown).top1()
