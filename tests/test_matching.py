"""Local features, the matches of pictures, and what they are used for."""

import json
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy import sparse
from scipy.ndimage import gaussian_filter

from conftest import read_csv, write_csv
from fieldguide import ImageTable, TransductiveClassifier
from fieldguide.core.errors import FieldguideError
from fieldguide.matching import (
    DescribedPictures,
    LocalFeatures,
    describe_pictures,
    lnbnn,
    load_matcher,
    nearest_matches,
    verification,
    verified_scores,
)
from fieldguide.matching.described import Matches
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.same_class import SameClass
from fieldguide.records.regions import Box, Region

SIDE = 200


def coat(seed, side=2 * SIDE):
    """Blotches that no other seed has, (side, side) grey."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((side, side)), 5)
    return Image.fromarray(np.where(noise > 0, 220, 40).astype(np.uint8)).convert("RGB")


def shot(seed, number):
    """The same blotches, turned, shifted, and in another light."""
    rng = np.random.default_rng([seed, number])
    left, top = rng.integers(60, 140, 2)
    seen = coat(seed).rotate(float(rng.uniform(-15, 15))).crop((left, top, left + SIDE, top + SIDE))
    pixels = np.asarray(seen, float) * rng.uniform(0.6, 1.0) + rng.normal(0, 4, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def sift():
    return load_matcher("sift")


@pytest.fixture(scope="module")
def herd(sift):
    """Six animals, four pictures each: their labels, and what was found in them."""
    labels = np.repeat(np.arange(6), 4)
    pictures = [shot(label, row % 4) for row, label in enumerate(labels)]
    return labels, describe_pictures(ImageTable.from_images(pictures), sift, cache=False, show=False)


def scores_of(described):
    return verified_scores(described, nearest_matches(described))


def test_pictures_of_one_coat_match_and_others_do_not(herd):
    labels, described = herd
    scores = scores_of(described)
    assert (scores != scores.T).nnz == 0
    dense = scores.toarray()
    np.fill_diagonal(dense, -1)
    assert (labels[dense.argmax(axis=1)] == labels).mean() > 0.95
    same = labels[:, None] == labels
    assert dense[same].mean() > 20 * dense[~same].mean()


def test_an_index_in_lists_finds_nearly_the_same(herd, monkeypatch):
    labels, described = herd
    exact = scores_of(described)
    monkeypatch.setattr(lnbnn, "EXACT_UP_TO", 0)
    lists = scores_of(described).toarray()
    same = labels[:, None] == labels
    assert lists[same].sum() > 0.6 * exact.toarray()[same].sum()


def test_scores_do_not_depend_on_how_pairs_are_cut_into_parts(herd, monkeypatch):
    _, described = herd
    whole = scores_of(described)
    monkeypatch.setattr(verification, "PAIRS_AT_ONCE", 500)
    assert abs(whole - scores_of(described)).max() < 1e-3 * whole.max()


def test_the_matches_that_agree_are_those_of_one_transform():
    rng = np.random.default_rng(0)
    xy = rng.uniform(0, 300, (30, 2)).astype(np.float32)
    moved = 2 * xy[:, ::-1] * [-1, 1] + 50  # turned by a right angle and twice as large
    moved[20:] = rng.uniform(0, 600, (10, 2))
    places = [np.column_stack([xy, np.full((30, 2), [4, 0.3])])]
    places.append(np.column_stack([moved, np.full((30, 2), [8, 0.3 + np.pi / 2])]))
    two = DescribedPictures(
        np.zeros((60, 128), np.uint8), np.concatenate(places).astype(np.float32), np.array([0, 30, 60])
    )
    matches = Matches(np.arange(30), np.arange(30, 60), np.ones(30, np.float32))
    agree = verification.agreeing(two, matches)
    assert agree[:20].all()
    assert agree[20:].sum() <= 2
    assert not verification.agreeing(two, matches.of(np.arange(2))).any()
    assert verified_scores(two, matches)[0, 1] == pytest.approx(1000 * agree.sum())


@pytest.mark.parametrize(
    "picture",
    [
        np.full((80, 90, 3), 128, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((3, 900), np.uint8),
        np.tile(np.arange(0, 250, 10, dtype=np.uint8), (400, 1)),
    ],
)
def test_pictures_on_which_nothing_is_found(picture, sift):
    described = describe_pictures(ImageTable.from_images([picture, picture]), sift, cache=False, show=False)
    assert len(described) == 2
    assert scores_of(described).nnz == 0


def test_keypoints_that_are_all_alike_match_nothing():
    n = 40
    alike = LocalFeatures(
        np.ones((n, 2), np.float32), np.ones(n, np.float32), np.ones(n, np.float32), np.ones((n, 128), np.uint8), (9, 9)
    )
    assert scores_of(DescribedPictures.of([alike, alike, LocalFeatures.none(128)], 128)).nnz == 0


def test_a_picture_of_a_hundred_megapixels(sift, tmp_path):
    Image.new("L", (10_000, 10_000), 200).save(tmp_path / "large.png")
    described = describe_pictures(ImageTable.from_images([tmp_path / "large.png"]), sift, cache=False, show=False)
    assert len(described) == 1


def test_a_picture_that_is_gone_is_named_and_matches_nothing(sift, tmp_path, caplog):
    described = describe_pictures(ImageTable.from_images([shot(1, 0), tmp_path / "gone.jpg"]), sift, show=False)
    assert described.first[1] == described.first[2] > 50
    assert f"1 pictures could not be matched: {tmp_path / 'gone.jpg'} (no such file)" in caplog.text


def test_features_are_kept_by_content(sift, tmp_path, monkeypatch):
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path / "cache"))
    shot(3, 0).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    first = describe_pictures(ImageTable.from_images([tmp_path / "a.png"]), sift, show=False)

    class Refuses:
        name, fingerprint, dim, most, longest = sift.name, sift.fingerprint, sift.dim, sift.most, sift.longest

        def describe(self, picture):
            raise AssertionError("it is known")

    again = describe_pictures(ImageTable.from_images([tmp_path / "b.png"]), Refuses(), show=False)
    assert len(first.descriptors) > 50
    assert np.array_equal(first.descriptors, again.descriptors)
    assert np.array_equal(first.places, again.places)


def test_features_in_pixels_of_another_size(sift):
    found = sift.describe(np.asarray(shot(4, 0)))
    assert found.in_pixels_of(2 * SIDE, SIDE) == pytest.approx(found.xy * [2, 1])


def test_there_is_no_such_matcher():
    with pytest.raises(FieldguideError, match="unknown matcher 'surf': choose one of sift"):
        load_matcher("surf")


# --- recognition ---------------------------------------------------------------------------------------------------


def task(informative, n_classes=24, n_shots=3, n_queries=4, seed=0):
    """Embeddings that say little, match scores that say much or nothing, a quarter of the queries distractors."""
    rng = np.random.default_rng(seed)
    n_known = int(0.75 * n_classes)
    labels = np.repeat(np.arange(n_classes), n_shots + n_queries)
    rows = (0.35 * rng.standard_normal((n_classes, 24)))[labels] + rng.standard_normal((len(labels), 24))
    same = labels[:, None] == labels if informative else rng.permutation(labels)[:, None] == rng.permutation(labels)
    found = np.triu(np.where(same, rng.random(same.shape) < 0.7, rng.random(same.shape) < 0.02), 1)
    scores = np.triu(np.where(found, rng.uniform(0.2, 1, same.shape) * np.where(same, 300, 60), 0), 1)
    is_shot = np.tile(np.arange(n_shots + n_queries) < n_shots, n_classes) & (labels < n_known)
    is_query = np.tile(np.arange(n_shots + n_queries) >= n_shots, n_classes)
    order = np.concatenate([np.flatnonzero(is_shot), np.flatnonzero(is_query)])
    truth = np.where(labels < n_known, labels.astype(str), "-1")[is_query]
    scores = sparse.csr_matrix((scores + scores.T)[order][:, order])
    return rows[is_shot], labels[is_shot].astype(str), rows[is_query], truth, scores


def test_matches_that_tell_classes_apart_are_used():
    gallery, labels, queries, truth, scores = task(informative=True)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    before, after = recognizer.rank(queries), recognizer.rank(queries, matches=scores)
    right = [(one.named((), "-1").top1() == truth).mean() for one in (before, after)]
    assert right[1] > right[0] + 0.3
    assert after.explanation.startswith("matching: as edges")
    assert "rehearsed mAP@5" in after.explanation


def test_matches_that_say_nothing_change_not_a_byte():
    gallery, labels, queries, _, scores = task(informative=False)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    before, after = recognizer.rank(queries), recognizer.rank(queries, matches=scores)
    assert after.explanation.startswith("matching: off")
    assert before.codes.tobytes() == after.codes.tobytes()
    assert before.probability.tobytes() == after.probability.tobytes()
    assert before.distractor_score.tobytes() == after.distractor_score.tobytes()


def test_one_shot_a_class_teaches_nothing_of_matches():
    gallery, labels, queries, _, scores = task(informative=True, n_shots=1)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    before, after = recognizer.rank(queries), recognizer.rank(queries, matches=scores)
    assert after.explanation == (
        "matching: off, too few classes have several pictures to learn from what a match is worth"
    )
    assert before.probability.tobytes() == after.probability.tobytes()


def test_labelled_distractors_and_twins_go_with_matches():
    gallery, labels, queries, truth, scores = task(informative=True)
    n = len(labels)
    rows = np.concatenate([np.arange(n), [0], np.arange(n, scores.shape[0])])  # the first picture stands twice
    distractors = queries[truth == "-1"][:5] + 0.1
    recognizer = TransductiveClassifier().fit(
        np.concatenate([gallery, gallery[:1]]), np.append(labels, labels[0]), distractors=distractors
    )
    ranking = recognizer.rank(queries, matches=scores[rows][:, rows])
    assert "1 labelled pictures are copies" in ranking.explanation
    assert (ranking.named((), "-1").top1() == truth).mean() > 0.7


def test_match_scores_of_another_task_are_refused():
    gallery, labels, queries, _, scores = task(informative=True)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    with pytest.raises(ValueError, match="match scores are of gallery and queries"):
        recognizer.rank(queries[:-1], matches=scores)


# --- the command line ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """Twelve animals with three shots each and two queries each, and four animals that nobody knows."""
    folder = tmp_path_factory.mktemp("animals")
    truth = [("image", "label")]
    for number in range(16):
        for row in range(5 if number < 12 else 4):
            is_shot = number < 12 and row < 3
            path = folder / (f"gallery/{number:02}" if is_shot else "queries") / f"{number:02}-{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shot(number, row).save(path)
            if not is_shot:
                truth.append((path.name, f"{number:02}" if number < 12 else "-1"))
    write_csv(folder / "truth.csv", truth)
    return folder


def test_animals_are_named_by_their_coats(animals, done, tmp_path):
    words = "identify", animals / "gallery", animals / "queries", "-o", tmp_path / "a.csv"
    outcome = done(*words, "--details", tmp_path / "d.parquet")
    assert "matching: as edges" in outcome.out
    facts = pq.read_schema(tmp_path / "d.parquet").metadata[b"fieldguide"]
    assert json.loads(facts)["explanation"].startswith("matching: as edges")
    right = dict(read_csv(animals / "truth.csv"))
    named = {image: labels.split()[0] for image, labels in read_csv(tmp_path / "a.csv")[1:]}
    known = [image for image in named if right[image] != "-1"]
    assert np.mean([named[image] == right[image] for image in known]) > 0.8
    off = done("identify", animals / "gallery", animals / "queries", "-o", tmp_path / "b.csv", "--matching", "off")
    assert "matching:" not in off.out
    before = {image: labels.split()[0] for image, labels in read_csv(tmp_path / "b.csv")[1:]}
    assert np.mean([before[image] == right[image] for image in known]) < 0.75


def test_matching_that_cannot_be_is_one_line(few, refused, tmp_path, monkeypatch):
    def line(*words):
        return refused("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *words)

    assert "unknown matcher 'surf': choose one of auto, off, sift" in line("--matching", "surf")
    assert "--matching sift has no use with this recipe and rule (cosine): leave it out" in line(
        "--matching", "sift", "--recipe", "cosine"
    )
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert "needs cv2, which is not installed: pip install opencv-python-headless" in line("--matching", "sift")


def test_why_matching_is_off_is_said(few, done, tmp_path):
    words = "identify", few.gallery, few.queries, "-o", tmp_path / "a.csv"
    assert "matching: off, too few classes have several pictures" in done(*words).out
    assert "matching:" not in done(*words, "--recipe", "cosine").out


def test_queries_are_not_looked_at_where_matches_say_nothing_of_the_gallery(done, tmp_path, monkeypatch):
    from fieldguide.pipelines import matching

    looked = []

    def describe(*arguments, what, **more):
        looked.append(what)
        return real(*arguments, what=what, **more)

    real = matching.describe_pictures
    monkeypatch.setattr(matching, "describe_pictures", describe)
    for number in range(24):  # of six classes, three shots each, and a query, noise all of them
        folder = tmp_path / "gallery" / f"{number % 6}" if number < 18 else tmp_path / "queries"
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (90, 90, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    words = "identify", tmp_path / "gallery", tmp_path / "queries", "-o", tmp_path / "a.csv"
    assert "matching: off, a match says nothing of the class" in done(*words).out
    assert looked == ["local features of the gallery"]
    done(*words, "--matching", "sift")
    assert len(looked) == 3


def test_what_matches_is_drawn_on_both_pictures(done, refused, tmp_path):
    for name, picture in (("a", shot(1, 0)), ("b", shot(1, 1)), ("plain", Image.new("RGB", (60, 90)))):
        picture.save(tmp_path / f"{name}.png")
    said = done("explain", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "pair.png").out
    assert int(said.split()[0]) > 20
    with Image.open(tmp_path / "pair.png") as drawn:
        assert drawn.size == (968, 480)
        assert len(drawn.getcolors(1 << 20)) > 1000
    done("explain", tmp_path / "a.png", tmp_path / "plain.png", "-o", tmp_path / "none.jpg")
    line = refused("explain", tmp_path / "a.png", tmp_path / "gone.png", "-o", tmp_path / "no.png")
    assert line == f"fieldguide: {tmp_path / 'gone.png'}: no such file"
    words = tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "x.txt"
    assert "cannot be written in that format" in refused("explain", *words)
    assert not (tmp_path / "no.png").exists()


def test_of_a_box_only_what_is_in_it_is_described(sift, tmp_path):
    wide = Image.new("RGB", (3 * SIDE, SIDE), (90, 90, 90))
    wide.paste(shot(0, 0), (SIDE, 0))
    path = tmp_path / "wide.png"
    wide.save(path)
    regions = {row: Region(Box(float(left), 0.0, SIDE, SIDE), margin=0.0) for row, left in enumerate((SIDE, 0))}
    pictures = ImageTable(["full", "empty"], [path, path], regions=regions)
    for _ in range(2):  # the second time from the cache, where each box has its own
        full, empty = np.diff(describe_pictures(pictures, sift, show=False).first)
        assert full > 20
        assert empty == 0


def test_a_match_weighs_by_how_much_nearer_it_is_than_the_11th():
    """Three keypoints are the same in three pictures, among many that are far."""
    descriptors = np.random.default_rng(0).integers(0, 60, (40, 128)).astype(np.uint8)
    descriptors[[10, 20]] = descriptors[0]
    pictures = DescribedPictures(descriptors, np.ones((40, 4), np.float32), np.arange(0, 41, 2))
    owner, matches = pictures.pictures(), nearest_matches(pictures)
    assert (owner[matches.start] < owner[matches.end]).all()  # none within a picture
    pairs = list(zip(matches.start.tolist(), matches.end.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    found = dict(zip(pairs, matches.weight.tolist(), strict=True))
    for pair in (0, 10), (0, 20), (10, 20):
        both_ways = 0.0
        for one in pair:
            distance = np.linalg.norm(descriptors.astype(float) - descriptors[one], axis=1) / lnbnn.UNIT
            both_ways += np.sort(distance[owner != owner[one]])[lnbnn.NEIGHBOURS]  # that of the pair is 0
        assert found[pair] == pytest.approx(both_ways, rel=1e-4)


def test_pictures_of_one_encounter_do_not_show_what_a_match_is_worth():
    codes = np.repeat(np.arange(8), 3)
    rows = np.random.default_rng(0).normal(size=(len(codes), 16)).astype(np.float32)
    pictures = CentredRows.about_their_centre(rows[:12], rows[12:], 0)
    same = (codes[:, None] == codes) & ~np.eye(len(codes), dtype=bool)
    scores = sparse.csr_matrix(100.0 * same)
    each_its_own = np.arange(len(codes))
    assert SameClass.fit(pictures, codes, each_its_own, scores, 0).gains
    assert SameClass.fit(pictures, codes, codes, scores, 0) is None
