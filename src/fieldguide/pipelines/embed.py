"""The first half of the main job: from pictures to their embeddings, and to a file of them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fieldguide.core.outputs import EMBEDDINGS, UNREADABLE, check_outputs, check_overwrites, list_path
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder, Pictures, pictures_of
from fieldguide.records import ImageTable, read_labelled, read_queries
from fieldguide.records.answers import Format
from fieldguide.records.overview import log_overview, names_of
from fieldguide.records.places import Roots, describe_search
from fieldguide.records.unreadable import (
    UnreadablePicture,
    UnreadablePictures,
    list_unreadable,
    refuse_unreadable,
    write_unreadable,
)

log = logging.getLogger("fieldguide")


def embed_both(
    gallery: Pictures, queries: Pictures, embedder: Embedder, *, strict: bool = False, distractors: bool = False
) -> tuple[EmbeddingTable, EmbeddingTable]:
    """Embed gallery and queries as they are; a class of which no picture can be read is named, and left out.

    Parameters
    ----------
    gallery, queries : pictures, or their embeddings
    embedder : what embeds them
    strict : whether a picture that cannot be read stops it
    distractors : whether labelled distractors of the gallery are of use

    Raises
    ------
    BackboneError : gallery and queries were embedded by two backbones.
    UnreadablePictures : no query can be read, or no gallery picture, or in a strict run not all.
    """
    embedder.check_same(gallery, queries)
    gallery_table = embedder.embed(gallery, "gallery")
    gallery_table = replace(gallery_table, distractors=None)
    unreadable = gallery_table.unreadable_pictures("gallery")
    if strict:
        refuse_unreadable(unreadable)
    if not gallery_table.rows:
        raise none_of("gallery pictures", gallery_table.pictures, unreadable, unreadable)
    _warn_of_lost_classes(gallery_table)
    gallery_table = replace(gallery_table, distractors=_distractors(gallery, embedder, wanted=distractors))
    unreadable = gallery_table.unreadable_pictures("gallery")
    query_table = embedder.embed(queries, "queries")
    missing = query_table.unreadable_pictures("queries")
    if not query_table.rows:
        raise none_of("queries", query_table.pictures, missing, unreadable + missing)
    if strict:
        refuse_unreadable(unreadable + missing)
    return gallery_table, query_table


def _distractors(gallery: Pictures, embedder: Embedder, *, wanted: bool) -> EmbeddingTable | None:
    """Embed the pictures that a gallery says are of none of its classes, if it has any and they are of use."""
    pictures = pictures_of(gallery).distractors
    if pictures is None:
        return None
    if not wanted:
        log.warning("%d labelled distractors are left out: this recipe and rule have no use for them", len(pictures))
        return None
    return gallery.distractors if isinstance(gallery, EmbeddingTable) else embedder.embed(pictures, "distractors")


def _warn_of_lost_classes(gallery: EmbeddingTable) -> None:
    every = gallery.pictures
    if missing := sorted(set(every.shots()) - set(gallery.readable.shots())):
        row = list(every.labels or ()).index(missing[0])
        log.warning(
            "no picture can be read of %d of %d classes, which no query is given: %s (%s: %s)",
            *(len(missing), len(every.shots()), names_of(missing)),
            *(every.images[row], gallery.unreadable[row]),
        )


def none_of(
    what: str, pictures: ImageTable, missing: Sequence[UnreadablePicture], unreadable: Sequence[UnreadablePicture]
) -> UnreadablePictures:
    """Say that none of `pictures` can be read, and why the first of `missing` cannot; all `unreadable` are listed."""
    first = pictures.images[0] if 0 in pictures.in_memory else describe_search(pictures.paths[0], pictures.images[0])
    return UnreadablePictures(
        f"none of the {len(pictures):,} {what} can be read ({missing[0].reason}); the first was {first}", unreadable
    )


def embed_files(
    pictures: Path,
    output: Path,
    embedder: Embedder,
    *,
    labelled: bool = False,
    form: Format | None = None,
    image_root: Roots = None,
    strict: bool = False,
) -> EmbeddingTable:
    """Embed pictures and write the embeddings of those that can be read: what the command line does.

    Beside `output` lies, if some pictures could not be read, the list of them.

    Parameters
    ----------
    pictures : as gallery or queries of `identify`
    output : a .parquet or a .npz
    labelled : whether it is a gallery, whose labels go into the file
    form : names the columns of a table
    image_root : folders that relative paths in a table may be relative to, instead of to the table
    strict : whether a picture that cannot be read stops it

    Raises
    ------
    FieldguideError : what the user can mend.
    """
    form = form or Format()
    written = [(output, EMBEDDINGS), (list_path(output), UNREADABLE)]
    check_outputs(written, [pictures])
    image, label = form.image_column, form.label_column
    wanted = (
        read_labelled(pictures, image_column=image, label_column=label, image_root=image_root, columns=form.columns)
        if labelled
        else read_queries(pictures, image_column=image, label_column=label, image_root=image_root, columns=form.columns)
    )
    check_overwrites([path for path, _ in written if path], wanted.paths)
    log_overview(wanted if labelled else None, None if labelled else wanted)
    table = embedder.embed(wanted, "embedding")
    unreadable = table.unreadable_pictures("gallery" if labelled else "queries")
    with list_unreadable(output, form.image_column):
        if not table.rows:
            raise none_of("pictures", wanted, unreadable, unreadable)
        if strict:
            refuse_unreadable(unreadable)
    table.write(output)
    write_unreadable(unreadable, output, form.image_column)
    return table
