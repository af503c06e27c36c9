"""From a catalog of pictures to their embeddings, with a list of those that could not be read."""

import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fieldguide.arrays import Floats
from fieldguide.catalog import Catalog
from fieldguide.embedding.backbones import Backbone
from fieldguide.embedding.engines import Engine, start_engine
from fieldguide.embedding.pictures import UnreadableError, open_rgb
from fieldguide.embedding.preprocessing import Preprocessing
from fieldguide.machine import cores
from fieldguide.progress import progress


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of the pictures of a catalog that could be read.

    Attributes
    ----------
    rows : (n,) which rows of the catalog, ascending
    matrix : (n, dim) float32, one row a picture, not normalised
    unreadable : the reason for each other row of the catalog
    """

    rows: Sequence[int]
    matrix: Floats
    unreadable: Mapping[int, str]


def embed(
    catalog: Catalog, backbone: Backbone, *, engine: str | Engine = "auto", what: str = "embedding", show: bool = True
) -> Embeddings:
    """Embed every picture of a catalog that can be read.

    A picture goes its whole way, file to embedding, in one worker; there is a worker a core. Memory holds a few
    pictures a worker, however many there are.

    Parameters
    ----------
    catalog : n pictures
    backbone : what to embed them with
    engine : what runs the backbone: `openvino`, `torch`, `auto` for the fastest that is installed, or one started
    what : what the progress bar says
    show : whether there is a progress bar

    Raises
    ------
    BackboneError : no such engine.
    """
    runner = start_engine(engine, backbone) if isinstance(engine, str) else engine
    matrix = np.empty((len(catalog), backbone.dim), np.float32)
    unreadable: dict[int, str] = {}
    # Pillow warns of large pictures and odd metadata; what it cannot read at all it raises. Said here, not where the
    # pictures are opened: `catch_warnings` is for one thread
    with warnings.catch_warnings(), progress(what, len(catalog), show=show) as advance:
        warnings.filterwarnings("ignore", module="PIL")
        for row, answer in enumerate(_embed_all(catalog.paths, backbone.preprocessing, runner)):
            if isinstance(answer, str):
                unreadable[row] = answer
            else:
                matrix[row] = answer
            advance()
    rows = [row for row in range(len(catalog)) if row not in unreadable]
    return Embeddings(rows, matrix[rows] if unreadable else matrix, unreadable)


def _embed_all(paths: Sequence[Path], steps: Preprocessing, engine: Engine) -> Iterator[Floats | str]:
    """Give the embedding of each picture in turn, or the reason why it has none."""
    waiting: deque[Future[list[Floats | str]]] = deque()
    pool = ThreadPoolExecutor(cores())
    try:
        for start in range(0, len(paths), engine.batch):
            waiting.append(pool.submit(_embed_batch, paths[start : start + engine.batch], steps, engine))
            if len(waiting) > 4 * cores():  # enough to keep every worker busy, few enough to bound memory
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _embed_batch(paths: Sequence[Path], steps: Preprocessing, engine: Engine) -> list[Floats | str]:
    answers: list[Floats | str] = []
    squares = []
    for path in paths:
        try:
            squares.append(steps(open_rgb(path)))
            answers.append("")
        except UnreadableError as error:
            answers.append(str(error))
    embeddings = iter(engine(np.stack(squares)) if squares else ())
    return [reason or next(embeddings) for reason in answers]
