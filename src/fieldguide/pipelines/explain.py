"""Why two pictures match: their keypoints that agree, drawn on both."""

from pathlib import Path

import numpy as np

from fieldguide.core.errors import RecordsError
from fieldguide.core.files import written_whole
from fieldguide.core.outputs import PAIR, check_outputs
from fieldguide.images.decoding import UnreadableError, open_rgb
from fieldguide.matching import DescribedPictures, load_matcher, nearest_matches
from fieldguide.matching.describe import describe_one
from fieldguide.matching.verification import agreeing, one_to_one

SHORTEST = 480  # pixels of the shorter side, for the drawing


def explain_pair(query: Path, gallery_picture: Path, output: Path, matcher: str = "sift") -> int:
    """Draw the matches of two pictures that agree on how one lies in the other.

    Parameters
    ----------
    query, gallery_picture : files
    output : where the drawing goes, a .png or .jpg
    matcher : by name

    Returns
    -------
    How many matches are drawn.

    Raises
    ------
    FieldguideError : a picture cannot be read, the drawing cannot be written, or there is no such matcher.
    """
    from fieldguide.report.matched_pair import draw_matched_pair

    check_outputs([(output, PAIR)], [query, gallery_picture])
    finder = load_matcher(matcher)
    pictures, features = [], []
    for path in (query, gallery_picture):
        try:
            pictures.append(open_rgb(path, SHORTEST))
            features.append(describe_one(path, finder))
        except UnreadableError as error:
            raise RecordsError(f"{path}: {error}") from None
    both = DescribedPictures.of(features, finder.dim)
    matches = one_to_one(nearest_matches(both))
    matches = matches.of(np.flatnonzero(agreeing(both, matches)))
    left, right = (
        both.places[rows, :2] / np.array(one.size)
        for rows, one in zip((matches.start, matches.end), features, strict=True)
    )
    with written_whole(output) as scratch:
        drawing = draw_matched_pair(pictures[0], pictures[1], left, right)
        drawing.save(scratch, format="JPEG" if output.suffix.lower() in (".jpg", ".jpeg") else "PNG")
    return len(matches)
