"""Recipes beside each other: a table of all that was measured, and bars with intervals."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.core.errors import RecordsError
from fieldguide.report.style import INK, KNOWN, PALE, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME_KEYS = ("recipe", "name", "approach")
LOW, HIGH = (" low", "_low", ".low"), (" high", "_high", ".high")


@dataclass(frozen=True)
class Measure:
    """A number, and its interval if it has one."""

    value: float
    low: float = math.nan
    high: float = math.nan


def read_leaderboard(path: Path | None) -> list[dict[str, Any]]:
    """Read the rows of a leaderboard, a JSON object a line; nothing of no file.

    Raises
    ------
    RecordsError : there is no such file, or a line is no JSON object.
    """
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line or "{}")
        except ValueError as error:
            raise RecordsError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise RecordsError(f"{path}, line {number}: not a JSON object")
        records += [record] if record else []
    return records


def read_rows(leaderboard: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, Measure]]]:
    """Take from each row its name and every number in it.

    A number with an interval is `[value, low, high]`, `{"value", "low", "high"}`, or has neighbours whose keys end
    in `low` and `high`. What is no number is left out.
    """
    rows = []
    for place, record in enumerate(leaderboard, start=1):
        name = next((str(record[key]) for key in NAME_KEYS if key in record), f"row {place}")
        measures = {key: measure for key, value in record.items() if (measure := _measure(value))}
        for key in list(measures):
            low = next((measures.get(key + end) for end in LOW if key + end in measures), None)
            high = next((measures.get(key + end) for end in HIGH if key + end in measures), None)
            if low and high:
                measures[key] = Measure(measures[key].value, low.value, high.value)
        ends = tuple(key + end for key in measures for end in (*LOW, *HIGH))
        rows.append((name, {key: measure for key, measure in measures.items() if key not in ends}))
    return rows


def _measure(value: Any) -> Measure | None:
    if isinstance(value, Mapping):
        value = [value.get(key) for key in ("value", "low", "high")]
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(numbers) not in (1, 3) or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
        return None
    return Measure(*map(float, numbers))


@styled
def draw_leaderboard(leaderboard: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw the main score of each row as a bar with its interval, best on top, and all numbers beside it.

    Parameters
    ----------
    leaderboard : rows as `read_rows` takes them; the main score is the first that has an interval, or the first
    """
    from matplotlib.figure import Figure

    rows = read_rows(leaderboard)
    keys = list(dict.fromkeys(key for _, measures in rows for key in measures))
    main = next((key for key in keys if any(not math.isnan(m[key].low) for _, m in rows if key in m)), keys[0])
    rows.sort(key=lambda row: row[1][main].value if main in row[1] else -math.inf)
    figure = Figure(figsize=(3.6 + 0.8 * len(keys), 0.26 * len(rows) + 0.9), layout="constrained")
    bars, table = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [3, 0.8 * len(keys)]})
    for place, (_, measures) in enumerate(rows):
        if main in measures:
            _bar(bars, place, measures[main])
    bars.set(title=main, xlim=(0, None), ylim=(-0.6, len(rows) - 0.4))
    bars.set_yticks(range(len(rows)), [shown(name, 34) for name, _ in rows])
    bars.tick_params(axis="y", length=0)
    bars.grid(axis="x", color=PALE, linewidth=0.4)
    bars.set_axisbelow(True)
    _write_table(table, keys, [measures for _, measures in rows])
    return figure


def _bar(axis: Any, place: int, measure: Measure) -> None:
    axis.barh(place, measure.value, height=0.6, color=KNOWN)
    if not math.isnan(measure.low):
        axis.plot([measure.low, measure.high], [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")


def _write_table(axis: Any, keys: Sequence[str], rows: Sequence[Mapping[str, Measure]]) -> None:
    axis.set_axis_off()
    axis.set_xlim(-0.5, len(keys) - 0.5)
    for column, key in enumerate(keys):
        head = shown(key, 26).replace(" ", "\n", 1).replace("_", "\n", 1)
        axis.text(column + 0.4, len(rows) - 0.35, head, ha="right", va="bottom", fontsize=7, fontweight="bold")
        for place, measures in enumerate(rows):
            if key in measures:
                axis.text(column + 0.4, place, f"{measures[key].value:.4g}", ha="right", va="center", fontsize=7)
