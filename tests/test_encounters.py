"""Encounters: pictures of one never count as two shots in a rehearsal, whatever the table calls them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fieldguide
from conftest import read_csv, write_csv
from fieldguide import PictureColumns, TransductiveClassifier
from fieldguide.embedding import EmbeddingTable
from fieldguide.pipelines.adapt import AdaptedTables
from fieldguide.pipelines.recipes import RuleOptions
from fieldguide.pipelines.recognise import fit
from fieldguide.recognition.episodes import draw_episodes
from fieldguide.records import ImageTable, read_gallery, read_queries
from fieldguide.records.answers import Format


@given(
    pictures=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=40),
    seed=st.integers(0, 3),
)
def test_no_hidden_shot_has_a_picture_of_its_encounter_in_the_gallery(pictures, seed):
    codes = np.unique([code for code, _ in pictures], return_inverse=True)[1]
    encounters = np.array([encounter for _, encounter in pictures])
    met = {code: {*encounters[codes == code]} for code in range(codes.max() + 1)}
    for episode in draw_episodes(codes, seed, encounters):
        in_gallery = {(codes[row], encounters[row]) for row in episode.gallery_rows}
        hidden = [(codes[row], encounters[row]) for row in episode.heldout_shot_rows]
        assert not in_gallery & {*hidden}
        assert len({code for code, _ in hidden}) == len(hidden)
        for code, encounter in hidden:  # it has other encounters, and all of these are there
            assert {one for other, one in in_gallery if other == code} == met[code] - {encounter}
        known = np.flatnonzero(~episode.heldout_classes)
        assert {code for code, _ in hidden} == {code for code in known if len(met[code]) > 1}


@given(codes=st.lists(st.integers(0, 5), min_size=1, max_size=40), seed=st.integers(0, 3))
def test_encounters_of_one_picture_each_change_nothing(codes, seed):
    codes = np.unique(codes, return_inverse=True)[1]
    one_each = list(draw_episodes(codes, seed, np.arange(len(codes))[::-1]))
    for told, untold in zip(one_each, draw_episodes(codes, seed), strict=True):
        for name in ("gallery_rows", "heldout_shot_rows", "heldout_class_rows", "heldout_classes"):
            assert (getattr(told, name) == getattr(untold, name)).all()


def bursts():
    """Classes that cannot be told apart but by the encounter, of which each has bursts of three pictures."""
    rng = np.random.default_rng(0)
    scenes = rng.normal(size=(60, 24))
    rows = (scenes[:, None] + 0.25 * rng.normal(size=(60, 3, 24))).reshape(-1, 24)
    labels = np.repeat(np.arange(60) % 30, 3).astype(str)
    queries = rng.normal(size=(300, 24))
    return rows, labels, np.repeat(np.arange(60), 3), queries


def test_who_knows_the_encounters_is_not_fooled_by_bursts():
    rows, labels, encounters, queries = bursts()
    some = np.concatenate([queries[:20], rows + 0.25])  # queries so alike that no threshold finds the twins
    fooled = TransductiveClassifier().fit(rows, labels).rank(some)
    told = TransductiveClassifier().fit(rows, labels, encounters=encounters).rank(some)
    assert fooled.expected.known_named_rightly.value > 0.8
    assert told.expected.known_named_rightly.value < 0.2
    named = TransductiveClassifier().fit(rows, labels, encounters=[f"e{n}" for n in encounters]).rank(some)
    assert named == told


def test_as_many_encounters_as_pictures_are_needed():
    with pytest.raises(ValueError, match="there are 2 encounters for 3 pictures: each has one"):
        TransductiveClassifier().fit(np.eye(3), ["a", "b", "c"], encounters=["x", "y"])


def test_a_table_has_encounters_under_any_name_and_some_of_none(tmp_path):
    rows = [("image", "label", "met"), ("a", "ape", "7"), ("b", "ape", ""), ("c", "ape", " 7 "), ("d", "ape", "")]
    path = write_csv(tmp_path / "gallery.csv", rows)
    assert read_gallery(path).encounter_numbers() is None
    gallery = read_gallery(path, columns=PictureColumns(encounter="met"))
    assert gallery.encounter_numbers().tolist() == [0, 1, 0, 2]
    assert gallery.take([3, 2]).encounters == ["", "7"]
    renamed = write_csv(tmp_path / "renamed.csv", [("image", "label", "encounter"), *rows[1:]])
    assert read_gallery(renamed).encounters == ["7", "", "7", ""]
    columns = PictureColumns.named(None, "mask", None, "none")
    assert read_gallery(renamed, columns=columns).encounters is None


def test_recognizers_are_told_if_they_ask():
    rows, labels, encounters, queries = bursts()
    pictures = ImageTable.from_images([f"{n}.jpg" for n in range(len(rows))], labels.tolist())
    pictures = ImageTable(pictures.images, pictures.paths, pictures.labels, encounters=[str(n) for n in encounters])
    gallery = EmbeddingTable(pictures, range(len(rows)), rows.astype(np.float32))
    tables = AdaptedTables(gallery, EmbeddingTable.from_arrays(queries))
    told = fit(tables, "transductive", None, RuleOptions())
    assert told.encounters_.tolist() == encounters.tolist()
    fit(tables, "cosine", None, RuleOptions())


def test_an_encounter_column_that_is_named_must_be_there(few, refused, tmp_path):
    queries = write_csv(tmp_path / "queries.csv", [("image",), ("a",)])
    error = refused("identify", few.gallery, queries, "--encounter-column", "burst")
    assert error == f"fieldguide: {queries} has no column 'burst', which an option names"
    assert Format().columns.encounter == "encounter"


def test_all_queries_of_an_encounter_get_one_answer_the_mean_of_theirs(few, done, refused, tmp_path):
    rows = [(str(few.queries / name), "b" if "noise" in name or "slope" in name else name) for name in few.truth]
    queries = write_csv(tmp_path / "queries.csv", [("image", "encounter"), *rows])
    names = [name for name, encounter in rows if encounter == "b"]
    alone, together = (
        fieldguide.identify(few.gallery, queries, by_encounter=on, k=9, show=False) for on in (False, True)
    )
    first, second = (together[name] for name in names)
    assert first.labels == second.labels
    assert set(first.labels) == {"-1", *few.truth.values()}
    mean = {label: np.mean([probability_of(alone, name, label) for name in names]) for label in first.labels}
    assert list(mean.values()) == sorted(mean.values(), reverse=True)
    for label, probability in mean.items():
        assert probability_of(together, names[1], label) == pytest.approx(probability, abs=1e-6)
    for name, encounter in rows:
        if encounter != "b":
            assert together[name] == alone[name]
    without = write_csv(tmp_path / "without.csv", [("image",), *((name,) for name, _ in rows)])
    assert refused("identify", few.gallery, without, "--by-encounter").startswith(
        "fieldguide: --by-encounter: the queries have no encounters: they are in a table's column 'encounter'"
    )
    answers = tmp_path / "answers.csv"
    done("identify", few.gallery, queries, "-o", answers, "--by-encounter")
    labels = dict(read_csv(answers)[1:])
    assert labels[names[0]] == labels[names[1]]


def probability_of(result, name: str, label: str) -> float:
    row = [own for own, _ in result].index(name)
    return dict(zip(result.ranking.labels(row), result.ranking.probability[row], strict=False))[label]


def test_an_encounter_with_two_boxes_in_one_picture_is_of_two_animals(tmp_path):
    rows = [("image", "bbox", "encounter"), ("a", "0 0 5 5", "1"), ("a", "5 5 9 9", "1"), ("b", "", "1")]
    rows += [("c", "", "2"), ("d", "", "2")]
    queries = read_queries(write_csv(tmp_path / "queries.csv", rows))
    assert queries.encounter_numbers().tolist() == [0, 0, 0, 1, 1]
    assert queries.individual_numbers().tolist() == [1, 2, 3, 0, 0]
