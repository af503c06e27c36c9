"""A scikit-learn pipeline that ranks: transformers, then a recognizer."""

from typing import Any

from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from fieldguide.recognition.ranking import Ranking
from fieldguide.recognition.recognizer import RankingMixin


class RankingPipeline(RankingMixin, Pipeline):  # type: ignore[misc]
    """Transform embeddings by scikit-learn's transformers before they come to a recognizer.

    Parameters
    ----------
    steps : (name, estimator) pairs as scikit-learn's `Pipeline` takes them; the last is a recognizer
    others : as in scikit-learn's `Pipeline`

    >>> from sklearn.decomposition import PCA
    >>> from fieldguide import CosineClassifier, RankingPipeline
    >>> pipeline = RankingPipeline([("pca", PCA(2)), ("recognizer", CosineClassifier())])
    >>> pipeline.fit([[0, 0, 1], [0, 1, 0], [1, 0, 0]], ["ape", "bee", "cat"]).rank([[0, 1, 0.1]], k=1)[0].labels
    ['bee']
    """

    def rank(self, X: ArrayLike, k: int = 5) -> Ranking:
        """Transform the queries X (n, n_features), then rank at most k labels for each."""
        embeddings: Any = X
        for _, transformer in self.steps[:-1]:
            if transformer not in (None, "passthrough"):
                embeddings = transformer.transform(embeddings)
        ranking: Ranking = self.steps[-1][1].rank(embeddings, k)
        return ranking
