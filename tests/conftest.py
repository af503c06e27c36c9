"""What all tests share: the command line in process, a small task of drawn pictures, and a cache of their own."""

import csv
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from drawing import FOREIGN, KNOWN, draw

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub: no test asks the network for anything

settings.register_profile("same-every-time", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("same-every-time")

PROGRESS = re.compile(
    r"(gallery|queries|distractors|embedding|thumbnails|local features)( \([\d,]+ known\))?: [\d,]+ of [\d,]+, .*"
    r"|(recognising|grouping|matching).*: [\d,]+ s so far"
)


@dataclass(frozen=True)
class Outcome:
    """What a user sees of one command."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines on stderr that are not progress."""
        return [line for line in self.err.splitlines() if not PROGRESS.fullmatch(line)]


Run = Callable[..., Outcome]


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for the session: the backbone is converted once, and not into the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIELDGUIDE_CACHE", str(folder))
        patch.setenv("HF_HOME", str(folder / "huggingface"))
        yield folder


def run_main(*words: object) -> Outcome:
    """Type `fieldguide WORDS...`, in this process."""
    from fieldguide.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []  # pytest's own would keep the command line from setting up its log
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err), shown_warnings():
            patch.setattr(sys, "argv", ["fieldguide", *map(str, words)])
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        root.handlers = handlers
    return Outcome(code, out.getvalue(), err.getvalue())


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Write to stderr the warnings that Python shows to users; pytest would collect them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for kind in DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning:
            warnings.simplefilter("ignore", kind)
        yield
        for warning in caught:
            print(f"{warning.category.__name__}: {warning.message}", file=sys.stderr)


@pytest.fixture(scope="session")
def run() -> Run:
    """Type a command; it may end any way."""
    return run_main


@pytest.fixture(scope="session")
def done() -> Run:
    """Type a command that must succeed."""

    def run_well(*words: object) -> Outcome:
        outcome = run_main(*words)
        assert outcome.code == 0, outcome.err
        return outcome

    return run_well


@pytest.fixture(scope="session")
def refused() -> Callable[..., str]:
    """Type a command that must end in exit code 2 and one line on stderr; gives the line."""

    def run_badly(*words: object) -> str:
        outcome = run_main(*words)
        assert outcome.code == 2, outcome
        (line,) = outcome.complaints
        assert line.startswith("fieldguide: ")
        return line

    return run_badly


@dataclass(frozen=True)
class Task:
    """Some pictures of each of four known classes; some queries of each of these, and of three kinds of distractor."""

    folder: Path
    truth: dict[str, str]

    @property
    def gallery(self) -> Path:
        return self.folder / "gallery"

    @property
    def queries(self) -> Path:
        return self.folder / "queries"

    @property
    def truth_file(self) -> Path:
        return self.folder / "truth.csv"

    @property
    def contamination(self) -> float:
        return sum(label == "-1" for label in self.truth.values()) / len(self.truth)


def make_task(folder: Path, shots: int, queries: int) -> Task:
    truth = {}
    for kind in KNOWN:
        (folder / "gallery" / kind).mkdir(parents=True)
        for seed in range(shots):
            draw(kind, seed).save(folder / "gallery" / kind / f"{seed}.png")
    (folder / "queries").mkdir()
    for kind in KNOWN + FOREIGN:
        for seed in range(queries):
            name = f"{seed}-{kind}.png"
            draw(kind, 100 + seed).save(folder / "queries" / name)
            truth[name] = kind if kind in KNOWN else "-1"
    write_csv(folder / "truth.csv", [("image", "label"), *truth.items()])
    return Task(folder, truth)


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A task of 12 gallery pictures and 28 queries, enough to make clusters. Tests read it, and write elsewhere."""
    return make_task(tmp_path_factory.mktemp("task"), 3, 4)


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A task of 8 gallery pictures and 7 queries, for all that is not about clusters. Tests write elsewhere."""
    return make_task(tmp_path_factory.mktemp("few"), 2, 1)


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="session")
def table() -> Callable[..., Path]:
    """Write rows of text, the header first, as CSV or Parquet, by the file's name."""

    def write(path: Path, rows: list[tuple[str, ...]]) -> Path:
        if path.suffix == ".csv":
            return write_csv(path, rows)
        import pyarrow as pa
        import pyarrow.parquet as pq

        header, *body = rows
        columns = {name: pa.array([row[place] for row in body], pa.string()) for place, name in enumerate(header)}
        pq.write_table(pa.table(columns), path)
        return path

    return write


@pytest.fixture(scope="session")
def answers_of() -> Callable[..., dict[str, list[str]]]:
    """Read answers as another program would: the labels of each picture, best first, in the file's order."""

    def read(path: Path, separator: str = " ") -> dict[str, list[str]]:
        _, *rows = read_csv(path)
        assert len({name for name, _ in rows}) == len(rows)
        return {name: labels.split(separator) for name, labels in rows}

    return read
