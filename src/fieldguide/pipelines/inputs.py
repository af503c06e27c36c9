"""Gallery and queries as the user gives them, be they pictures or embeddings: read, and said what they hold."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, TypeGuard

from fieldguide.core.errors import RecordsError
from fieldguide.embedding import EmbeddingTable, is_embeddings
from fieldguide.embedding.embedder import Pictures, pictures_of
from fieldguide.records import ImageTable, refuse_repeats, without_distractors
from fieldguide.records.answers import Format
from fieldguide.records.given import GivenPictures, Labels, labelled_pictures, unlabelled_pictures
from fieldguide.records.overview import log_overview, warn_of_labels, warn_of_overlap
from fieldguide.records.places import Roots
from fieldguide.records.text import normal_form, normal_forms

Given: TypeAlias = "GivenPictures | EmbeddingTable"


def read_inputs(
    gallery: Given, queries: Given, form: Format, image_root: Roots, labels: Labels | None = None
) -> tuple[Pictures, Pictures]:
    """Read gallery and queries, and say what they hold.

    Parameters
    ----------
    gallery, queries, labels : as `identify` takes them
    form : names the columns of tables, and the unknown label
    image_root : folders that relative paths in tables may be relative to, instead of to the table

    Raises
    ------
    TypeError : they are nothing that pictures or embeddings can be read from.
    ValueError : there is not one label for each picture.
    RecordsError : they cannot be used as they stand.
    """
    labelled, unlabelled = _read_gallery(gallery, labels, form, image_root), read_unlabelled(queries, form, image_root)
    log_overview(pictures_of(labelled), pictures_of(unlabelled))
    if (
        isinstance(labelled, ImageTable)
        and isinstance(unlabelled, ImageTable)
        and is_path(gallery)
        and is_path(queries)
    ):
        warn_of_overlap(Path(gallery), Path(queries), labelled, unlabelled)
    return labelled, unlabelled


def is_path(given: Given) -> TypeGuard[str | os.PathLike[str]]:
    """Whether something is given by where it lies."""
    return isinstance(given, str | os.PathLike)


def _read_gallery(given: Given, labels: Labels | None, form: Format, image_root: Roots) -> Pictures:
    source = given if is_path(given) else "the gallery"
    table = _embeddings_in(given)
    if table is None:
        pictures = labelled_pictures(
            given,
            labels,
            image_column=form.image_column,
            label_column=form.label_column,
            image_root=image_root,
            columns=form.columns,
        )
        return without_distractors(source, pictures, form.unknown)
    if labels is not None:
        raise ValueError("labels= are for the gallery as a sequence of pictures: embeddings have their own")
    if table.labels is None:
        missing = "fieldguide embed --gallery keeps them" if is_path(given) else "EmbeddingTable.from_arrays takes them"
        raise RecordsError(f"{source} has no labels, which a gallery needs: {missing}")
    whole = replace(table.pictures, labels=normal_forms(table.pictures.labels or ()))
    refuse_repeats(source, whole)
    warn_of_labels(source, whole)
    return apart_from_distractors(replace(table, pictures=whole), source, form.unknown)


def apart_from_distractors(table: EmbeddingTable, source: str | os.PathLike[str], unknown: str) -> EmbeddingTable:
    """Put the embeddings of a gallery that have the unknown label apart, as its labelled distractors."""
    every = table.pictures
    pictures = without_distractors(source, every, unknown)
    if pictures.distractors is None or pictures is every:
        return table
    none = normal_form(unknown)
    rows: dict[bool, list[int]] = {True: [], False: []}
    for row, label in enumerate(every.labels or ()):
        rows[label != none].append(row)
    others = _part(table, pictures.distractors, rows[False])
    return replace(_part(table, pictures, rows[True]), distractors=others)


def _part(table: EmbeddingTable, pictures: ImageTable, rows: Sequence[int]) -> EmbeddingTable:
    """Give the table of some of its pictures, `rows` of them all, readable or not."""
    place = {row: at for at, row in enumerate(rows)}
    kept = [at for at, row in enumerate(table.rows) if row in place]
    return EmbeddingTable(
        pictures,
        [place[table.rows[at]] for at in kept],
        table.matrix[kept],
        {place[row]: reason for row, reason in table.unreadable.items() if row in place},
        table.made_by,
    )


def read_unlabelled(given: Given, form: Format, image_root: Roots) -> Pictures:
    """Read pictures that need no labels, or their embeddings; errors as in `read_inputs`."""
    table = _embeddings_in(given)
    if table is None:
        return unlabelled_pictures(
            given,
            image_column=form.image_column,
            label_column=form.label_column,
            image_root=image_root,
            columns=form.columns,
        )
    refuse_repeats(given if is_path(given) else "the queries", table.pictures)
    return table


def _embeddings_in(given: Given) -> EmbeddingTable | None:
    """Give the embeddings that these are, or that a file of them holds; None for pictures."""
    if isinstance(given, EmbeddingTable):
        return given
    return EmbeddingTable.read(given) if is_path(given) and is_embeddings(Path(given)) else None
