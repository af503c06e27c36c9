"""What the page's script works on: every query with its answers, every picture's place on the map."""

import os
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.discovery import nearest_label
from fieldguide.recognition import UNKNOWN, Ranking
from fieldguide.records import ImageTable
from fieldguide.report.data import ReportData, true_codes
from fieldguide.report.maps import class_colours
from fieldguide.report.style import CYCLE, DARK, DISTRACTOR, KNOWN


def page_data(data: ReportData, page: Path) -> dict[str, Any]:
    """Give what the page shows as plain lists, to be written as JSON.

    Rows of k answers are flat, query after query; what there is not is null. Codes are those of the ranking: -1 for
    the unknown label, -2 for nothing. `page` is where the page goes: pictures are linked to from there.
    """
    ranking, plane, codes = data.ranking, data.plane, data.gallery_codes
    true = None if data.truth is None else true_codes(ranking, data.truth)
    foreign = [] if true is None else np.flatnonzero(true == UNKNOWN).tolist()
    colours = class_colours(plane, codes)
    return {
        "classes": [str(label) for label in ranking.classes],
        "unknown": ranking.unknown,
        "k": ranking.codes.shape[1],
        "palette": {"light": {"classes": CYCLE, "known": KNOWN, "distractor": DISTRACTOR}, "dark": DARK},
        "colours": colours.tolist(),
        "gallery": {
            "names": list(data.gallery.images),
            "links": _links(data.gallery, page),
            "codes": codes.tolist(),
            "x": _rounded(plane.gallery[:, 0]),
            "y": _rounded(plane.gallery[:, 1]),
        },
        "queries": {
            "names": list(ranking.names),
            "links": _links(data.queries, page),
            "codes": ranking.codes.ravel().tolist(),
            "probability": _rounded(ranking.probability.ravel()),
            "similarity": _rounded(ranking.similarity.ravel()),
            "nearest": ranking.nearest.ravel().tolist(),
            "score": _rounded(ranking.distractor_score),
            "truth": None if true is None else true.tolist(),
            "foreign": {row: (data.truth or {})[ranking.names[row]] for row in foreign},
            "unanswered": np.flatnonzero(data.unanswered).tolist(),
            "unreadable": dict(data.query_embeddings.unreadable),
            "x": _rounded(plane.queries[:, 0]),
            "y": _rounded(plane.queries[:, 1]),
        },
        "groups": _groups(data.ranking),
    }


def _groups(ranking: Ranking) -> list[dict[str, Any]]:
    """Give each new class: its queries, the likeliest distractors first, and the known class it is nearest to."""
    groups = ranking.groups
    if groups is None:
        return []
    order = np.lexsort((-ranking.distractor_score, groups))
    order = order[groups[order] >= 0]
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    return [
        {"name": ranking.group_name(int(own[0])), "rows": own.tolist(), "nearest": nearest_label(ranking, own)}
        for own in members
    ]


def _links(pictures: ImageTable, page: Path) -> list[str]:
    """Give the way from the page to each picture as a relative URL, which holds when a folder with both is moved.

    To a picture that was in memory alone there is none.
    """
    folder = os.path.abspath(page.parent)  # noqa: PTH100  as a browser goes up from it: links are not resolved
    return ["" if row in pictures.in_memory else _link(path, folder) for row, path in enumerate(pictures.paths)]


def _link(path: Path, folder: str) -> str:
    try:
        return quote(os.fsencode(os.path.relpath(path, folder).replace(os.sep, "/")))
    except ValueError:  # another drive of Windows'
        return path.absolute().as_uri()


def _rounded(values: Anything) -> list[float | None]:
    """Give three digits of each number, null for NaN."""
    return [None if isnan(value) else value for value in np.round(values.astype(float), 3).tolist()]
