"""The figures of a report, by what is in them: axes, artists, data; and the files of `fieldguide report`."""

import json
import re
import shutil
import warnings
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from conftest import read_csv
from drawing import KNOWN
from fieldguide.core.errors import FieldguideError
from fieldguide.recognition import NOTHING, UNKNOWN
from fieldguide.report import FIGURES, ReportData, draw_all
from fieldguide.report.confusion import confused_pairs
from fieldguide.report.contamination import draw_contamination, threshold_used
from fieldguide.report.data import best_similarity, true_codes
from fieldguide.report.examples import draw_examples
from fieldguide.report.figures import shown_codes, verdicts
from fieldguide.report.leaderboard import draw_leaderboard
from fieldguide.report.maps import (
    class_colours,
    draw_map_of_classes,
    draw_map_of_confidence,
    draw_maps_by_epoch,
)
from fieldguide.report.predictions import (
    draw_predictions,
    least_sure,
    likeliest_distractors,
    surest,
    worst_mistakes,
)
from fieldguide.report.quality import draw_oscr, draw_reliability, draw_roc, draw_score_by_rank
from fieldguide.report.trained import read_training
from fieldguide.report.training import draw_training
from synthetic import make_run

BOARD = [
    {"recipe": "cosine", "mAP@5": [0.60, 0.58, 0.62], "AUROC": 0.7, "seconds": 3, "seed": True},
    {"recipe": "transductive", "mAP@5": {"value": 0.8, "low": 0.78, "high": 0.82}, "AUROC": 0.9},
    {"recipe": "xgboost", "mAP@5": 0.45, "mAP@5 low": 0.43, "mAP@5 high": 0.47, "note": "slow"},
]


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> ReportData:
    return make_run(tmp_path_factory.mktemp("story"), classes=12, queries=240)


# --- all of them ---------------------------------------------------------------------------------------------------


def test_every_figure_is_drawn_of_a_run_with_truth_and_none_warns(story):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = []
        for entry, figure in draw_all(story):
            figure.draw_without_rendering()
            assert figure.axes, entry.name
            names.append(entry.name)
    assert len(names) == len(set(names)) >= 12


def test_without_truth_nothing_that_needs_it_is_drawn(story, tmp_path):
    run = make_run(tmp_path, classes=4, queries=30, truth=False)
    names = {entry.name for entry in FIGURES if entry.possible(run)}
    assert {"contamination", "map-classes", "surest"} <= names
    assert not {"roc", "oscr", "reliability", "mistakes", "confusion", "leaderboard", "training"} & names


def test_what_has_nothing_to_show_is_left_out(story):
    bare = replace(story, truth={}, training=[{"epoch": 0}], leaderboard=[{"recipe": "a", "note": "slow"}])
    assert bare.scores == []
    possible = {entry.name for entry in FIGURES if entry.possible(bare)}
    assert not {"training", "leaderboard", "mistakes", "roc", "reliability", "map-epochs"} & possible
    assert {"training", "leaderboard"} <= {
        entry.name for entry in FIGURES if entry.possible(replace(bare, training=[{"loss": 1.0}], leaderboard=BOARD))
    }


def test_where_all_are_distractors_every_figure_is_drawn(tmp_path):
    run = make_run(tmp_path, classes=4, queries=30)
    ranking = run.ranking
    codes = np.full_like(ranking.codes, NOTHING)
    codes[:, 0] = UNKNOWN
    nothing = np.full_like(ranking.similarity, np.nan)
    nearest = np.full_like(ranking.nearest, -1)
    run = replace(run, ranking=replace(ranking, codes=codes, similarity=nothing, nearest=nearest))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _, figure in draw_all(run):
            figure.draw_without_rendering()
    assert verdicts(run)["Threshold"].all()  # nothing is like the gallery at all


# --- contamination -------------------------------------------------------------------------------------------------


