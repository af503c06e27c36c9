"""The report's first rule: a query that no gallery picture is similar to is a distractor."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.distractors.rule import Verdict
from fieldguide.recognition.ranking import Ranking

REPORTS_CONTAMINATION = 0.3  # what the report expected of its queries


@dataclass(repr=False)
class ThresholdRule(BaseEstimator):  # type: ignore[misc]
    """A query whose highest similarity is below a threshold is a distractor.

    Parameters
    ----------
    threshold : cosine similarity, -1 to 1; if None it follows from `contamination`
    contamination : the expected share of distractors, 0 to 1: the threshold is the similarity below which this
        share of the queries lies; 0.3 if neither is given

    Source: the report, which searched for the threshold (0.78 for CLIP's embeddings) that rejects the expected
    30%; the quantile is where that search ends.
    """

    threshold: float | None = None
    contamination: float | None = None

    def judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Compare each query's highest similarity with the threshold."""
        similarity = ranking.similarity[:, 0]
        if self.threshold is not None:
            threshold, origin = self.threshold, "as given"
        elif self.contamination is not None:
            threshold = _quantile(similarity, self.contamination)
            origin = f"from the expected contamination of {self.contamination:.2f}"
        else:
            threshold = _quantile(similarity, REPORTS_CONTAMINATION)
            origin = (
                f"assuming a contamination of {REPORTS_CONTAMINATION:.2f}; "
                "give yours with --contamination, or --threshold"
            )
        summary = f"similarity below {threshold:.6f} ({origin})"
        return Verdict(similarity < threshold, 1 - similarity, summary)


def _quantile(similarity: Floats, share: float) -> float:
    """Find a value that `share` of the similarities lie below, or as many as ties allow.

    It lies midway between two of them, so that it does the same when it is printed and typed again.
    """
    ordered = np.concatenate([[-1.0], np.sort(similarity), [2.0]])  # float64: a midpoint is none of the values
    place = round(share * len(similarity))
    threshold = (ordered[place] + ordered[place + 1]) / 2
    return float(threshold if threshold > ordered[place] else ordered[place + 1])
