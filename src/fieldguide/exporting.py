"""The first half of the main job alone: from pictures on disk to a file of their embeddings."""

from pathlib import Path

from fieldguide.answers import Format
from fieldguide.catalog import read_gallery, read_queries
from fieldguide.embedder import Embedder
from fieldguide.embedding import EmbeddedPictures
from fieldguide.embedding.exchange import write_embeddings
from fieldguide.errors import CatalogError
from fieldguide.outputs import EMBEDDINGS, UNREADABLE, check_outputs, check_overwrites, list_path
from fieldguide.unreadable import unreadable_in, write_unreadable


def embed_files(
    pictures: Path, output: Path, embedder: Embedder, *, labelled: bool = False, form: Format | None = None
) -> EmbeddedPictures:
    """Embed pictures and write the embeddings of those that can be read: what the command line does.

    Beside `output` lies, if some pictures could not be read, the list of them.

    Parameters
    ----------
    pictures : as gallery or queries of `identify`
    output : a .parquet or a .npz
    labelled : whether it is a gallery, whose labels go into the file
    form : names the columns of a table

    Raises
    ------
    FieldguideError : what the user can mend.
    """
    form = form or Format()
    written = [(output, EMBEDDINGS), (list_path(output), UNREADABLE)]
    check_outputs(written, [pictures])
    columns = {"image_column": form.image_column}
    catalog = (
        read_gallery(pictures, **columns, label_column=form.label_column, unknown=form.unknown)
        if labelled
        else read_queries(pictures, **columns)
    )
    check_overwrites([path for path, _ in written if path], catalog.paths)
    embedded = embedder(catalog, "embedding")
    unreadable = unreadable_in(embedded, "gallery" if labelled else "queries")
    if not embedded.embeddings.rows:
        raise CatalogError(f"none of the {len(catalog)} pictures can be read ({unreadable[-1].reason})")
    write_embeddings(embedded, output)
    write_unreadable(unreadable, output, form.image_column)
    return embedded
