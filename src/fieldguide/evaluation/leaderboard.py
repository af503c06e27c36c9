"""Leaderboards: a line of JSON for every run, and a table like the report's."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from fieldguide.core.arrays import Floats
from fieldguide.core.errors import FieldguideError
from fieldguide.evaluation.metrics import reciprocal_ranks
from fieldguide.evaluation.scores import evaluate

log = logging.getLogger("fieldguide")

WIDE = 10_000  # characters: no line of a table is broken
PUBLIC = 0.3  # the share of the queries that a competition's public board would score

Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Result:
    """What came of one recipe on one task.

    Attributes
    ----------
    recipe : its name, `cosine+hdbscan` with another distractor rule than its own
    task : digest of the pictures' embeddings, the labels and the truth: results of one task can be compared
    scores : by name: mAP@k with its interval, public and private, closed-set, names right, known named rightly and
        distractors named, AUROC with its interval, seconds
    arguments : what else decided them
    versions : of fieldguide and the libraries
    summary : by what distractors were told apart
    failure : why there are no scores
    """

    recipe: str
    task: str
    scores: Mapping[str, float | Interval] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    failure: str = ""

    def same_question(self, other: "Result") -> bool:
        """Whether both are of one recipe, task and arguments, by whatever versions."""
        return (self.recipe, self.task, self.arguments) == (other.recipe, other.task, other.arguments)

    def same_run(self, other: "Result") -> bool:
        """Whether both are of one recipe, task and arguments, by the same versions: the one may stand for the other."""
        return self.same_question(other) and self.versions == other.versions

    def changed_since(self, earlier: "Result") -> str:
        """Say which versions are others than those of an earlier run."""
        names = dict.fromkeys([*self.versions, *earlier.versions])
        pairs = ((name, earlier.versions.get(name, "none"), self.versions.get(name, "none")) for name in names)
        return ", ".join(f"{name} {then} is now {now}" for name, then, now in pairs if then != now)


def score(
    answers: Sequence[Sequence[str]], truth: Sequence[str], distractor_score: Floats, *, k: int, unknown: str, seed: int
) -> dict[str, float | Interval]:
    """Score answers as the board has them: over all queries, and over a seeded split into public and private.

    `closed-set` is mAP@k of the known queries with the unknown label struck out of their answers: how well classes are
    named, whatever is rejected. A query is named if its first answer is a class: of names there are the share that is
    right, the share of the known queries that got theirs, and the share of the distractors that got one.

    Parameters
    ----------
    answers : (n,) labels of each query, best first
    truth : (n,) true labels
    distractor_score : (n,) higher for likelier distractors
    """
    found = evaluate(answers, truth, distractor_score=distractor_score, unknown=unknown, k=k, seed=seed)
    intervals: dict[str, Interval] = {
        one.name: (one.value, one.low, one.high) for one in found if not math.isnan(one.value)
    }
    points = reciprocal_ranks(answers, truth, k)
    public = np.zeros(len(points), bool)
    public[np.random.default_rng(seed).permutation(len(points))[: max(1, round(PUBLIC * len(points)))]] = True
    scores: dict[str, float | Interval] = {f"mAP@{k}": intervals[f"mAP@{k}"], "public": float(points[public].mean())}
    if not public.all():
        scores["private"] = float(points[~public].mean())
    if known := [row for row, label in enumerate(truth) if label != unknown]:
        named = [[label for label in answers[row] if label != unknown] for row in known]
        scores["closed-set"] = float(reciprocal_ranks(named, [truth[row] for row in known], k).mean())
    scores |= {one.name: one.value for one in found if one.count and not math.isnan(one.value)}
    return scores | {name: value for name, value in intervals.items() if name == "AUROC"}


def read_board(path: Path) -> list[Result]:
    """Read the results of earlier runs; none if there is no such file.

    A last line that was cut, as the program was killed while it wrote, is passed over with a warning.

    Raises
    ------
    FieldguideError : the file cannot be read, or a line is not a result.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    except OSError as error:
        raise FieldguideError(f"{path} cannot be read: {error.strerror}") from error
    results = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            results.append(_result(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            if number == len(lines) and line.startswith('{"recipe": '):  # add_to_board ends every line
                log.warning("%s, line %d: cut while it was written; its run is repeated", path, number)
                continue
            raise FieldguideError(f"{path}, line {number}: not a line of a board; name another with --board") from None
    return results


def _result(line: str) -> Result:
    record = json.loads(line)
    run = {name: record.pop(name) for name in ("recipe", "task", "arguments", "versions", "summary")}
    scores = {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
    if not scores or not isinstance(run["arguments"], dict) or not isinstance(run["versions"], dict):
        raise ValueError("no result")
    return Result(**run, scores=scores)


def add_to_board(path: Path, result: Result) -> None:
    """Append a result as a line of JSON: recipe, task, the scores by their names, then what made them.

    What is left of a line that was cut goes first; a whole one whose end is missing gets it.

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    record = asdict(result)
    line = {"recipe": record.pop("recipe"), "task": record.pop("task"), **record.pop("scores"), **record}
    del line["failure"]
    try:
        _end_last_line(path)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
    except OSError as error:
        raise FieldguideError(f"{path} cannot be written: {error.strerror}") from error


def _end_last_line(path: Path) -> None:
    if not path.is_file() or not (content := path.read_bytes()) or content.endswith(b"\n"):
        return
    whole, _, last = content.rpartition(b"\n")
    try:
        _result(last.decode("utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError):
        with path.open("r+b") as file:
            file.truncate(len(whole) + 1 if b"\n" in content else 0)
    else:
        with path.open("ab") as file:
            file.write(b"\n")


def table(results: Sequence[Result]) -> list[str]:
    """Lay out results as a table in Markdown, best first, the best marked; failures last, with their reason."""
    scored = sorted((one for one in results if one.scores), key=_main, reverse=True)
    columns = list(dict.fromkeys(name for one in scored for name in one.scores))
    laid_out = Table("", "recipe", *columns, box=MARKDOWN)
    for place, one in enumerate(scored):
        cells = [_cell(name, one.scores.get(name)) for name in columns]
        laid_out.add_row("**best**" if place == 0 else "", one.recipe, *cells)
    page = StringIO()
    if scored:
        Console(file=page, width=WIDE, color_system=None, markup=False, emoji=False).print(laid_out)
    lines = [line for line in page.getvalue().splitlines() if line.strip()]
    return lines + [f"{one.recipe}: {one.failure}" for one in results if one.failure]


def _main(result: Result) -> float:
    value = next(iter(result.scores.values()))
    return value[0] if isinstance(value, tuple) else value


def _cell(name: str, value: float | Interval | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"
    return f"{value:.1f}" if name.startswith("seconds") else f"{value:.3f}"
