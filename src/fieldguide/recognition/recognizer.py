"""What a recognizer is: a scikit-learn classifier that also ranks."""

from typing import Protocol, Self

from fieldguide.core.arrays import Anything
from fieldguide.recognition.ranking import Ranking


class Recognizer(Protocol):
    """Fitted on a gallery, ranks labels for queries."""

    classes_: Anything

    def fit(self, X: Anything, y: Anything) -> Self:
        """Learn from gallery embeddings (n_pictures, dim) and their labels (n_pictures,)."""

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,)."""

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank at most k labels for each query, (n, dim) embeddings."""


class OpenSetRecognizer(Recognizer, Protocol):
    """A recognizer whose rankings hold the unknown label, and that says by what it told distractors apart."""

    def fit(self, X: Anything, y: Anything, distractors: Anything | None = None) -> Self:
        """Learn from the gallery, and from labelled distractors (n, dim) if there are any."""

    @property
    def account_(self) -> str:
        """By what the queries ranked last were told apart, in words."""
