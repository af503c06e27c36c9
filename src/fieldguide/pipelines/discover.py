"""Groups of pictures of which nothing is known: what `fieldguide discover` does."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fieldguide.core.arrays import Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.core.outputs import ANSWERS, UNREADABLE, check_outputs, check_overwrites, list_path
from fieldguide.core.progress import working
from fieldguide.discovery import DiscoveryClusterer
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder, pictures_of
from fieldguide.pipelines.embed import none_of
from fieldguide.pipelines.inputs import read_unlabelled
from fieldguide.records.answers import Format, write_table
from fieldguide.records.listed import LABEL
from fieldguide.records.overview import log_overview
from fieldguide.records.places import Roots
from fieldguide.records.unreadable import list_unreadable, refuse_unreadable, write_unreadable


@dataclass(frozen=True)
class GroupedPictures:
    """Pictures and their groups.

    Attributes
    ----------
    table : the embeddings of those that could be read
    groups : (n_readable,) from 0, the largest
    """

    table: EmbeddingTable
    groups: Ints

    @property
    def sizes(self) -> Ints:
        """How many pictures each group has, the largest first."""
        return np.bincount(self.groups)


def discover_files(
    pictures: Path,
    output: Path,
    embedder: Embedder,
    *,
    cut: float | None = None,
    seed: int = 0,
    form: Format | None = None,
    image_root: Roots = None,
    strict: bool = False,
    show: bool = True,
) -> GroupedPictures:
    """Group pictures without any gallery, and write a row a picture that can be read: its name, and its group.

    Parameters
    ----------
    pictures : a folder, a table, a single picture, or a file of embeddings
    output : a .csv or .tsv
    embedder : what embeds them
    cut, seed : as in `DiscoveryClusterer`
    form : names the columns
    image_root : folders that relative paths in a table may be relative to, instead of to the table
    strict : whether a picture that cannot be read stops it
    show : whether to show progress

    Raises
    ------
    FieldguideError : what the user can mend.
    """
    form = form or Format(label_column="group")
    if cut is not None and not 0 < cut <= 1:
        raise FieldguideError(f"--cut is a closeness above 0, at most 1, not {cut:g}")
    written = [(output, ANSWERS), (list_path(output), UNREADABLE)]
    check_outputs(written, [pictures])
    given = read_unlabelled(pictures, replace(form, label_column=LABEL), image_root)
    wanted = pictures_of(given)
    check_overwrites([path for path, _ in written if path], wanted.paths)
    log_overview(None, wanted)
    table = embedder.embed(given, "embedding")
    unreadable = table.unreadable_pictures("queries")
    with list_unreadable(output, form.image_column):
        if not table.rows:
            raise none_of("pictures", wanted, unreadable, unreadable)
        if strict:
            refuse_unreadable(unreadable)
    with working("grouping", show=show):
        groups = DiscoveryClusterer(cut, seed).fit_predict(table.matrix)
    names = [wanted.images[row] for row in table.rows]
    rows = [(name, f"new-{group + 1}") for name, group in zip(names, groups.tolist(), strict=True)]
    write_table(output, (form.image_column, form.label_column), rows)
    write_unreadable(unreadable, output, form.image_column)
    return GroupedPictures(table, groups)
