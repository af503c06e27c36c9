"""Named choices of recognizer and distractor rule. A new one is one line in `RECIPES` or `RULES`."""

from collections.abc import Callable
from dataclasses import dataclass

from fieldguide.errors import FieldguideError
from fieldguide.recognition import (
    CosineClassifier,
    DBSCANRule,
    DistractorRule,
    OpenSetClassifier,
    ThresholdRule,
)
from fieldguide.recognition.distractors import NoRule


@dataclass(frozen=True)
class RuleOptions:
    """What a user may tell of distractors; None leaves it to the rule."""

    contamination: float | None = None
    threshold: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """A recognizer, and the rule it has unless told otherwise."""

    summary: str
    recognizer: Callable[[], CosineClassifier]
    rule: str


DEFAULT_RECIPE = "cosine"

RULES: dict[str, Callable[[RuleOptions], DistractorRule]] = {
    "none": lambda _: NoRule(),
    "threshold": lambda tell: ThresholdRule(tell.threshold, tell.contamination),
    "dbscan": lambda tell: DBSCANRule("tsne", seed=tell.seed),
    "dbscan-embedding": lambda tell: DBSCANRule("embedding", seed=tell.seed),
}

RECIPES: dict[str, Recipe] = {
    "cosine": Recipe("the report's best: the most similar picture, DBSCAN for distractors", CosineClassifier, "dbscan"),
}


def open_set_classifier(recipe: str, rule: str | None, tell: RuleOptions) -> OpenSetClassifier:
    """Make the estimator that a recipe names, with its own distractor rule or another.

    Raises
    ------
    FieldguideError : there is no such recipe or rule, or the rule makes no use of what it was told.
    """
    if recipe not in RECIPES:
        raise FieldguideError(f"unknown recipe '{recipe}': choose one of {', '.join(RECIPES)}")
    name = RECIPES[recipe].rule if rule is None else rule
    if name not in RULES:
        raise FieldguideError(f"unknown distractor rule '{name}': choose one of {', '.join(RULES)}")
    if name != "threshold" and (tell.contamination is not None or tell.threshold is not None):
        told = "threshold" if tell.contamination is None else "contamination"
        raise FieldguideError(f"--{told} has no use with the distractor rule {name}: add --distractors threshold")
    if tell.contamination is not None and tell.threshold is not None:
        raise FieldguideError("give --contamination or --threshold, not both: one follows from the other")
    if tell.threshold is not None and not -1 <= tell.threshold <= 1:
        raise FieldguideError(f"a threshold is a cosine similarity from -1 to 1, not {tell.threshold}")
    if tell.seed < 0:
        raise FieldguideError(f"--seed must be 0 or more, not {tell.seed}")
    if tell.contamination is not None and not 0 <= tell.contamination <= 1:
        raise FieldguideError(f"a contamination is a share from 0 to 1, not {tell.contamination}")
    return OpenSetClassifier(RECIPES[recipe].recognizer(), RULES[name](tell))
