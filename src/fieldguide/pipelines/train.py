"""From labelled pictures to a folder with a trained backbone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.backbones import load_backbone
from fieldguide.core.errors import RecordsError
from fieldguide.embedding import is_embeddings, open_cache
from fieldguide.engines import start_engine
from fieldguide.records import read_both, read_gallery
from fieldguide.records.columns import PictureColumns
from fieldguide.records.overview import log_overview
from fieldguide.records.places import Roots

if TYPE_CHECKING:
    from fieldguide.training import Trained


def train(
    training: str,
    gallery: str | os.PathLike[str],
    output: str | os.PathLike[str],
    queries: str | os.PathLike[str] | None = None,
    *,
    backbone: str = "efficientnet-lite0",
    engine: str = "auto",
    tune: str | None = None,
    epochs: int | None = None,
    loss: str | None = None,
    start: str | None = None,
    batch: int | None = None,
    lr: float | None = None,
    views: int | None = None,
    precision: str | None = None,
    log: str | None = None,
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = "-1",
    image_root: Roots = None,
    columns: PictureColumns | None = None,
    strict: bool = False,
    seed: int = 0,
) -> "Trained":
    """Train a backbone on a gallery, if that helps: classes held out from it decide. As `fieldguide train` does.

    Needs the extra `train`. A training that was broken off goes on when it is called again.

    Parameters
    ----------
    training : `metric`, from labels, `simclr`, from pictures alone, or `hybrid`, both; or as the report had them,
        `metric-report`, `metric-report-512`, `simclr-report`
    gallery : labelled pictures, a folder with a subfolder a class or a table
    output : the folder to make, which `identify` takes as `backbone`
    queries : pictures to learn from without labels, a folder or a table
    backbone, engine : what to start from, and what runs it
    tune, epochs, loss, start, batch, lr, views, precision, log : how it is trained; unless given, as the training's
        name says
    image_column, label_column, unknown, image_root, columns : of tables, as `identify` takes them
    strict : whether a picture that cannot be read stops it; without it such are named and left out
    seed : of everything random

    Returns
    -------
    What came of it: the backbone, and how good it is on held-out classes before and after.

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    from fieldguide.training import configuration
    from fieldguide.training import train as train_backbone

    how = configuration(training).with_changes(
        tune=tune, epochs=epochs, loss=loss, start=start, batch=batch, lr=lr, views=views, precision=precision, log=log,
        seed=seed,
    )  # fmt: skip
    for given in gallery, queries:
        if given is not None and is_embeddings(Path(given)):
            raise RecordsError(f"{given}: a training looks at pictures: name these, not embeddings")
    names = {"image_column": image_column, "label_column": label_column, "unknown": unknown}
    if queries is None:
        labelled, unlabelled = read_gallery(gallery, **names, image_root=image_root, columns=columns), None
        log_overview(labelled)
    else:
        labelled, unlabelled = read_both(gallery, queries, **names, image_root=image_root, columns=columns)
    base = load_backbone(backbone)
    runner = start_engine(engine, base)
    cache = open_cache(base, runner)
    return train_backbone(how, labelled, unlabelled, base, Path(output), engine=runner, cache=cache, strict=strict)
