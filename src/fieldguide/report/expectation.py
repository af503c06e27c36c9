"""What is to be expected of a run's names, in words, and what to try where that is poor."""

from fieldguide.recognition.expectation import Expectation, Share

HALF = 50  # of 100: below it a name is likelier wrong than right, or most that could be named is not
ADVICE = (
    "try, what helps most first: more labelled pictures a class; pictures cut to the animal or thing they are of; a "
    "backbone made for such pictures, --backbone"
)


def expectation_in_words(expected: Expectation, name_above: float | None, gallery: str) -> str:
    """Say how many of 100 will be named, and rightly, each with its 90% interval; nothing if no share is known.

    Parameters
    ----------
    expected : of the names before `name_above`
    name_above : the probability below which no query is named, if there is one
    gallery : what to call it
    """
    shares = (
        (expected.known_named_rightly, "known queries named rightly"),
        (expected.distractors_named, "unknown ones given a name"),
        (expected.names_right, "names right"),
    )
    words = ", ".join(_of_hundred(share, what) for share, what in shares if share is not None)
    withheld = "" if name_above is None else f", before names below {name_above:g} are withheld"
    return words and f"from rehearsals on {gallery}{withheld}: {words}"


def poor_expectation(expected: Expectation) -> str:
    """Say what is poor and what to try, most worth while first; nothing where no expectation is poor."""
    poor = [
        words
        for share, words in (
            (expected.names_right, "of the names to be right"),
            (expected.known_named_rightly, "of the known queries to be named rightly"),
        )
        if share is not None and _hundredths(share.value) < HALF
    ]
    return f"expect fewer than half {' and '.join(poor)}: {ADVICE}" if poor else ""


def _of_hundred(share: Share, what: str) -> str:
    value, low, high = map(_hundredths, (share.value, share.low, share.high))
    return f"{value} of 100 {what} ({low} to {high})"


def _hundredths(share: float) -> int:
    return round(100 * share)
