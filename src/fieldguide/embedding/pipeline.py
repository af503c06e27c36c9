"""From a table of pictures to their embeddings, with a list of those that could not be read."""

import logging
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np

from fieldguide.backbones import Backbone
from fieldguide.core.arrays import Bytes, Floats, Ints
from fieldguide.core.machine import cores
from fieldguide.core.progress import progress
from fieldguide.embedding.cache import (
    EmbeddingCache,
    FileSignature,
    sign_file,
    sign_in_memory,
    sign_region,
    unchanged,
)
from fieldguide.embedding.decoders import Decoders
from fieldguide.embedding.table import EmbeddingTable, Provenance
from fieldguide.embedding.workers import Job, Workers
from fieldguide.engines import Engine, start_engine
from fieldguide.images.decoding import (
    CUT_SHORT,
    UnreadableError,
    decode,
    decode_in_memory,
    is_risky,
    large_ones_turn,
    open_picture,
)
from fieldguide.images.preprocessing import SPARE, Preprocessing
from fieldguide.images.turns import without_patience
from fieldguide.records import ImageTable
from fieldguide.records.image_table import InMemory, Source, whole_and_region
from fieldguide.records.regions import Region

log = logging.getLogger("fieldguide")

NAMED = 5  # pictures in a warning
PATIENCE = 60.0  # seconds; a picture that is not decoded by then is unreadable


@dataclass(frozen=True)
class Prepared:
    """A picture that was read: pixels for the network, or the reason why not, or neither if its content is known."""

    pixels: Bytes | None = None
    reason: str | None = None
    seen: FileSignature | None = None
    cut_short: bool = False


def embed(
    pictures: ImageTable,
    backbone: Backbone,
    *,
    engine: str | Engine = "auto",
    cache: EmbeddingCache | None = None,
    what: str = "embedding",
    show: bool = True,
) -> EmbeddingTable:
    """Embed every picture of a table that can be read.

    Memory holds the embeddings, a few squares of pixels, a small picture a core and one large one, however many
    pictures there are.

    Parameters
    ----------
    pictures : n of them
    backbone : what to embed them with
    engine : what runs the backbone: by name, `auto` for the fastest that is installed, or one that is started
    cache : where embeddings of earlier runs are, and those of this run go, if anywhere
    what : what the progress bar says
    show : whether there is a progress bar

    Raises
    ------
    BackboneError : no such engine.
    """
    runner = start_engine(engine, backbone) if isinstance(engine, str) else engine
    matrix = np.empty((len(pictures), backbone.dim), np.float32)
    sources = pictures.sources
    missing = cache.load_unchanged(sources, matrix) if cache else np.arange(len(pictures))
    if known := len(pictures) - len(missing):
        what = f"{what} ({known:,} known)"
    # Pillow warns of large pictures and odd metadata; what it cannot read at all it raises. Said here, not where the
    # pictures are opened: `catch_warnings` is for one thread
    with warnings.catch_warnings(), progress(what, len(missing), show=show and len(missing) > 0) as advance:
        warnings.filterwarnings("ignore", module="PIL")
        run = _Run(sources, backbone.preprocessing, runner, cache, matrix, advance)
        try:
            missing = run.embed(missing, trust=cache is not None)
            run.embed(missing, trust=False)  # what was damaged in the cache
        finally:
            if cache:
                cache.flush()
    _warn_of_cut_short([pictures.images[row] for row in sorted(run.cut_short)])
    rows = [row for row in range(len(pictures)) if row not in run.unreadable]
    return EmbeddingTable(pictures, rows, _close_gaps(matrix, rows), run.unreadable, Provenance.of(backbone))


