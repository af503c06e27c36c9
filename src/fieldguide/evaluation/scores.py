"""The scores of a set of answers, each with a bootstrap interval."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats
from fieldguide.core.errors import AnswersError
from fieldguide.core.extras import require_pandas
from fieldguide.evaluation.bootstrap import Count, Score, bootstrap, mean, share
from fieldguide.evaluation.group_scores import score_groups
from fieldguide.evaluation.inputs import GivenAnswers, GivenTruth, check_numbers, read_pair
from fieldguide.evaluation.metrics import Separation, reciprocal_ranks
from fieldguide.evaluation.truth import resolve_labels
from fieldguide.records.text import normal_form, normal_forms

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Scores, and of what; a sequence of `Score`s, by number or by name: `evaluation["mAP@5"].value`.

    Attributes
    ----------
    scores : a figure each
    compared : in a sentence
    known_classes : the labels of the gallery, by which distractors were told; None where they were not known, and each
        true label but the unknown one was taken for a known class
    """

    scores: Sequence[Score]
    compared: str
    known_classes: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Score]:
        return iter(self.scores)

    def __getitem__(self, which: int | str) -> Score:
        """Give a score by its number or name.

        Raises
        ------
        KeyError, IndexError : there is none.
        """
        if isinstance(which, str):
            return {score.name: score for score in self.scores}[which]
        return self.scores[which]

    def __repr__(self) -> str:
        return "\n".join([self.compared, *map(str, self.scores)])

    def to_pandas(self) -> "pd.DataFrame":
        """Give a data frame: a row a score, with its value and the two ends of its interval.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        rows = [(score.value, score.low, score.high) for score in self.scores]
        names = [score.name for score in self.scores]
        return require_pandas().DataFrame(rows, index=names, columns=["value", "low", "high"])


def evaluate(
    answers: GivenAnswers,
    truth: GivenTruth,
    known_classes: Iterable[str] | None = None,
    *,
    distractor_score: Floats | None = None,
    groups: Sequence[str | None] | None = None,
    distractor_classes: Sequence[str] | None = None,
    unknown: str | None = None,
    k: int = 5,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Score answers against the truth.

    Parameters
    ----------
    answers : what `identify` gave, or its ranking, which has distractor scores, the unknown label and the known classes
        as well; or labels, best first, by the query's name or as a list for each query; or the path of a file of
        answers or details
    truth : true labels, `unknown` for distractors: a mapping or a pandas Series by the query's name, the path of a
        table with the columns image and label, or a list in the order of the answers
    known_classes : the labels of the gallery, so that every other true label is a distractor's; a result or a ranking
        has them. Where they are not known every true label but `unknown` is taken for one of them
    distractor_score : (n,) higher for likelier distractors; without it there is no AUROC and no FPR
    groups : (n,) the new class that each query is answered to be in, None where in none; a result or a ranking has
        them, and labels such as `new-1`, of no class, are taken for them
    distractor_classes : (n,) the true class of each distractor, `unknown` where it is not known; the true labels unless
        given. Those of known queries do not count. It goes with `truth` in the order of the answers
    unknown : the unknown label; `-1` unless given or the ranking's
    k : how many answers count
    resamples, seed : of the bootstrap

    Returns
    -------
    mAP@k over all queries, over the known ones and over the distractors, and top-1 accuracy. A query is named if its
    first answer is a class: `names right` is the share of the names that are right (precision), `known named rightly`
    that of the known queries that got theirs (recall), `distractors named` that of the distractors that got one, each
    with its count. With `distractor_score` AUROC and FPR at 95% TPR of known against distractor too. Labels are
    compared in their normal form. With groups, and where the truth has the classes of distractors, `score_groups`
    adds how well new classes were found. `compared` says what was compared and how many classes are known.

    Raises
    ------
    AnswersError : there is nothing to score, not one true label for each answer, a true label whose query is not
        answered, or a number that cannot be.
    TypeError : something else than labels was given; the text names what is taken.

    Source of the interval: percentiles of B. Efron's bootstrap, 1979, resampling queries.
    """
    given, labels = read_pair(answers, truth, distractor_score, groups)
    check_numbers(len(given.labels), len(labels), given.distractor_score, k, resamples, seed)
    none = normal_form(str(unknown) if unknown is not None else given.unknown or "-1")
    known = given.classes if known_classes is None else [str(label) for label in known_classes]
    given = given.with_groups({*labels, *(known or ())}, none)
    true = resolve_labels(labels, None if known is None else normal_forms(known), none)
    form = {label: normal_form(label) for one in given.labels for label in one}
    points = reciprocal_ranks([list(dict.fromkeys(form[label] for label in one)) for one in given.labels], true, k)
    distractor = np.array([label == none for label in true], bool)
    named = np.array([bool(one) and form[one[0]] != none for one in given.labels], bool)
    scores = _score_points(points, distractor, named, given.distractor_score, k, resamples, seed)
    if given.groups is not None:
        first = [form[one[0]] if one else none for one in given.labels]
        classes = normal_forms(labels if distractor_classes is None else distractor_classes)
        if len(classes) != len(true):
            raise AnswersError(f"there are {len(classes):,} classes of distractors for {len(true):,} answers")
        scores += score_groups(first, given.groups, true, classes, none, resamples=resamples, seed=seed)
    return Evaluation(scores, _in_words(true, int(distractor.sum()), known, none), known)


def _in_words(true: Sequence[str], n_distractors: int, known: Sequence[str] | None, unknown: str) -> str:
    said = f"compared {len(true):,} answers with their true labels; {n_distractors:,} of distractors; "
    if known is not None:
        return said + f"{len(set(known)):,} known classes"
    return said + f"{len(set(true) - {unknown}):,} known classes, all but '{unknown}' taken as known"


def _score_points(
    points: Anything,
    distractor: Flags,
    named: Flags,
    distractor_score: Floats | None,
    k: int,
    resamples: int,
    seed: int,
) -> list[Score]:
    score = np.zeros(len(points), np.float32) if distractor_score is None else distractor_score
    order = np.lexsort([score, named, distractor, points])  # the same resamples in whatever order the answers come
    points, distractor, named, score = points[order], distractor[order], named[order], score[order]
    named_rightly = (points == 1) & ~distractor
    shares = {
        "names right": (named_rightly, named, "names"),
        "known named rightly": (named_rightly, ~distractor, "known queries"),
        "distractors named": (named, distractor, "distractors"),
    }
    counts = {
        name: Count(int((hit & among).sum()), int(among.sum()), what) for name, (hit, among, what) in shares.items()
    }
    counted: dict[str, Callable[[Anything], float]] = {
        f"mAP@{k}": partial(mean, points),
        f"mAP@{k}, known": lambda weight: mean(points, weight * ~distractor),
        f"mAP@{k}, distractors": lambda weight: mean(points, weight * distractor),
        "top-1": partial(mean, (points == 1).astype(float)),
    }
    counted |= {name: partial(share, hit, among) for name, (hit, among, _) in shares.items()}
    if distractor_score is not None:
        separation = Separation(distractor, score)
        counted["AUROC"] = separation.auroc
        counted["FPR at 95% TPR"] = separation.fpr_at_95_tpr

    return bootstrap(counted, len(points), counts, resamples=resamples, seed=seed)
