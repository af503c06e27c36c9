"""Answers put back into the documents of annotations that queries were read from; nothing else of these changes."""

import json
from collections.abc import Sequence
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.core.files import check_writable, written_whole
from fieldguide.core.outputs import OBSERVATIONS, WRITTEN_BACK, OutputKind
from fieldguide.records.annotations import entries_in, is_annotations, read_document
from fieldguide.records.answers import write_table
from fieldguide.records.camtrap import answered_observations, table_in
from fieldguide.records.coco import answered_coco
from fieldguide.records.listed import merged


def written_back_as(path: Path) -> tuple[OutputKind, list[Path]]:
    """Give the kind of file that answers to these queries are written back as, and the files they come from.

    Raises
    ------
    RecordsError : they are neither COCO nor Camtrap DP.
    """
    if not is_annotations(path):
        raise RecordsError(f"{path}: answers are written back into COCO JSON and Camtrap DP: leave --write-back away")
    document = read_document(path)
    if "resources" in document:
        return OBSERVATIONS, [path, table_in(path, document, "observations")]
    return WRITTEN_BACK, [path]


def write_back(
    source: Path,
    path: Path,
    answers: Sequence[tuple[Sequence[str], float]],
    label: str,
    unknown: str,
) -> None:
    """Write the annotations that queries were read from, with the answers in them; nothing else of them changes.

    Parameters
    ----------
    source : of the queries
    path : of the new file: a COCO JSON, or the observations of a Camtrap DP
    answers : (n,) of the queries in their order, labels, best first, and the probability of the first or NaN
    label : the label column
    unknown : the unknown label

    Raises
    ------
    RecordsError : the source has changed since the queries were read.
    FieldguideError : the file cannot be written.
    """
    document = read_document(source)
    places = list(merged(entries_in(source, document, label, labelled=False)).values())
    if len(places) != len(answers):
        raise RecordsError(f"{source} has changed since its pictures were read: start again")
    by_place = {place: answer for here, answer in zip(places, answers, strict=True) for place in here}
    if "resources" in document:
        known = {place: labels[0] for place, (labels, _) in by_place.items() if labels[0] != unknown}
        write_table(path, *answered_observations(source, document, known, label))
        return
    check_writable(path)
    with written_whole(path) as scratch:
        text = json.dumps(answered_coco(document, by_place, label, unknown), ensure_ascii=False)
        scratch.write_text(text, encoding="utf-8", errors="surrogatepass")