@dataclass
class _Run:
    """What the parts of one run share.

    Attributes
    ----------
    matrix : (n, dim) where the embeddings go
    unreadable : the reasons so far, by row
    cut_short : the rows so far that were read as far as they go
    others : as in `embed`
    """

    sources: Sequence[Source]
    steps: Preprocessing
    engine: Engine
    cache: EmbeddingCache | None
    matrix: Floats
    advance: Callable[..., None]
    unreadable: dict[int, str] = field(default_factory=dict)
    cut_short: list[int] = field(default_factory=list)

    def embed(self, rows: Ints, *, trust: bool) -> Ints:
        """Fill in the embeddings of some rows, or the reason why they have none.

        Parameters
        ----------
        rows : of the table of pictures
        trust : whether a picture whose content is in the cache need not be decoded

        Returns
        -------
        The rows whose content should have been in the cache and was not.
        """
        known: list[tuple[int, FileSignature]] = []
        for row, picture, embedding in self._stream(rows, trust):
            if picture.reason:
                self.unreadable[row] = picture.reason
                self.advance(False)  # nothing was embedded
                continue
            if picture.cut_short:
                self.cut_short.append(row)
            if embedding is not None:
                self.matrix[row] = embedding
                if self.cache and picture.seen:
                    self.cache.add(picture.seen, embedding)
            elif picture.seen:
                known.append((row, picture.seen))
                continue
            self.advance()
        return self._recall(known)

    def _recall(self, known: Sequence[tuple[int, FileSignature]]) -> Ints:
        if not self.cache or not known:
            return np.empty(0, np.int64)
        contents = np.array([np.frombuffer(seen.content, np.uint8) for _, seen in known])
        left = self.cache.load(contents, self.matrix, np.array([row for row, _ in known]))
        for row, seen in known:
            if row not in left:
                self.cache.add(seen, None)
                self.advance(False)
        return left

    def _stream(self, rows: Ints, trust: bool) -> Iterator[tuple[int, Prepared, Floats | None]]:
        """Give each row's picture and its embedding, if it needs one, soon after it is made, in any order.

        Some threads read and decode, others run the network; between them lie at most a few batches.
        """
        decoders = Decoders(self.steps, SPARE * self.steps.shorter_side, PATIENCE)
        prepare = partial(self._prepare, decoders=decoders, trust=trust)
        batch: list[tuple[int, Prepared]] = []
        batches: deque[tuple[list[tuple[int, Prepared]], Job[Bytes, Floats]]] = deque()
        hands = Workers(prepare, cores(), PATIENCE)
        network: Workers[Bytes, Floats] = Workers(self.engine, cores())
        with decoders, hands, network:
            jobs = hands.in_order((self.sources[row] for row in rows), ahead=8 * cores())
            for row, job in zip(rows.tolist(), jobs, strict=True):
                try:
                    picture = hands.result(job)
                except TimeoutError:
                    picture = Prepared(reason=f"not decoded within {PATIENCE:.0f} seconds")
                if picture.pixels is None:
                    yield row, picture, None
                    continue
                batch.append((row, picture))
                if len(batch) == self.engine.batch:
                    batches.append((batch, network.submit(self._full(batch))))
                    batch = []
                while batches and (len(batches) > 2 * cores() or batches[0][1].done()):
                    yield from _with_embeddings(*batches.popleft())
            if batch:
                batches.append((batch, network.submit(self._full(batch))))
            while batches:
                yield from _with_embeddings(*batches.popleft())

    def _full(self, batch: Sequence[tuple[int, Prepared]]) -> Bytes:
        """Give the pixels of a full batch, the last of which may show nothing.

        Libraries choose how they compute by the size of the batch. One size: a picture has the same embedding, to the
        bit, whatever others there are, and so has it in a run that goes on where another was stopped.
        """
        pixels = np.zeros((self.engine.batch, self.steps.size, self.steps.size, 3), np.uint8)
        pixels[: len(batch)] = np.array([picture.pixels for _, picture in batch])
        return pixels

    def _prepare(self, source: Source, *, decoders: Decoders, trust: bool) -> Prepared:
        """Read and decode one picture, or a region of it, unless its content is in the cache."""
        path, region = whole_and_region(source)
        try:
            if not isinstance(path, Path):
                return self._prepare_in_memory(path, region, decoders=decoders, trust=trust)
            with open_picture(path) as file:
                seen = sign_file(path, file, region) if self.cache else None
                if trust and seen and self.cache and self.cache.contains(seen.content):
                    return Prepared(seen=seen)
                if is_risky(file):
                    with large_ones_turn(file), without_patience():
                        pixels, cut_short = decoders(path, region)
                else:
                    picture = decode(file, SPARE * self.steps.shorter_side, region)
                    pixels, cut_short = self.steps(picture), picture.info[CUT_SHORT]
                if seen and not unchanged(seen, path, file, region):  # while it was read: of which content is this?
                    seen = None
                return Prepared(pixels, seen=seen, cut_short=cut_short)
        except UnreadableError as error:
            return Prepared(reason=str(error))

    def _prepare_in_memory(
        self, picture: InMemory, region: Region | None, *, decoders: Decoders, trust: bool
    ) -> Prepared:
        """Decode a picture that is in no file: what is known of it is known by its bytes, or by the pixels it comes to.

        Raises
        ------
        UnreadableError : it cannot be decoded.
        """
        seen = sign_in_memory(picture) if isinstance(picture, bytes) else None  # as of a file with these bytes
        if seen and region is not None:
            seen = sign_region(seen, region)
        if trust and seen and self.cache and self.cache.contains(seen.content):
            return Prepared(seen=seen)
        if isinstance(picture, bytes) and is_risky(BufferedReader(BytesIO(picture))):
            with NamedTemporaryFile(prefix="fieldguide-") as file, without_patience():
                file.write(picture)
                file.flush()
                pixels, cut_short = decoders(Path(file.name), region)
        else:
            rgb = decode_in_memory(picture, SPARE * self.steps.shorter_side, region)
            pixels, cut_short = self.steps(rgb), rgb.info[CUT_SHORT]
        if seen is None:
            seen = sign_in_memory(np.ascontiguousarray(pixels).data, b"pixels")
            if trust and self.cache and self.cache.contains(seen.content):
                return Prepared(seen=seen)
        return Prepared(pixels, seen=seen if self.cache else None, cut_short=cut_short)


def _with_embeddings(
    batch: Sequence[tuple[int, Prepared]], job: Job[Bytes, Floats]
) -> Iterator[tuple[int, Prepared, Floats]]:
    for (row, picture), embedding in zip(batch, job.result(), strict=False):
        yield row, picture, embedding


def _warn_of_cut_short(names: Sequence[str]) -> None:
    if not names:
        return
    few = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    said = "1 picture is cut short and was read as far as it goes" if len(names) == 1 else ""
    log.warning("%s: %s", said or f"{len(names):,} pictures are cut short and were read as far as they go", few)


def _close_gaps(matrix: Floats, rows: Sequence[int]) -> Floats:
    """Give these rows, ascending, of a matrix; it is changed, as there may not be memory for two."""
    for place, row in enumerate(rows):
        if place != row:
            matrix[place] = matrix[row]
    return matrix[: len(rows)]
