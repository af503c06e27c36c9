"""What is to be expected of a ranking's first answers, said before anyone has looked at them."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Anything, Flags

LEAST = 0.5  # queries expected to be of a kind; of fewer there is likelier none
NINETY = 1.645  # standard deviations on either side that have 90% of a normal distribution between them


@dataclass(frozen=True)
class Share:
    """A share, 0 to 1, and its 90% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Expectation:
    """How right the first answers will be, as far as rehearsals on the gallery can tell.

    A query is *named* if its first answer is a class. Where no query is likely to be of a kind, its share is None.

    Attributes
    ----------
    known_named_rightly : share of the known queries that are named, and rightly
    distractors_named : share of the distractors that are named, which is always wrong
    names_right : share of the names that are right
    """

    known_named_rightly: Share | None
    distractors_named: Share | None
    names_right: Share | None


def expect(named: Flags, first_given_known: Anything, known: Anything, effective: float) -> Expectation:
    """Add up the probabilities of the first answers.

    Parameters
    ----------
    named : (n,) whether the first answer is a class
    first_given_known : (n,) the probability of that class, given that the query is known
    known : (m, n) the probability that each query is known, under m shares of distractors, each as likely to be true
    effective : how many classes the probabilities were learned from; so few examples may be off by chance

    Returns
    -------
    Shares whose intervals have both: that the share of distractors is not known, and that the examples are few.
    """
    right = named * first_given_known * known

    def share(part: Anything, whole: Anything) -> Share | None:
        number = whole.sum(axis=1)
        if number.mean() < LEAST:
            return None
        value = min(1.0, float(part.sum() / number.sum()))  # sums are rounded
        variance = (part.sum(axis=1) / np.maximum(number, LEAST)).var()
        variance += value * (1 - value) * (1 / max(effective, 1.0) + 1 / number.mean())
        reach = NINETY * float(np.sqrt(variance))
        return Share(value, max(0.0, value - reach), min(1.0, value + reach))

    return Expectation(
        known_named_rightly=share(right, known),
        distractors_named=share(named * (1 - known), 1 - known),
        names_right=share(right, np.broadcast_to(named, known.shape).astype(np.float64)),
    )
