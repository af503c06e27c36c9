"""Answers in files: whatever is in the labels, they come back as they were, to us and to others."""

import logging
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldguide import FieldguideError, Format, Ranking, read_answers, write_answers
from fieldguide.records.separators import SEPARATORS
from fieldguide.records.text import normal_form

ODD = "ab1é \u0308;|,\t\n\r\"'-_/"  # what classes are called, and what separates, quotes and ends


def ranking_of(answers: list[list[str]], unknown: str = "-1") -> Ranking:
    """Make a ranking of these labels, at least one a query."""
    classes = sorted({label for labels in answers for label in labels} - {unknown})
    code = {label: place for place, label in enumerate(classes)} | {unknown: -1}
    width = max(map(len, answers))
    codes = np.array([[code[label] for label in labels] + [-2] * (width - len(labels)) for labels in answers])
    blank = np.full(codes.shape, np.nan, np.float32)
    score = np.zeros(len(codes), np.float32)
    return Ranking(np.array(classes, str), codes, blank, np.full(codes.shape, -1), score, blank, unknown)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write a ranking and read it back, as it is or told the separator that the log names."""
    path = tmp_path_factory.mktemp("answers") / "a.csv"

    def there_and_back(ranking: Ranking, form: Format | None = None):
        said = []
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())
        logging.getLogger("fieldguide").addHandler(handler)
        try:
            write_answers(ranking, path, form)
        finally:
            logging.getLogger("fieldguide").removeHandler(handler)
        return path, said

    return there_and_back


NAMES = {"a space": " ", "a tab": "\t", "the character 0x1F": "\x1f", "';'": ";", "'|'": "|"}


@given(
    answers=st.lists(
        st.lists(st.text(ODD, min_size=1, max_size=6).filter(normal_form), min_size=1, max_size=4, unique=True),
        min_size=1,
        max_size=6,
    )
)
def test_any_labels_come_back_as_they_were_or_the_log_says_by_which_separator(answers, written):
    path, said = written(ranking_of(answers))
    shown = [re.search(r"cannot be read without its separator, (.*): name it", line) for line in said]
    told = [NAMES[found[1]] for found in shown if found]
    read = read_answers(path, Format(separator=told[0]) if told else None)
    assert [list(labels) for labels in read.labels] == answers


@pytest.mark.parametrize("label", [" ", "\t", "\u00a0 "])
def test_a_label_of_spaces_is_not_written_as_no_table_can_hold_it(label, written):
    with pytest.raises(FieldguideError, match="nothing but spaces"):
        written(ranking_of([[label, "a"]]))


@given(answers=st.lists(st.lists(st.text("ab;|,-", min_size=1), min_size=1, unique=True), min_size=1, max_size=6))
def test_labels_without_a_space_are_written_as_competitions_take_them(answers, written):
    path, _ = written(ranking_of(answers))
    assert read_answers(path, Format(separator=" ")).labels == answers


SPECIES = [["Panthera leo", "-1", "Acinonyx jubatus"], ["-1"], ["Acinonyx jubatus", "Panthera leo"]]


def test_labels_with_a_space_are_separated_by_what_none_holds(written):
    path, said = written(ranking_of(SPECIES))
    assert path.read_text().splitlines()[1:] == [f"{row},{';'.join(labels)}" for row, labels in enumerate(SPECIES)]
    assert said == [f"{path}: labels hold a space, so ';' stands between them; name another with --separator"]
    assert read_answers(path).labels == SPECIES

    path, said = written(ranking_of([[label.replace("a", "a;") for label in labels] for labels in SPECIES]))
    assert "so '|' stands between them" in said[0]


def test_an_unknown_label_with_a_space_counts_too(written):
    path, _ = written(ranking_of([["a", "none of these"]], "none of these"))
    assert path.read_text().splitlines()[1] == "0,a;none of these"


def test_labels_that_hold_every_separator_are_refused(written):
    with pytest.raises(FieldguideError, match="all stand in labels: name a separator"):
        written(ranking_of([["".join(SEPARATORS), "x"]]))


@pytest.mark.parametrize(
    ("of_ranking", "of_format", "in_file"),
    [("-1", "new_whale", "new_whale"), ("new_whale", "-1", "new_whale"), ("none", "new_whale", "new_whale")],
)
def test_the_unknown_label_of_the_format_is_written(of_ranking, of_format, in_file, written):
    path, _ = written(ranking_of([["a", of_ranking]], of_ranking), Format(unknown=of_format))
    assert read_answers(path).labels == [["a", in_file]]


def test_an_unknown_label_that_is_a_class_is_refused(written):
    with pytest.raises(FieldguideError, match="a class is called 'a', as is the unknown label"):
        written(ranking_of([["a", "-1"]]), Format(unknown="a"))


def test_a_parquet_of_answers_is_read_as_a_table_is(table, tmp_path):
    path = table(tmp_path / "a.parquet", [("image", "label"), ("q.png", "x -1")])
    assert read_answers(path).labels == [["x", "-1"]]
