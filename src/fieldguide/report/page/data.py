"""What the page's script works on: every query with its answers, every picture's place on the map."""

from math import isnan
from typing import Any

import numpy as np

from fieldguide.arrays import Anything
from fieldguide.report.maps import class_colours
from fieldguide.report.run import Run, true_codes
from fieldguide.report.style import CYCLE, DISTRACTOR, KNOWN


def page_data(run: Run) -> dict[str, Any]:
    """Give the run as plain lists, to be written as JSON.

    Rows of k answers are flat, query after query; what there is not is null. Codes are those of the ranking: -1 for
    the unknown label, -2 for nothing.
    """
    ranking, plane, codes = run.ranking, run.plane, run.shot_codes
    colours = class_colours(plane, codes)
    return {
        "classes": [str(label) for label in ranking.classes],
        "unknown": ranking.unknown,
        "k": ranking.codes.shape[1],
        "palette": {"classes": CYCLE, "known": KNOWN, "distractor": DISTRACTOR},
        "colours": colours.tolist(),
        "gallery": {
            "names": list(run.gallery.images),
            "codes": codes.tolist(),
            "x": _rounded(plane.gallery[:, 0]),
            "y": _rounded(plane.gallery[:, 1]),
        },
        "queries": {
            "names": list(ranking.names),
            "codes": ranking.codes.ravel().tolist(),
            "probability": _rounded(ranking.probability.ravel()),
            "similarity": _rounded(ranking.similarity.ravel()),
            "nearest": ranking.nearest.ravel().tolist(),
            "score": _rounded(ranking.distractor_score),
            "truth": None if run.truth is None else true_codes(ranking, run.truth).tolist(),
            "x": _rounded(plane.queries[:, 0]),
            "y": _rounded(plane.queries[:, 1]),
        },
    }


def _rounded(values: Anything) -> list[float | None]:
    """Give three digits of each number, null for NaN."""
    return [None if isnan(value) else value for value in np.round(values.astype(float), 3).tolist()]
