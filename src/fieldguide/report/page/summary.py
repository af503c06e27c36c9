"""What the page begins with: how many were identified, how many are distractors, how sure all that is."""

from dataclasses import dataclass

import numpy as np

from fieldguide.report.run import Run, sureness

BINS = 20  # of the little histogram


@dataclass(frozen=True)
class Tile:
    """One figure in large type, what it counts, and what more there is to say."""

    value: str
    what: str
    note: str = ""


def summarise(run: Run) -> list[Tile]:
    """Give the figures that matter, the most important first."""
    n, unreadable = len(run.ranking), len(run.asked.unreadable)
    unknown = int(run.ranking.is_unknown().sum()) - unreadable
    known = n - unknown - unreadable
    tiles = [
        Tile(f"{known:,}", "identified", f"{known / n:.0%} of {_counted(n, 'query', 'queries')}"),
        Tile(f"{unknown:,}", "none of these", f"{unknown / n:.0%}, called distractors"),
        _contamination(run),
    ]
    probability = run.ranking.probability[:, 0]
    if not np.isnan(probability).all():
        sure = np.nanmean(probability)
        nearly = np.mean(np.nan_to_num(probability) >= 0.9)
        tiles.append(Tile(f"{sure:.0%}", "of first answers expected right", f"{nearly:.0%} are at least 90% probable"))
    for score in run.scores[:1]:
        tiles.append(
            Tile(f"{score.value:.3f}", score.name, f"by the truth, 95% interval {score.low:.3f} to {score.high:.3f}")
        )
    if unreadable:
        tiles.append(Tile(f"{unreadable:,}", "could not be read", "neither identified nor none of these"))
    return tiles


def describe(run: Run) -> str:
    """Say in a line how the answers were found."""
    shots = _counted(len(run.gallery), "gallery picture", "gallery pictures")
    classes = _counted(len(run.ranking.classes), "class", "classes")
    facts = run.facts
    return f"{shots} of {classes}; recipe {facts.recipe}, backbone {facts.backbone}; distractors: {facts.account}"


def histogram(run: Run) -> list[float]:
    """Give the heights, 0 to 1, of the histogram of first answers' probability in `BINS` bins; none without any."""
    sure = sureness(run.ranking)[~np.isnan(run.ranking.probability[:, 0])]
    counts = np.histogram(sure, bins=BINS, range=(0, 1))[0]
    return [float(count) / counts.max() for count in counts] if len(sure) else []


def _contamination(run: Run) -> Tile:
    share, interval = run.facts.contamination, run.facts.interval
    if interval is None:
        return Tile(f"{share:.0%}", "contamination", "given, or as many as were called distractors")
    return Tile(f"{share:.0%}", "estimated contamination", f"90% interval {interval[0]:.0%} to {interval[1]:.0%}")


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
