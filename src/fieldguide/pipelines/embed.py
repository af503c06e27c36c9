"""The first half of the main job alone: from pictures on disk to a file of their embeddings."""

from pathlib import Path

from fieldguide.core.outputs import EMBEDDINGS, UNREADABLE, check_outputs, check_overwrites, list_path
from fieldguide.embedding import EmbeddedPictures
from fieldguide.embedding.embedder import Embedder
from fieldguide.embedding.exchange import write_embeddings
from fieldguide.records import read_labelled, read_queries
from fieldguide.records.answers import Format
from fieldguide.records.overview import log_overview
from fieldguide.records.places import Roots, looked_for
from fieldguide.records.unreadable import (
    UnreadablePictures,
    list_unreadable,
    refuse_unreadable,
    unreadable_in,
    write_unreadable,
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
) -> EmbeddedPictures:
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
    catalog = (
        read_labelled(pictures, image_column=image, label_column=label, image_root=image_root)
        if labelled
        else read_queries(pictures, image_column=image, image_root=image_root)
    )
    check_overwrites([path for path, _ in written if path], catalog.paths)
    log_overview(catalog if labelled else None, None if labelled else catalog)
    embedded = embedder(catalog, "embedding")
    unreadable = unreadable_in(embedded, "gallery" if labelled else "queries")
    with list_unreadable(output, form.image_column):
        if not embedded.embeddings.rows:
            first = looked_for(catalog.paths[0], catalog.images[0])
            raise UnreadablePictures(
                f"none of the {len(catalog):,} pictures can be read ({unreadable[0].reason}); the first was {first}",
                unreadable,
            )
        if strict:
            refuse_unreadable(unreadable)
    write_embeddings(embedded, output)
    write_unreadable(unreadable, output, form.image_column)
    return embedded
