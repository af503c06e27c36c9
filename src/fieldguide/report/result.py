"""What an identification comes to: the answers, what they were made of, and the files and pages that they go to."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from fieldguide.discovery import NewClass, NumberOfClasses
from fieldguide.embedding import EmbeddingTable
from fieldguide.recognition import Answer, Ranking
from fieldguide.recognition.expectation import Expectation
from fieldguide.records.answers import Format
from fieldguide.records.unreadable import UnreadablePicture
from fieldguide.records.write_back import write_back
from fieldguide.report.answers import write_answers
from fieldguide.report.details import RunFacts, write_details

if TYPE_CHECKING:
    import pandas as pd

    from fieldguide.report.data import ReportData


@dataclass(frozen=True, eq=False, repr=False)
class IdentificationResult:
    """All that came of one run; a sequence of answers like its ranking: `for name, labels in result`.

    Attributes
    ----------
    ranking : of every query; an unreadable one has the unknown label alone
    gallery : embeddings of the labelled pictures; `ranking.nearest` counts those that could be read
    queries : embeddings of the queries that could be read, and which could not
    facts : how it was made
    new_classes : groups of the queries that are probably unknown, the largest first; none where they were not sought
    number_of_new_classes : how many there seem to be; None where they were not sought, or have no probabilities
    """

    ranking: Ranking
    gallery: EmbeddingTable
    queries: EmbeddingTable
    facts: RunFacts
    new_classes: Sequence[NewClass] = ()
    number_of_new_classes: NumberOfClasses | None = None

    def __len__(self) -> int:
        return len(self.ranking)

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.ranking)

    @overload
    def __getitem__(self, which: int | str) -> Answer: ...
    @overload
    def __getitem__(self, which: slice) -> Ranking: ...
    def __getitem__(self, which: int | str | slice) -> Answer | Ranking:
        """Give the answer to one query, by number or name, or the ranking of a slice of them."""
        return self.ranking[which]

    def __repr__(self) -> str:
        identified, unknown, unreadable = self.counts
        missing = f", {unreadable:,} unreadable" if unreadable else ""
        return f"IdentificationResult: {identified:,} identified, {unknown:,} unknown{missing}; {self.summary}"

    @property
    def summary(self) -> str:
        """How distractors were told apart, in words."""
        return self.facts.rejection_summary

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many queries were identified, how many are unknown, and how many could not be read."""
        unreadable = len(self.queries.pictures) - len(self.queries)
        unknown = int(self.ranking.is_unknown().sum()) - unreadable
        return len(self) - unknown - unreadable, unknown, unreadable

    @property
    def contamination(self) -> float:
        """The share of distractors among the queries: estimated, given or called."""
        return self.ranking.contamination

    @property
    def contamination_interval(self) -> tuple[float, float] | None:
        """Its 90% interval, where it was estimated."""
        return self.ranking.contamination_interval

    @property
    def expected(self) -> Expectation | None:
        """How right the recognizer expects its names to be, before `name_above`; None where it does not say."""
        return self.ranking.expected

    @property
    def unreadable(self) -> Sequence[UnreadablePicture]:
        """The pictures that could not be read, of gallery and queries, and why."""
        return self.gallery.unreadable_pictures("gallery") + self.queries.unreadable_pictures("queries")

    def to_pandas(self, *, wide: bool = False) -> "pd.DataFrame":
        """Give a data frame: a row an answer, or, if wide, a row a query; as `Ranking.to_pandas`."""
        return self.ranking.to_pandas(wide=wide)

    def write_answers(
        self, path: str | os.PathLike[str], form: Format | None = None, *, name_new: bool = False
    ) -> None:
        """Write a row a query, its labels best first: as `fieldguide identify -o` does.

        With `name_new` a query of a new class has its name, such as `new-1`, in place of the unknown label.
        """
        write_answers(self.ranking, path, form, self.queries.pictures, name_new=name_new)

    def write_back(
        self,
        source: str | os.PathLike[str],
        path: str | os.PathLike[str],
        form: Format | None = None,
        *,
        name_new: bool = False,
    ) -> None:
        """Write queries that were read from COCO JSON or Camtrap DP again, with the answers in them.

        Parameters
        ----------
        source : they were read from
        path : of the new file: a COCO JSON, or the observations of the Camtrap DP
        form : says in which key or column labels are
        name_new : as in `write_answers`

        Raises
        ------
        FieldguideError : the source has changed, or the file cannot be written.
        """
        label, ranking = (form or Format()).label_column, self.ranking
        answers = [
            (ranking.labels(row, name_new=name_new), float(ranking.probability[row, 0])) for row in range(len(ranking))
        ]
        write_back(Path(source), Path(path), answers, label, ranking.unknown)

    def write_details(self, path: str | os.PathLike[str]) -> None:
        """Write a row an answer with similarity, probability and nearest gallery picture, to a .parquet."""
        write_details(self.ranking, path, self.gallery.names, self.facts)

    def report(self, path: str | os.PathLike[str], *, show: bool = True) -> None:
        """Write the page that shows it all, one file of HTML. Needs the extra `report`.

        Parameters
        ----------
        path : of the page
        show : whether to show progress

        Raises
        ------
        FieldguideError : the extra is not installed, or the file cannot be written.
        """
        from fieldguide.report.data import check_report
        from fieldguide.report.page import write_page

        check_report()
        write_page(self.report_data(), Path(path), show=show)

    def report_data(self, truth: Mapping[str, str] | None = None) -> "ReportData":
        """Give what a report of this run draws on; with the true labels by name, if they are known."""
        from fieldguide.report.data import ReportData
        from fieldguide.report.trained import read_training, trained_folder

        gallery, queries = self.gallery, self.queries
        parts = self.ranking, self.facts, gallery.readable, queries.pictures, gallery.matrix, queries
        return ReportData(*parts, truth, training=read_training(trained_folder(self.facts.backbone)))
