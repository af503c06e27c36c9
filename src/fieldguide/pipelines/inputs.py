"""Gallery and queries as the user gives them, be they pictures or embeddings: read, and said what they hold."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldguide.core.errors import RecordsError
from fieldguide.embedding import EmbeddingTable, is_embeddings
from fieldguide.embedding.embedder import Pictures, pictures_of
from fieldguide.records import ImageTable, read_gallery, read_queries, refuse_repeats, without_distractors
from fieldguide.records.answers import Format
from fieldguide.records.overview import log_overview, warn_of_labels, warn_of_overlap
from fieldguide.records.places import Roots
from fieldguide.records.text import normal_form, normal_forms


def read_inputs(
    gallery: str | os.PathLike[str], queries: str | os.PathLike[str], form: Format, image_root: Roots
) -> tuple[Pictures, Pictures]:
    """Read gallery and queries, and say what they hold.

    Parameters
    ----------
    gallery, queries : as `identify` takes them
    form : names the columns of tables, and the unknown label
    image_root : folders that relative paths in tables may be relative to, instead of to the table

    Raises
    ------
    RecordsError : they cannot be used as they stand.
    """
    known, asked = _read_gallery(Path(gallery), form, image_root), _read_queries(Path(queries), form, image_root)
    log_overview(pictures_of(known), pictures_of(asked))
    if isinstance(known, ImageTable) and isinstance(asked, ImageTable):
        warn_of_overlap(Path(gallery), Path(queries), known, asked)
    return known, asked


def _read_gallery(path: Path, form: Format, image_root: Roots) -> Pictures:
    if not is_embeddings(path):
        columns = {"image_column": form.image_column, "label_column": form.label_column}
        return read_gallery(path, **columns, unknown=form.unknown, image_root=image_root)
    table = EmbeddingTable.read(path)
    if table.labels is None:
        raise RecordsError(f"{path} has no labels, which a gallery needs: fieldguide embed --gallery keeps them")
    whole = replace(table.pictures, labels=normal_forms(table.labels))
    refuse_repeats(path, whole)
    warn_of_labels(path, whole)
    return apart_from_distractors(replace(table, pictures=whole), path, form.unknown)


def apart_from_distractors(table: EmbeddingTable, source: Path, unknown: str) -> EmbeddingTable:
    """Put the embeddings of a gallery that have the unknown label apart, as its labelled distractors."""
    pictures = without_distractors(source, table.pictures, unknown)
    if pictures.distractors is None:
        return table
    is_known = np.array(table.labels) != normal_form(unknown)
    others = table.take(np.flatnonzero(~is_known).tolist())
    known = table.take(np.flatnonzero(is_known).tolist())
    return replace(known, pictures=pictures, distractors=others)


def _read_queries(path: Path, form: Format, image_root: Roots) -> Pictures:
    if is_embeddings(path):
        table = EmbeddingTable.read(path)
        refuse_repeats(path, table.pictures)
        return table
    return read_queries(path, image_column=form.image_column, image_root=image_root)
