"""What is to be expected of a ranking's first answers, said before anyone has looked at them."""

from dataclasses import dataclass


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
