"""Scores of the answers in one file by the truth in another, with what was compared and what looks wrong."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldguide.core.arrays import Floats
from fieldguide.core.errors import AnswersError
from fieldguide.embedding import EmbeddingTable, is_embeddings
from fieldguide.evaluation.doubts import Compared, doubts
from fieldguide.evaluation.scores import Evaluation, evaluate
from fieldguide.evaluation.truth import find_answers, names_in_truth, resolve_labels
from fieldguide.records import read_gallery
from fieldguide.records.answers import Answers, Format, read_ranked
from fieldguide.records.details_parquet import is_details
from fieldguide.records.groups import take_groups
from fieldguide.records.read import UNKNOWN
from fieldguide.records.separators import OF_OTHERS, SPACE, find_separator, in_words, split
from fieldguide.records.tables import read_columns
from fieldguide.records.text import normal_forms

log = logging.getLogger("fieldguide")


def evaluate_files(
    answers: Path,
    truth: Path,
    form: Format,
    *,
    gallery: Path | None = None,
    class_column: str | None = None,
    k: int = 5,
    seed: int = 0,
) -> Evaluation:
    """Score a file of answers; a Parquet of details has distractor scores, and gets AUROC and FPR too.

    A picture of the truth that is not answered counts as answered wrong. What looks as if the files did not belong
    together is logged as a warning.

    Parameters
    ----------
    answers, truth : the files
    form : columns, separator and unknown label of both
    gallery : what the answers were made by, as `identify` takes it: true labels that it does not have are distractors'
    class_column : of the true classes of distractors, where the truth has a column for them; unless given they are its
        labels that the gallery does not have
    k, seed : as in `evaluate`

    Raises
    ------
    RecordsError : a file or a column is missing.
    AnswersError : a picture is answered twice, or has two true labels, or there is nothing to compare.
    """
    form.check([])
    images, labels, *more = read_columns(
        truth, [form.image_column, form.label_column, *([] if class_column is None else [class_column])]
    )
    if not images:
        raise AnswersError(f"{truth} holds no rows: there is nothing to score")
    names, cells, given = read_given(answers, form)
    images = names_in_truth(truth, images, names)
    true_labels = dict(zip(images, labels, strict=True))
    places = find_answers(names, true_labels)
    if all(place is None for place in places):
        raise AnswersError(
            f"{len(images)} of {len(images)} pictures in the truth are not answered, {images[0]} among them: "
            f"{answers} answers {names[0]} and others"
        )
    if given is None:
        best = separator_by_truth(cells, places, labels, form)
        separator = best if form.separator is None else form.separator
        given = Answers(names, [split(cell, separator) for cell in cells])
        if best != separator:
            log.warning(
                "%s: more true labels are among the answers if they are separated by %s: say so with --separator",
                answers,
                in_words(best),
            )
        elif form.separator is None and any(split(cell, separator) != split(cell, SPACE) for cell in cells):
            log.warning("%s: the labels are taken as separated by %s", answers, in_words(separator))
    given.check(answers)
    if given.unknown and form.unknown == UNKNOWN:
        form = replace(form, unknown=given.unknown)
    classes = given.classes if gallery is None else read_classes(gallery, form)
    if given.groups is None:
        renamed, groups = take_groups(given.labels, {*labels, *(classes or ())}, form.unknown)
        given = replace(given, labels=renamed, groups=groups)
    true = resolve_labels(labels, classes, form.unknown)
    compared = Compared(answers, truth, given, places, labels, true, classes, form.unknown)
    for doubt in doubts(compared):
        log.warning("%s", doubt)
    scores = evaluate(
        [[] if place is None else given.labels[place] for place in places],
        true,
        distractor_score=_scores_at(given.distractor_score, places, [label == form.unknown for label in true]),
        groups=given.groups and [None if place is None else given.groups[place] for place in places],
        distractor_classes=more[0] if more else labels,
        unknown=form.unknown,
        k=k,
        seed=seed,
    )
    return replace(scores, compared=compared.in_words(), known_classes=None if classes is None else sorted(classes))


def read_given(path: Path, form: Format) -> tuple[Sequence[str], Sequence[str], Answers | None]:
    """Read names and cells of a table, or of details the names and the answers.

    Raises
    ------
    RecordsError, AnswersError : the file cannot be read as answers.
    """
    if is_details(path):
        given = read_ranked(path)
        return given.names, (), given
    names, cells = read_columns(path, [form.image_column, form.label_column])
    if not names:
        raise AnswersError(f"{path} holds no answers: there is nothing to score")
    return names, cells, None


def separator_by_truth(cells: Sequence[str], places: Sequence[int | None], labels: Sequence[str], form: Format) -> str:
    """Give the separator by which most true labels are among the answers of a table.

    The one that `form` names, or else the one that the cells alone suggest, stays where others are no better.
    """
    rows = zip(places, normal_forms(labels), strict=True)
    answered = [(cells[place], label) for place, label in rows if place is not None]

    def hits(separator: str) -> int:
        return sum(label in normal_forms(split(cell, separator)) for cell, label in answered)

    first = find_separator(cells, form.unknown) if form.separator is None else form.separator
    present = [one for one in OF_OTHERS if one and one != first and any(one in cell for cell, _ in answered)]
    return max([first, *present, ""], key=hits)  # the first of equals


def read_classes(gallery: Path, form: Format) -> Collection[str]:
    """Give the labels of a gallery; no picture is opened.

    Raises
    ------
    RecordsError : it is no gallery.
    """
    if is_embeddings(gallery):
        labels = EmbeddingTable.read(gallery).labels
        if labels is None:
            raise AnswersError(f"{gallery} has no labels: name the gallery that the answers were made by")
        return set(labels)
    names = {"image_column": form.image_column, "label_column": form.label_column}
    return read_gallery(gallery, **names, unknown=form.unknown, columns=form.columns).shots().keys()


def _scores_at(score: Floats | None, places: Sequence[int | None], distractor: Sequence[bool]) -> Floats | None:
    """Give the distractor score of each picture; one that is not answered is as wrong as can be."""
    if score is None:
        return None
    worst = {True: score.min() - 1, False: score.max() + 1}
    rows = [worst[is_one] if place is None else score[place] for place, is_one in zip(places, distractor, strict=True)]
    return np.array(rows, np.float32)
