"""What looks as if answers and truth did not belong together: each would be a low score without a word."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fieldguide.records.answers import Answers
from fieldguide.records.separators import OF_OTHERS, split
from fieldguide.records.text import normal_form, normal_forms


@dataclass(frozen=True)
class Compared:
    """Answers beside the truth.

    Attributes
    ----------
    answers, truth : the files
    given : what the one holds
    places : (n,) for each picture of the truth its row in `given`, None if it is not answered
    labels : (n,) its true label, as it is written
    resolved : (n,) the same with the unknown label for distractors, as `resolve_labels` gives it
    classes : the labels of the gallery, if they are known
    unknown : the unknown label
    """

    answers: Path
    truth: Path
    given: Answers
    places: Sequence[int | None]
    labels: Sequence[str]
    resolved: Sequence[str]
    classes: Collection[str] | None
    unknown: str

    @cached_property
    def true(self) -> list[str]:
        """(n,) the true labels in their normal form, the unknown one for distractors."""
        return normal_forms(self.resolved)

    @cached_property
    def written(self) -> list[str]:
        """(n,) the true labels in their normal form, of distractors too."""
        return normal_forms(self.labels)

    @cached_property
    def answered(self) -> list[tuple[int, list[str]]]:
        """Each answered picture of the truth, with its answers in their normal form."""
        rows = ((row, place) for row, place in enumerate(self.places) if place is not None)
        return [(row, normal_forms(self.given.labels[place])) for row, place in rows]

    @cached_property
    def among(self) -> set[str]:
        """All labels that are answered, in their normal form."""
        return set(normal_forms(label for labels in self.given.labels for label in labels))

    def in_words(self) -> str:
        """Say what was compared."""
        n, distractors = len(self.answered), sum(label == self.unknown for label in self.resolved)
        spare = len(self.given.names) - n
        known = len({label for label in self.resolved if label != self.unknown})
        taken = "" if self.classes is not None else f", all but '{self.unknown}' taken as known"
        return (
            f"compared {n:,} {'answer' if n == 1 else 'answers'} of {self.answers} with {len(self.labels):,} "
            f"{'label' if len(self.labels) == 1 else 'labels'} of {self.truth}; {distractors:,} "
            f"{'distractor' if distractors == 1 else 'distractors'}; {known:,} known "
            f"{'class' if known == 1 else 'classes'}{taken}"
            + (f"; {spare:,} {'answer has' if spare == 1 else 'answers have'} no true label" if spare else "")
        )


def doubts(compared: Compared) -> Iterator[str]:
    """Say what looks wrong, a line each."""
    missing = [row for row, place in enumerate(compared.places) if place is None]
    if missing:
        yield (
            f"{compared.answers}: {len(missing):,} of {len(compared.places):,} pictures in the truth are not answered, "
            "and count as wrong"
        )
    unknown = normal_form(compared.unknown)
    hits = [row for row, labels in compared.answered if compared.true[row] in labels]
    named = [row for row, _ in compared.answered if compared.written[row] != unknown]
    but = f", but for '{compared.unknown}'" if len(named) < len(compared.answered) else ""
    if named and all(compared.true[row] == unknown for row in named):
        where = f"no true label of {compared.truth} is a class of the gallery{but}"
    elif named and all(compared.true[row] == unknown for row in hits):
        where = f"no true label of {compared.truth} is among the answers of {compared.answers}{but}"
    else:
        where = ""
    if where:
        yield f"{where}: {why_none(compared, named)}"
        return
    if unknown in compared.true and unknown not in compared.among:
        yield (
            f"{compared.answers} never answers '{compared.unknown}', which is the true label of "
            f"{compared.true.count(unknown):,} pictures: if its unknown label is another, say --unknown"
        )
    if compared.classes is None:
        yield from doubts_of_classes(compared, unknown)


def doubts_of_classes(compared: Compared, unknown: str) -> Iterator[str]:
    """Name true labels that may be distractors', where the gallery is not known."""
    never = Counter(label for label in compared.true if label != unknown and label not in compared.among)
    if never:
        label, n = never.most_common(1)[0]
        yield (
            f"{len(never):,} true {'label is' if len(never) == 1 else 'labels are'} never among the answers, "
            f"'{label}' of {n:,} {'picture' if n == 1 else 'pictures'} the most frequent, and taken as known: if the "
            "gallery does not have such labels, say --gallery, and they count as distractors"
        )


def why_none(compared: Compared, rows: Sequence[int]) -> str:
    """Say why no true label of `rows` is among the answers; what both look like if no reason is found."""
    true = [compared.written[row] for row in rows]
    answers = dict(compared.answered)
    for separator in filter(None, OF_OTHERS):
        for row in rows:
            listed = normal_forms(split(compared.labels[row], separator))
            if len(listed) > 1 and answers[row] and answers[row][0] in listed:
                return "the truth holds lists of labels. Are the files swapped? Answers come first, then the truth"
    folded = {label.casefold() for label in compared.among}
    if any(label.casefold() in folded for label in true):
        return "they differ in capital and small letters"
    bare = {_bare(label) for label in compared.among} - {""}
    if any(_bare(label) in bare for label in true):
        return "they differ in spaces, punctuation or leading zeros"
    answer = next((label for _, labels in compared.answered for label in labels if label != compared.unknown), "")
    return f"the answers are such as '{answer}', the true labels such as '{true[0]}'. Are both of one task?"


def _bare(label: str) -> str:
    """A label without what programs change on the way: 007 and 7, `w 1` and `w_1`."""
    return "".join(letter for letter in label.casefold() if letter.isalnum()).lstrip("0")
