"""Scores of the answers in one file by the truth in another."""

from pathlib import Path

from fieldguide.answers import Format, read_answers
from fieldguide.catalog.tables import read_columns
from fieldguide.errors import AnswersError
from fieldguide.evaluation.scores import Score, evaluate
from fieldguide.evaluation.truth import match_truth


def evaluate_files(answers: Path, truth: Path, form: Format, *, k: int = 5, seed: int = 0) -> list[Score]:
    """Score a file of answers; a Parquet of details has distractor scores, and gets AUROC and FPR too.

    Raises
    ------
    CatalogError : a file or a column is missing.
    AnswersError : a picture is answered twice, or not at all, or has two true labels.
    """
    given = read_answers(answers, form)
    images, labels = read_columns(truth, [form.image_column, form.label_column])
    if not images:
        raise AnswersError(f"{truth} holds no rows: there is nothing to score")
    true_labels = dict(zip(images, labels, strict=True))
    if len(true_labels) != len(images):
        raise AnswersError(f"{truth}: a picture is listed twice")
    matched = match_truth(given.names, true_labels)
    places = [place for place, _ in matched]
    return evaluate(
        [given.labels[place] for place in places],
        [label for _, label in matched],
        distractor_score=None if given.distractor_score is None else given.distractor_score[places],
        unknown=form.unknown,
        k=k,
        seed=seed,
    )
