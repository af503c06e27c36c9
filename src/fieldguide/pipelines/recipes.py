"""Named choices of recognizer and distractor rule. A new one is one line in `RECIPES` or `RULES`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fieldguide.core.errors import FieldguideError
from fieldguide.core.extras import require
from fieldguide.pipelines.adapt import Adapt, averaged, trained
from fieldguide.recognition import (
    CosineClassifier,
    DBSCANRule,
    DistractorRule,
    EVoCRule,
    HDBSCANRule,
    InductiveClassifier,
    OpenSetClassifier,
    ProbabilisticClassifier,
    Recognizer,
    SelfTrainingClassifier,
    ThresholdRule,
    TransductiveClassifier,
    XGBoostClassifier,
)
from fieldguide.recognition.distractors import NoRule
from fieldguide.recognition.distractors.threshold import REPORTS_CONTAMINATION


@dataclass(frozen=True)
class RuleOptions:
    """What a user may say about distractors; None leaves it to the rule."""

    contamination: float | None = None
    threshold: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """How labels are found.

    Attributes
    ----------
    rule : its distractor rule unless told otherwise
    closed : makes the recognizer that ranks classes alone, for a distractor rule to work on
    open : makes the recognizer that has the unknown label among its probabilities, if there is one
    adapt : makes other embeddings of the pictures, by training or from several views, if it is to do so
    own_space : whether the recognizer bends the space itself, anew for every gallery it is shown
    needs : libraries of our extras that it cannot do without
    probabilities : whether its names have probabilities
    """

    rule: str
    closed: Callable[[RuleOptions], Recognizer]
    open: Callable[[RuleOptions], Recognizer] | None = None
    adapt: Adapt | None = None
    own_space: bool = False
    needs: Sequence[str] = ()
    probabilities: bool = True

    def check_installed(self, name: str) -> None:
        """Refuse, before hours of work, a recipe whose libraries are missing."""
        for library in self.needs:
            require(library, f"the recipe {name}")

    def check_probabilities(self, name: str) -> None:
        """Refuse, before any work, to name by probability where there are none."""
        if not self.probabilities:
            others = [other for other, recipe in RECIPES.items() if recipe.probabilities and recipe.adapt is None]
            raise FieldguideError(
                f"--name-above goes by probabilities, and the recipe {name} has none: "
                f"take {', '.join(others[:-1])} or {others[-1]}"
            )


RULES: dict[str, Callable[[RuleOptions], DistractorRule]] = {
    "none": lambda _: NoRule(),
    "threshold": lambda options: ThresholdRule(options.threshold, options.contamination),
    "dbscan": lambda options: DBSCANRule("tsne", seed=options.seed),
    "dbscan-embedding": lambda options: DBSCANRule("embedding", seed=options.seed),
    "hdbscan": lambda options: HDBSCANRule(seed=options.seed),
    "evoc": lambda options: EVoCRule(seed=options.seed),
}
PROBABILITY = "probability"  # no rule upon a ranking: the unknown label is one of the labels ranked
USES = {"contamination": ("threshold", PROBABILITY), "threshold": ("threshold",)}

TRAINING = "accelerate", "kornia", "pytorch_metric_learning", "safetensors"
TRANSDUCTIVE = Recipe(
    PROBABILITY,
    closed=lambda options: TransductiveClassifier(contamination=0, seed=options.seed),
    open=lambda options: TransductiveClassifier(contamination=options.contamination, seed=options.seed),
    own_space=True,
)
RECIPES: dict[str, Recipe] = {
    # labels spread over gallery and queries, everything sorted by probability
    "transductive": TRANSDUCTIVE,
    # the same as far as one query can be answered by itself
    "inductive": Recipe(
        PROBABILITY,
        closed=lambda options: InductiveClassifier(contamination=0, seed=options.seed),
        open=lambda options: InductiveClassifier(
            contamination=REPORTS_CONTAMINATION if options.contamination is None else options.contamination,
            seed=options.seed,
        ),
        own_space=True,
    ),
    # the report's best: the most similar picture, distractors by DBSCAN
    "cosine": Recipe(
        "dbscan",
        closed=lambda _: CosineClassifier(),
        probabilities=False,
    ),
    # logistic regression on the embeddings: what to try before anything larger
    "logistic": Recipe(
        "dbscan",
        closed=lambda _: ProbabilisticClassifier(),
    ),
    # the report's second: two shots of a class to train, the third to stop early
    "xgboost": Recipe(
        "dbscan",
        closed=lambda options: ProbabilisticClassifier(XGBoostClassifier(seed=options.seed)),
    ),
    # logistic regression that learns from the queries it is surest of, as long as hidden shots bear it out
    "self-training": Recipe(
        "dbscan",
        closed=lambda options: SelfTrainingClassifier(ProbabilisticClassifier(), seed=options.seed),
    ),
    # the report's third and fourth: heads from random weights, compared by cosine
    "metric-report": Recipe(
        "dbscan",
        closed=lambda _: CosineClassifier(),
        adapt=trained("metric-report"),
        needs=TRAINING,
        probabilities=False,
    ),
    "simclr-report": Recipe(
        "dbscan",
        closed=lambda _: CosineClassifier(),
        adapt=trained("simclr-report"),
        needs=TRAINING,
        probabilities=False,
    ),
    # every picture seen in several views, and answered as by default
    "views": replace(TRANSDUCTIVE, adapt=averaged, needs=["kornia"]),
    # the report's trainings as they should have been: on several views, and held-out classes decide
    "metric": replace(TRANSDUCTIVE, adapt=trained("metric", average=True), needs=TRAINING),
    "simclr": replace(TRANSDUCTIVE, adapt=trained("simclr", average=True), needs=TRAINING),
    "hybrid": replace(TRANSDUCTIVE, adapt=trained("hybrid", average=True), needs=TRAINING),
}
DEFAULT_RECIPE = "transductive"


def recipe_named(name: str) -> Recipe:
    """Give a recipe by its name.

    Raises
    ------
    FieldguideError : there is none.
    """
    if name not in RECIPES:
        raise FieldguideError(f"unknown recipe '{name}': choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def recognizer_for(recipe: str, rule: str | None, options: RuleOptions) -> Recognizer:
    """Make the estimator that a recipe names, with its own distractor rule or another.

    Raises
    ------
    FieldguideError : there is no such recipe or rule, or the rule makes no use of what it was told.
    """
    chosen = recipe_named(recipe)
    name = chosen.rule if rule is None else rule
    if name not in (PROBABILITY, *RULES):
        raise FieldguideError(f"unknown distractor rule '{name}': choose one of {', '.join((PROBABILITY, *RULES))}")
    _check(name, options)
    if name != PROBABILITY:
        return OpenSetClassifier(chosen.closed(options), RULES[name](options))
    if chosen.open is None:
        raise FieldguideError(f"the recipe {recipe} has no probabilities: choose one of {', '.join(RULES)}")
    return chosen.open(options)


def _check(rule: str, options: RuleOptions) -> None:
    for option, rules in USES.items():
        if getattr(options, option) is not None and rule not in rules:
            raise FieldguideError(
                f"--{option} has no use with the distractor rule {rule}: add --distractors {rules[0]}"
            )
    if options.contamination is not None and options.threshold is not None:
        raise FieldguideError("give --contamination or --threshold, not both: one follows from the other")
    if options.contamination is not None and not 0 <= options.contamination <= 1:
        raise FieldguideError(f"a contamination is a share from 0 to 1, not {options.contamination}")
    if options.threshold is not None and not -1 <= options.threshold <= 1:
        raise FieldguideError(f"a threshold is a cosine similarity from -1 to 1, not {options.threshold}")
    if options.seed < 0:
        raise FieldguideError(f"--seed must be 0 or more, not {options.seed}")
