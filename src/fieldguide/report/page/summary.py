"""What the page begins with: how many were identified, how many are distractors, how sure all that is."""

from dataclasses import dataclass

import numpy as np

from fieldguide.report.data import ReportData, confidence
from fieldguide.report.expectation import expectation_in_words, poor_expectation

BINS = 20  # of the little histogram


@dataclass(frozen=True)
class Tile:
    """One figure in large type, what it counts, and what more there is to say."""

    value: str
    what: str
    note: str = ""


def summarise(data: ReportData) -> list[Tile]:
    """Give the figures that matter, the most important first."""
    unanswered = int(data.unanswered.sum())
    n, unknown = len(data.ranking) - unanswered, int((data.ranking.is_unknown() & ~data.unanswered).sum())
    share = unknown / max(n, 1)
    read = " that could be read" if unanswered else ""
    tiles = [
        Tile(f"{n - unknown:,}", "identified", f"{1 - share:.0%} of {_counted(n, 'query', 'queries')}{read}"),
        Tile(f"{unknown:,}", "none of these", f"{share:.0%}, which show no class of the gallery"),
        _contamination(data),
        *_new_classes(data),
    ]
    probability = data.ranking.probability[:, 0]
    if (least := data.facts.name_above) is not None:
        named = probability[data.ranking.codes[:, 0] >= 0]
        if len(named):
            tiles.append(Tile(f"{named.mean():.0%}", "of names expected right", f"each at least {least:.0%} probable"))
    elif not np.isnan(probability).all():
        sure = np.nanmean(probability)
        nearly = np.mean(np.nan_to_num(probability) >= 0.9)
        tiles.append(Tile(f"{sure:.0%}", "of first answers expected right", f"{nearly:.0%} are at least 90% probable"))
    for score in data.scores[:1]:
        tiles.append(
            Tile(f"{score.value:.3f}", score.name, f"by the truth, 95% interval {score.low:.3f} to {score.high:.3f}")
        )
    if unanswered:
        tiles.append(Tile(f"{unanswered:,}", "could not be read", "counted with neither of them"))
    if gone := len(data.query_embeddings.unreadable) - unanswered:
        tiles.append(Tile(f"{gone:,}", "no longer there", "answered before; not shown, and not on the map"))
    return tiles


def describe(data: ReportData) -> str:
    """Say in a line how the answers were found, in words that need no other page."""
    pictures = _counted(len(data.gallery), "gallery picture", "gallery pictures")
    classes = _counted(len(data.ranking.classes), "class", "classes")
    facts = data.facts
    rejection_summary = facts.rejection_summary.replace("contamination", "share")
    made_of = facts.backbone if facts.names_backbone else "other programs: " + facts.backbone
    how = f"How it was answered: {facts.recipe}, by embeddings of {made_of}. None of these: {rejection_summary}."
    named = "" if facts.name_above is None else f" Named from a probability of {facts.name_above:g} on."
    return f"{pictures} of {classes}. {how}{named}"


def expect(data: ReportData) -> list[str]:
    """Say what was expected of the names, and in a second sentence what is poor of it; nothing where nothing was."""
    facts = data.facts
    if facts.expected is None:
        return []
    words = expectation_in_words(facts.expected, facts.name_above, "the gallery")
    said = (words and f"expected, {words}"), poor_expectation(facts.expected)
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in said if sentence]


def histogram(data: ReportData) -> list[float]:
    """Give the heights, 0 to 1, of the histogram of first answers' probability in `BINS` bins; none without any."""
    sure = confidence(data.ranking)[~np.isnan(data.ranking.probability[:, 0])]
    counts = np.histogram(sure, bins=BINS, range=(0, 1))[0]
    return [float(count) / counts.max() for count in counts] if len(sure) else []


def _contamination(data: ReportData) -> Tile:
    share, interval = data.facts.contamination, data.facts.interval
    if interval is None:
        return Tile(f"{share:.0%}", "share of none of these", "as given, or as many as were called so")
    note = f"90% interval {interval[0]:.0%} to {interval[1]:.0%}"
    return Tile(f"{share:.0%}", "estimated share of none of these", note)


def _new_classes(data: ReportData) -> list[Tile]:
    """Say how many groups the queries that are none of these make."""
    groups = data.ranking.groups
    if groups is None or not (groups >= 0).any():
        return []
    sizes = np.bincount(groups[groups >= 0])
    several, alone = int((sizes > 1).sum()), int((sizes == 1).sum())
    of = _counted(int(sizes[sizes > 1].sum()), "picture", "pictures")
    what = "group, perhaps a new class" if several == 1 else "groups, each a new class"
    return [Tile(f"{several:,}", what, f"{of}; {alone:,} alone")]


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