def test_the_contamination_rises_from_none_to_all_and_the_estimate_is_marked(story):
    figure = draw_contamination(story.ranking, 0.25, (0.2, 0.3))
    top, bottom = figure.axes
    curve = top.lines[0].get_ydata()
    assert (np.diff(curve) > 0).all()
    assert curve[-1] == 1
    labels = [text.get_text() for text in top.get_legend().get_texts()]
    similarity = best_similarity(story.ranking)
    assert f"estimated, 25%: a threshold of {np.quantile(similarity, 0.25):.2f}" in labels
    assert "its 90% interval, 20% to 30%" in labels
    assert f"expected, 30%: a threshold of {np.quantile(similarity, 0.3):.2f}" in labels
    # the histogram holds every query once, by its probability
    heights = sum(patch.get_height() for patch in bottom.patches if isinstance(patch, Rectangle))
    assert heights == pytest.approx(len(story.ranking), rel=1e-4)


def test_legends_of_the_contamination_lie_over_nothing(story):
    figure = draw_contamination(story.ranking, 0.25, (0.2, 0.3))
    figure.draw_without_rendering()
    for axis in figure.axes:
        assert not axis.get_legend().get_window_extent().overlaps(axis.bbox)


def test_a_threshold_is_marked_only_where_one_was_used(story):
    similarity = best_similarity(story.ranking)
    middle = float(np.sort(similarity)[len(similarity) // 2])
    codes = story.ranking.codes.copy()
    codes[:, 0] = np.where(similarity < middle, -1, 0)
    ruled = replace(story.ranking, codes=codes, probability=np.full_like(story.ranking.probability, np.nan))
    used = threshold_used(similarity, ruled)
    assert used == pytest.approx(middle, abs=0.05)
    (top, _) = draw_contamination(ruled, 0.5).axes
    labels = [text.get_text() for text in top.get_legend().get_texts()]
    assert f"threshold used, {used:.2f}" in labels
    assert any(label.startswith("called, 50%") for label in labels)
    codes_of_others = np.where(np.arange(len(codes)) % 2, -1, 0)
    mixed = replace(ruled, codes=np.concatenate([codes_of_others[:, None], codes[:, 1:]], axis=1))
    assert threshold_used(similarity, mixed) is None
    assert threshold_used(similarity, story.ranking) is None  # it was told apart by probabilities


# --- maps ----------------------------------------------------------------------------------------------------------


def test_labels_on_the_map_never_overlap(story):
    figure = draw_map_of_classes(story.plane, story.ranking, story.gallery_codes)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) > 3
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_every_readable_query_and_every_shot_is_on_the_map(story):
    figure = draw_map_of_classes(story.plane, story.ranking, story.gallery_codes)
    points = sum(len(collection.get_offsets()) for collection in figure.axes[0].collections)
    assert points == len(story.ranking) + len(story.gallery)


def test_classes_side_by_side_have_different_colours(story):
    codes = story.gallery_codes
    colours = class_colours(story.plane, codes)
    centres = np.stack([story.plane.gallery[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
    for code, centre in enumerate(centres):
        nearest = np.argsort(np.linalg.norm(centres - centre, axis=1))[1]
        assert colours[code] != colours[nearest]


def test_the_map_is_the_same_every_time_and_like_lies_by_like(story, tmp_path):
    again = make_run(tmp_path, classes=12, queries=240)
    np.testing.assert_array_equal(again.plane.queries, story.plane.queries)
    distance = np.linalg.norm(story.plane.queries[:, None] - story.plane.gallery[None], axis=2)
    labels = np.array(story.gallery.labels)
    known = [row for row, name in enumerate(story.ranking.names) if story.truth[name] != "-1"]
    right = [labels[distance[row].argmin()] == story.truth[story.ranking.names[row]] for row in known]
    assert np.mean(right) > 0.8


def test_the_rules_side_by_side_are_of_the_same_queries(story):
    called = verdicts(story)
    assert list(called) == ["Threshold", "DBSCAN", "This run (transductive)", "In truth"]
    np.testing.assert_array_equal(called["In truth"], [story.truth[name] == "-1" for name in story.ranking.names])
    known = dict(list(story.truth.items())[1:])  # of one query it is not known: no map of the truth
    assert len(verdicts(replace(story, truth=known))) == 3
    shares = {name: flags.mean() for name, flags in called.items()}
    assert shares["Threshold"] == pytest.approx(story.facts.contamination, abs=0.02)
    assert all(flags.shape == (240,) for flags in called.values())


def test_confidence_is_the_probability_of_the_first_answer(story):
    figure = draw_map_of_confidence(story.plane, story.ranking)
    (points,) = figure.axes[0].collections
    values = points.get_array()
    assert points.get_clim() == (0, 1)
    np.testing.assert_array_equal(np.sort(values), np.sort(story.ranking.probability[:, 0]))


def test_a_map_an_epoch_each_turned_onto_the_one_before(story):
    mirrored = {
        10: (story.gallery_embeddings, story.query_embeddings),
        0: (
            story.gallery_embeddings[:, ::-1].copy(),
            replace(story.query_embeddings, matrix=story.query_embeddings.matrix[:, ::-1].copy()),
        ),
    }
    run = replace(story, stages=mirrored)
    assert list(run.planes) == [0, 10]
    moved = np.linalg.norm(run.planes[0].queries - run.planes[10].queries, axis=1)
    assert np.median(moved) < 0.1  # the same rows with their columns in another order: the same map
    figure = draw_maps_by_epoch(run.planes, run.gallery_codes, shown_codes(run))
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["at the start", "after epoch 10"]
    for axis in figure.axes:
        assert sum(len(points.get_offsets()) for points in axis.collections) == len(run.ranking) + len(run.gallery)


def test_queries_have_their_true_class_where_it_is_known(story):
    names = story.ranking.names
    half = {name: story.truth[name] for name in names[:120]}
    codes = shown_codes(replace(story, truth=half))
    np.testing.assert_array_equal(codes[:120], true_codes(story.ranking, story.truth)[:120])
    np.testing.assert_array_equal(codes[120:], story.ranking.codes[120:, 0])


# --- predictions ---------------------------------------------------------------------------------------------------


def test_the_queries_shown_are_the_ones_named(story):
    ranking, truth = story.ranking, story.truth
    first = ranking.probability[:, 0]
    assert len(set(ranking.codes[surest(ranking, 8), 0])) == 8  # of eight classes
    assert first[surest(ranking, 1)[0]] == first[~ranking.is_unknown()].max()
    assert first[least_sure(ranking, 1)[0]] == first[~ranking.is_unknown()].min()
    assert ranking.is_unknown()[likeliest_distractors(ranking, 8)].all()
    for row in worst_mistakes(ranking, truth, 8):
        assert ranking.labels(row)[0] != truth[ranking.names[row]]


def test_of_mistakes_the_truth_is_written_beside_the_query(story):
    rows = worst_mistakes(story.ranking, story.truth, 8)
    assert len({story.truth[story.ranking.names[row]] for row in rows}) >= 6  # not one class eight times
    figure = draw_predictions(story.ranking, rows, story.queries.paths, story.gallery.paths, story.truth)
    captions = [axis.get_title() for axis in figure.axes[:: story.ranking.codes.shape[1] + 1]]
    for row, caption in zip(rows, captions, strict=True):
        label = story.truth[story.ranking.names[row]]
        assert caption.endswith(f"in truth {'none of these' if label == '-1' else label}")
    assert any(title.endswith("%") for title in (axis.get_title() for axis in figure.axes))


def test_examples_show_shots_of_every_class_drawn(story):
    figure = draw_examples(story.gallery, story.queries)
    titles = {axis.get_title(loc="left") for axis in figure.axes} - {""}
    assert titles <= set(story.gallery.labels)
    assert len(titles) == 6
    assert sum(bool(axis.images) for axis in figure.axes) == 6 * 3 + 6 * 6


# --- with truth ----------------------------------------------------------------------------------------------------


def test_right_by_rank_starts_at_top_1(story):
    top_1 = next(score.value for score in story.scores if score.name == "top-1")
    line = draw_score_by_rank(story.ranking, story.truth).axes[0].lines[0]
    assert line.get_ydata()[0] == pytest.approx(top_1)
    assert (np.diff(line.get_ydata()) >= 0).all()


def test_the_roc_has_the_area_that_evaluate_prints_and_oscr_less(story):
    auroc = next(score.value for score in story.scores if score.name == "AUROC")
    areas = []
    for draw in draw_roc, draw_oscr:
        line = draw(story.ranking, story.truth).axes[0].lines[-1]
        areas.append(np.trapezoid(line.get_ydata(), line.get_xdata()))
    assert areas[0] == pytest.approx(auroc, abs=1e-6)
    assert areas[1] <= areas[0]


def test_reliability_counts_every_query_once(story):
    top, bottom = draw_reliability(story.ranking, story.truth).axes
    assert sum(patch.get_height() for patch in bottom.patches) == len(story.ranking)
    assert top.get_title(loc="left").startswith("Reliability: calibration error 0.")


def test_confused_pairs_are_mistakes_between_classes_most_frequent_first(story):
    ranking = story.ranking
    pairs = confused_pairs(ranking, story.truth)
    counts = [len(rows) for *_, rows in pairs]
    assert counts == sorted(counts, reverse=True)
    mistakes = [
        row
        for row, name in enumerate(ranking.names)
        if story.truth[name] != "-1" and ranking.labels(row)[0] not in ("-1", story.truth[name])
    ]
    assert sorted(row for *_, rows in pairs for row in rows) == mistakes


def test_a_true_label_of_no_class_of_the_gallery_is_a_distractors(story):
    foreign = {name: "a foreign class" if label == "-1" else label for name, label in story.truth.items()}
    other = replace(story, truth=foreign)
    assert other.scores == story.scores
    np.testing.assert_array_equal(true_codes(other.ranking, foreign), true_codes(story.ranking, story.truth))
    rows = likeliest_distractors(story.ranking, 4)
    captions = []
    for truth in story.truth, foreign:
        figure = draw_predictions(story.ranking, rows, story.queries.paths, story.gallery.paths, truth)
        captions.append([axis.get_title() for axis in figure.axes])
    assert captions[0] == captions[1]


# --- leaderboard and training --------------------------------------------------------------------------------------


def test_the_leaderboard_has_the_best_on_top_with_intervals_however_they_are_written():
    bars, table = draw_leaderboard(BOARD).axes
    assert [text.get_text() for text in bars.get_yticklabels()] == ["xgboost", "cosine", "transductive"]
    assert [tuple(line.get_xdata()) for line in bars.lines] == [(0.43, 0.47), (0.58, 0.62), (0.78, 0.82)]
    assert "0.8" in [text.get_text() for text in table.texts]
    assert "slow" not in [text.get_text() for text in table.texts]


def test_training_has_a_chart_for_each_number():
    history = [{"epoch": epoch, "loss": 1 / epoch, "held_out_score": epoch, "note": "x"} for epoch in (1, 2, 3)]
    figure = draw_training(history)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles[:2] == ["loss", "held out score"]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [1, 1 / 2, 1 / 3])


# --- through the command line --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def details(task, done, tmp_path_factory):
    path = tmp_path_factory.mktemp("details") / "details.parquet"
    done("identify", task.gallery, task.queries, "-o", path.with_suffix(".csv"), "--details", path)
    return path


def test_report_draws_figures_from_saved_details(details, task, done, tmp_path):
    (tmp_path / "board.jsonl").write_text("".join(json.dumps(row) + "\n" for row in BOARD))
    (tmp_path / "training").mkdir()
    card = {"epochs": [{"loss": 2, "effective_rank": 30}, {"loss": 1, "effective_rank": 25}], "held_out": [0.5, 0.6]}
    (tmp_path / "training" / "adapter.json").write_text(json.dumps(card))
    outcome = done(
        *("report", details, task.gallery, task.queries, "-o", tmp_path / "report.html", "--truth", task.truth_file),
        *("--figures", tmp_path / "figures"),
        *("--leaderboard", tmp_path / "board.jsonl", "--training", tmp_path / "training"),
    )
    written = sorted(path.name for path in (tmp_path / "figures").iterdir())
    for name in "examples.png", "contamination.svg", "map-classes.png", "roc.svg", "leaderboard.svg", "training.svg":
        assert name in written
        assert str(tmp_path / "figures" / name) in outcome.out
    with Image.open(tmp_path / "figures" / "map-rules.png") as picture:
        assert picture.width > 1000


def test_a_training_has_a_map_an_epoch(few, done, tmp_path):
    trained, details = tmp_path / "trained", tmp_path / "details.parquet"
    done("train", "metric-report", few.gallery, "--epochs", 8, "-o", trained)
    assert sorted(int(path.stem) for path in (trained / "epochs").iterdir()) == [0, 2, 4, 6, 8]
    page = tmp_path / "page.html"
    ask = "identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", "--details", details, "--report", page
    done(*ask, "--backbone", trained)
    assert '<figure class="chart" id="training">' in page.read_text(encoding="utf-8")
    # a run by a trained backbone shows its training without being told
    words = "report", details, few.gallery, few.queries, "-o", tmp_path / "r.html", "--figures", tmp_path / "figures"
    assert str(tmp_path / "figures" / "map-epochs.png") in done(*words).out
    assert (tmp_path / "figures" / "training.svg").exists()


def test_details_of_other_pictures_are_refused(details, task, few, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused("report", details, task.gallery, few.queries)
    assert "which is not among the queries" in line
    gallery = tmp_path / "gallery"
    for kind in KNOWN[:2]:
        (gallery / kind).mkdir(parents=True)
        Image.new("RGB", (20, 20)).save(gallery / kind / "0.png")
    assert "which is not among the classes" in refused("report", details, gallery, task.queries)


def test_a_table_that_is_no_details_is_refused(task, refused, table, tmp_path):
    path = table(tmp_path / "d.parquet", [("image", "label"), ("a", "b")])
    assert "holds no details, as it has no column 'rank'" in refused("report", path, task.gallery, task.queries)
    assert "no such file" in refused("report", tmp_path / "gone.parquet", task.gallery, task.queries)


def test_answers_are_no_details_and_truth_of_other_queries_is_refused(details, task, refused, table, tmp_path):
    answers = details.with_suffix(".csv")
    line = refused("report", answers, task.gallery, task.queries)
    assert f"{answers}: a report is made of details, not of answers: name the Parquet file" in line
    other = table(tmp_path / "t.csv", [("image", "label"), ("elsewhere.png", "dots")])
    line = refused("report", details, task.gallery, task.queries, "--truth", other, "-o", tmp_path / "r.html")
    assert line.startswith(f"fieldguide: {other}: ")
    assert "is it of these queries?" in line
    assert "is in no class" in refused("report", details, task.queries, task.gallery)


@pytest.fixture
def moved(task, done, table, tmp_path):
    """Tables of a run in a folder of their own, with the pictures beside them; and the run's details."""
    shutil.copytree(task.gallery, tmp_path / "gallery")
    shutil.copytree(task.queries, tmp_path / "queries")
    shots = sorted((tmp_path / "gallery").rglob("*.png"))
    rows = [(path.relative_to(tmp_path).as_posix(), path.parent.name) for path in shots]
    table(tmp_path / "g.csv", [("image", "label"), *rows])
    names = [(f"queries/{name}",) for name in task.truth]
    table(tmp_path / "q.csv", [("image",), *names])
    done(
        *("identify", tmp_path / "g.csv", tmp_path / "q.csv", "-o", tmp_path / "a.csv"),
        "--details",
        tmp_path / "d.parquet",
    )
    return tmp_path


def test_a_report_whose_pictures_are_all_gone_says_where_it_looked(moved, refused):
    words = "report", moved / "d.parquet", moved / "g.csv", moved / "q.csv", "-o", moved / "r.html"
    shutil.rmtree(moved / "queries")
    line = refused(*words)
    assert f"none of the 28 pictures of {moved / 'q.csv'} is there: {moved / 'queries' / '0-stripes.png'} was" in line
    shutil.rmtree(moved / "gallery")
    line = refused(*words)
    assert (
        f"none of the 12 pictures of {moved / 'g.csv'} is there: {moved / 'gallery' / 'checks' / '0.png'} was" in line
    )
    assert "mount the drive" in line
    assert not (moved / "r.html").exists()


def test_a_report_goes_on_without_pictures_that_are_gone(moved, done):
    shutil.rmtree(moved / "gallery" / "checks")  # a whole class of the gallery
    (moved / "queries" / "0-rings.png").unlink()
    (moved / "queries" / "1-dots.png").write_bytes(b"no picture")
    words = "report", moved / "d.parquet", moved / "g.csv", moved / "q.csv", "-o", moved / "r.html"
    outcome = done(*words, "--figures", moved / "figures")
    assert outcome.complaints == [
        f"fieldguide: 3 of the 12 pictures of {moved / 'g.csv'} cannot be read or are not there, "
        f"{moved / 'gallery' / 'checks' / '0.png'} the first: the report goes on without",
        f"fieldguide: 2 of the 28 pictures of {moved / 'q.csv'} cannot be read or are not there, "
        f"{moved / 'queries' / '0-rings.png'} the first: the report goes on without",
    ]
    page = (moved / "r.html").read_text(encoding="utf-8")
    assert "<strong>2</strong> <span>no longer there</span>" in page  # they were answered, so they are counted
    data = json.loads(re.search(r'<script type="application/json" id="data"[^>]*>(.*?)</script>', page)[1])
    first = data["queries"]["codes"][:: data["k"]]
    named = {
        name: data["classes"][code] for name, code in zip(data["queries"]["names"], first, strict=True) if code >= 0
    }
    _, *rows = read_csv(moved / "a.csv")
    assert named == {name: label.split()[0] for name, label in rows if not label.startswith("-1")}
    nearest = [data["gallery"]["codes"][at] for at in data["queries"]["nearest"] if at >= 0]
    assert nearest == [code for code in data["queries"]["codes"] if code >= 0]  # of the class that it speaks for


def test_pictures_gone_from_a_folder_are_missed_too(few, done, tmp_path):
    for part in few.gallery, few.queries:
        shutil.copytree(part, tmp_path / part.name)
    folders = tmp_path / "gallery", tmp_path / "queries"
    done("identify", *folders, "-o", tmp_path / "a.csv", "--details", tmp_path / "d.parquet")
    (folders[1] / "0-rings.png").unlink()
    outcome = done("report", tmp_path / "d.parquet", *folders, "-o", tmp_path / "r.html")
    (line,) = outcome.complaints
    assert f"1 of the 7 pictures of {folders[1]} cannot be read or are not there" in line
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<strong>1</strong> <span>no longer there</span>" in page


def test_a_leaderboard_that_is_no_json_is_refused(details, task, refused, tmp_path):
    (tmp_path / "board.jsonl").write_text('{"recipe": "a"}\nnonsense\n')
    words = "report", details, task.gallery, task.queries, "--leaderboard"
    assert "board.jsonl, line 2: not JSON" in refused(*words, tmp_path / "board.jsonl")
    assert "cannot be read" in refused(*words, tmp_path / "gone.jsonl")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    assert "line 1: not a JSON object" in refused(*words, tmp_path / "list.jsonl")


def test_the_card_of_a_training_is_read_from_the_start_on(tmp_path):
    card = {"epochs": [{"loss": 2.0}, {"loss": 1.0}], "held_out": [0.5, 0.6]}
    (tmp_path / "adapter.json").write_text(json.dumps(card))
    assert read_training(tmp_path) == [
        {"epoch": 0, "held-out mAP@5": 0.5},
        {"epoch": 1, "held-out mAP@5": 0.6, "loss": 2.0},
        {"epoch": 2, "loss": 1.0},
    ]
    (tmp_path / "adapter.json").write_text("{}")
    with pytest.raises(FieldguideError, match="says nothing of epochs"):
        read_training(tmp_path)
    with pytest.raises(FieldguideError, match="name the folder of a trained backbone"):
        read_training(tmp_path / "gone")


def test_a_map_that_is_not_there_is_refused(details, task, refused, tmp_path):
    line = refused("report", details, task.gallery, task.queries, "--map", "globe", "-o", tmp_path / "r.html")
    assert "unknown map 'globe': choose one of t-sne, umap" in line
