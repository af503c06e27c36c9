"""New classes: groups of the queries that are probably unknown, from embeddings and from the command line."""

import csv
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

from drawn_task import task
from fieldguide import (
    CosineClassifier,
    DiscoveryClusterer,
    FieldguideError,
    Format,
    TransductiveClassifier,
    evaluate,
    write_answers,
    write_details,
)
from fieldguide.core.errors import AnswersError
from fieldguide.discovery import NumberOfClasses, cut, discover
from fieldguide.discovery.closeness import closeness
from fieldguide.evaluation.group_scores import score_groups
from fieldguide.evaluation.grouping import Agreement
from fieldguide.recognition import propagation
from fieldguide.recognition.feedback import RehearsedGraph, feed_back, group_by_neighbours, helps
from fieldguide.recognition.linkage import average_linkage
from fieldguide.recognition.neighbourhood import Neighbourhood
from fieldguide.report.details import RunFacts, read_details
from fieldguide.report.new_classes import new_classes_in_words, sizes_in_words


@pytest.fixture(scope="module")
def drawn():
    """Answers to a task with 12 new classes, and the class of each query."""
    gallery, labels, queries, truth = task(distractor_classes=12)
    rng = np.random.default_rng(0)
    rng.normal(size=(42, 32))
    classes = _classes_of(queries, truth)
    return gallery, labels, queries, truth, classes


def _classes_of(queries, truth):
    """Find the true class of each query: `task` gives that of known ones alone, and draws the same centres."""
    centres = np.random.default_rng(0).normal(size=(42, 32))
    classes = (queries[:, :32] @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1)
    known = truth >= 0
    assert (classes[known] == truth[known]).mean() > 0.97
    return np.where(known, truth, np.maximum(classes, 30))


@pytest.fixture(scope="module")
def ranking(drawn):
    gallery, labels, queries, *_ = drawn
    return TransductiveClassifier().fit(gallery, labels).rank(queries)


def test_every_unknown_query_gets_a_group_and_no_other(ranking):
    found = discover(ranking)
    assert ((found.ranking.groups >= 0) == ranking.is_unknown()).all()
    sizes = np.bincount(found.ranking.groups[found.ranking.groups >= 0])
    assert (np.diff(sizes) <= 0).all()  # the largest first
    assert [len(one) for one in found.classes] == sizes.tolist()
    assert [one.name for one in found.classes] == [f"new-{number + 1}" for number in range(len(sizes))]
    for number, one in enumerate(found.classes):
        assert sorted(one.members) == np.flatnonzero(found.ranking.groups == number).tolist()
        assert one.nearest in ranking.classes
    assert found.ranking == replace(ranking, groups=found.ranking.groups)  # and nothing else is changed


def test_groups_are_the_new_classes(drawn, ranking):
    classes = drawn[-1]
    found = discover(ranking).ranking
    distractors = (drawn[3] < 0) & found.is_unknown()
    assert distractors.sum() > 100
    assert adjusted_rand_score(classes[distractors], found.groups[distractors]) > 0.9


def test_the_number_of_new_classes_has_an_interval(drawn, ranking):
    gallery, labels, queries, truth, _ = drawn
    number = discover(ranking).number
    assert number.low <= 12 <= number.high
    assert number.low <= number.value <= number.high
    assert str(number) == f"about {number.value:.0f} (90% interval {number.low:.0f} to {number.high:.0f})"
    told = discover(TransductiveClassifier(contamination=(truth < 0).mean()).fit(gallery, labels).rank(queries)).number
    assert told.low <= 12 <= told.high
    none = discover(TransductiveClassifier(contamination=0).fit(gallery, labels).rank(queries)).number
    assert none.value == none.low == none.high == 0
    only_known = discover(TransductiveClassifier().fit(gallery, labels).rank(queries[truth >= 0])).number
    assert only_known.low == 0
    by_rule = ranking.with_unknown_first(np.ones(len(ranking), bool), ranking.distractor_score)
    assert discover(by_rule).number is None  # a rule has no probabilities


def test_the_central_picture_is_the_closest_to_the_others(ranking):
    found = discover(ranking)
    rows = np.flatnonzero(ranking.is_unknown())
    close = closeness(ranking.neighbourhood.graph[rows][:, rows]).toarray()
    place = {row: at for at, row in enumerate(rows)}
    own = [place[member] for member in found.classes[0].members]
    assert close[np.ix_(own, own)].sum(axis=1).argmax() == 0


def test_the_same_groups_again_and_in_another_order(drawn, ranking):
    gallery, labels, queries, *_ = drawn
    found = discover(ranking).ranking
    assert (discover(ranking).ranking.groups == found.groups).all()
    order = np.random.default_rng(5).permutation(len(queries))
    near = ranking.neighbourhood
    rehearsals = []
    for one in near.rehearsals:
        n = len(one.codes)
        rows = np.concatenate([np.arange(n), n + order])
        rehearsals.append(replace(one, graph=one.graph[rows][:, rows]))
    turned = Neighbourhood(near.graph[order][:, order], rehearsals, near.copies[order])
    assert (discover(ranking.of(order), turned).ranking.groups == found.groups[order]).all()
    # and where the answers themselves are worked out anew, which differ in a query or two
    other = discover(TransductiveClassifier().fit(gallery, labels).rank(queries[order])).ranking
    assert adjusted_rand_score(other.groups, found.groups[order]) > 0.98


def test_none_unknown_and_all_unknown(drawn):
    gallery, labels, queries, *_ = drawn
    none = discover(TransductiveClassifier(contamination=0).fit(gallery, labels).rank(queries))
    assert none.classes == []
    assert (none.ranking.groups == -1).all()
    every = discover(TransductiveClassifier(contamination=1).fit(gallery, labels).rank(queries))
    assert (every.ranking.groups >= 0).all()
    assert len(every.classes) > 12


def test_one_query_and_the_same_picture_over_and_over(drawn):
    gallery, labels, queries, truth, _ = drawn
    recognizer = TransductiveClassifier(contamination=1).fit(gallery, labels)
    foreign = queries[truth < 0][:1]
    (alone,) = discover(recognizer.rank(foreign)).classes
    assert alone.members == [0]
    (together,) = discover(recognizer.rank(np.repeat(foreign, 8, axis=0))).classes
    assert len(together) == 8


def test_two_copies_of_a_picture_are_in_one_group(drawn):
    gallery, labels, queries, truth, _ = drawn
    foreign = np.flatnonzero(truth < 0)[:20]
    both = np.concatenate([queries, queries[foreign]])
    groups = discover(TransductiveClassifier(contamination=1).fit(gallery, labels).rank(both)).ranking.groups
    assert (groups[foreign] == groups[len(queries) :]).all()


def test_an_encounter_is_in_one_group_also_where_a_copy_is_in_two(drawn):
    gallery, labels, queries, _, classes = drawn
    ranking = TransductiveClassifier(contamination=1).fit(gallery, labels).rank(np.concatenate([queries, queries[:1]]))
    encounters = np.arange(len(queries) + 1)
    assert (discover(ranking, encounters=encounters).ranking.groups == discover(ranking).ranking.groups).all()
    first, second, third = (np.flatnonzero(classes == number)[:2] for number in (30, 31, 32))
    encounters[second] = encounters[first[0]]  # of two classes, as someone has it
    encounters[third], encounters[0], encounters[-1] = len(queries) + 1, encounters[first[0]], len(queries) + 1
    groups = discover(ranking, encounters=encounters).ranking.groups
    of_both = np.concatenate([first[:1], second, third, [0, len(queries)]])  # the picture 0 has a copy in the other
    assert (groups[of_both] == groups[0]).all()
    assert (np.bincount(groups) > 0).all()


def test_answers_without_a_graph_need_one_of_another_recognizer(drawn, ranking):
    gallery, labels, queries, *_ = drawn
    plain = CosineClassifier().fit(gallery, labels).rank(queries)
    with pytest.raises(ValueError, match="has no graph of the queries"):
        discover(plain)
    assert discover(plain, ranking.neighbourhood).classes == []  # it calls nothing unknown


def test_frames_and_slices_have_the_group(ranking):
    found = discover(ranking).ranking
    row = int(np.flatnonzero(found.groups == 0)[0])
    long, wide = found.to_pandas(), found.to_pandas(wide=True)
    assert set(long.loc[long["image"] == str(row), "group"]) == {"new-1"}
    assert wide["group"][row] == "new-1"
    named = int(np.flatnonzero(~found.is_unknown())[0])
    assert wide["group"][named] is None
    assert found[row : row + 1].group_name(0) == "new-1"
    assert ranking.to_pandas()["group"].isna().all()


def test_average_linkage_is_scipys():
    rng = np.random.default_rng(0)
    rows = rng.random((60, 5))
    similarity = rows @ rows.T / 5
    tree = linkage(1 - similarity[np.triu_indices(60, 1)], "average")
    np.fill_diagonal(similarity, 0)
    cuts = [0.45, 0.4, 0.35, 0.3, 0.2]
    for level, found in zip(cuts, average_linkage(sparse.csr_matrix(similarity), cuts), strict=True):
        expected = fcluster(tree, 1 - level, "distance")
        assert adjusted_rand_score(expected, found) == 1
        assert found.max() + 1 == expected.max()


def test_closeness_is_the_cosine_of_diffusions(ranking, monkeypatch):
    graph = ranking.neighbourhood.graph
    n = graph.shape[0]
    root = 1 / np.sqrt(np.asarray(graph.sum(axis=1)))
    spread = propagation.diffuse((graph.toarray() * root * root.T).astype(np.float32), np.eye(n, dtype=np.float32))
    unit = spread / np.linalg.norm(spread, axis=1, keepdims=True)
    expected = unit @ unit.T
    np.fill_diagonal(expected, 0)
    monkeypatch.setattr(propagation, "CLASSES_A_NODE", n)
    monkeypatch.setattr("fieldguide.discovery.closeness.PARTNERS", n)
    assert closeness(graph).toarray() == pytest.approx(expected, abs=1e-5)


def test_closeness_keeps_the_closest(ranking, monkeypatch):
    whole = closeness(ranking.neighbourhood.graph)
    monkeypatch.setattr("fieldguide.discovery.closeness.PARTNERS", 5)
    few = closeness(ranking.neighbourhood.graph)
    assert few.nnz < whole.nnz / 4
    assert (abs(few - few.T) > 1e-12).nnz == 0
    assert few.max(axis=1).toarray() == pytest.approx(whole.max(axis=1).toarray(), abs=1e-6)


def test_the_cut_is_where_hidden_classes_come_out(ranking, monkeypatch):
    rehearsals = ranking.neighbourhood.rehearsals
    assert len(rehearsals) == 2
    learned = cut.learn_cut(ranking, rehearsals)
    assert cut.CUTS.min() < learned < cut.CUTS.max()
    monkeypatch.setattr(cut, "ENOUGH", 150)  # pictures about the shots say much the same
    assert cut.learn_cut(ranking, rehearsals) == pytest.approx(learned, abs=0.25)
    assert cut.learn_cut(ranking, []) == cut.USUAL


def test_clusterer_keeps_scikit_learns_contract():
    check_estimator(DiscoveryClusterer())


def test_clusterer_groups_with_a_gallery_and_without(drawn):
    gallery, labels, queries, truth, classes = drawn
    new = truth < 0
    with_gallery = DiscoveryClusterer().fit(queries[new], gallery=gallery, labels=labels)
    assert adjusted_rand_score(classes[new], with_gallery.labels_) > 0.9
    alone = DiscoveryClusterer(cut=0.3).fit_predict(queries[new])
    assert adjusted_rand_score(classes[new], alone) > 0.3
    assert DiscoveryClusterer(cut=0.9).fit_predict(queries[new]).max() > alone.max()
    assert DiscoveryClusterer().fit(queries[:5]).cut_ == cut.USUAL
    assert DiscoveryClusterer().fit_predict(np.ones((5, 3))).tolist() == [0] * 5


def test_clusterer_refuses_what_it_cannot_use(drawn):
    gallery, *_ = drawn
    with pytest.raises(ValueError, match="cut is a closeness above 0, at most 1, not 0"):
        DiscoveryClusterer(cut=0).fit(gallery)
    with pytest.raises(ValueError, match="a gallery has labels: give both, or neither"):
        DiscoveryClusterer().fit(gallery, gallery=gallery)


def test_identify_discovers_and_writes_groups(few, done, refused, tmp_path):
    out, details = tmp_path / "answers.csv", tmp_path / "details.parquet"
    said = done("identify", few.gallery, few.queries, "-o", out, "--contamination", 1, "--details", details).out
    n = len(few.truth)
    assert "new classes: about " in said
    assert all(row["label"].split()[0] == "-1" for row in csv.DictReader(out.open()))
    table = pq.read_table(details)
    assert set(table.column("group").to_pylist()) >= {"new-1"}
    done("identify", few.gallery, few.queries, "-o", out, "--contamination", 1, "--new-classes", "name")
    firsts = [row["label"].split()[0] for row in csv.DictReader(out.open())]
    assert len(firsts) == n
    assert all(first.startswith("new-") for first in firsts)
    said = done("identify", few.gallery, few.queries, "-o", out, "--contamination", 1, "--no-discover").out
    assert "new classes" not in said
    words = "identify", few.gallery, few.queries, "-o", out, "--new-classes", "name", "--no-discover"
    assert "which --no-discover does not make" in refused(*words)
    assert "Invalid value for '--new-classes'" in refused(*words[:-2], "all")


def test_a_plain_recipe_discovers_if_told_to(few, done, tmp_path):
    words = "identify", few.gallery, few.queries, "-o", tmp_path / "answers.csv", "--recipe", "cosine"
    words = *words, "--distractors", "threshold", "--threshold", 1
    assert "new classes" not in done(*words).out
    assert "new classes: " in done(*words, "--discover").out


def test_a_class_that_is_called_as_a_group_is_refused_by_name(drawn, tmp_path):
    gallery, _, queries, *_ = drawn
    labels = np.repeat([f"new-{number}" for number in range(1, 31)], 3)
    found = discover(TransductiveClassifier().fit(gallery, labels).rank(queries)).ranking
    write_answers(found, tmp_path / "answers.csv", Format())
    with pytest.raises(AnswersError, match="a class is called 'new-1', as new classes are"):
        write_answers(found, tmp_path / "answers.csv", Format(), name_new=True)


def test_discover_groups_a_folder_without_a_gallery(few, done, refused, tmp_path):
    out = tmp_path / "groups.csv"
    said = done("discover", few.queries, "-o", out).out
    rows = list(csv.DictReader(out.open()))
    assert {row["image"] for row in rows} == set(few.truth)
    assert rows[0].keys() == {"image", "group"}
    assert "new-1" in {row["group"] for row in rows}
    assert f"groups: {out}" in said
    done("discover", few.queries, "-o", out, "--cut", 1)
    assert {row["group"] for row in csv.DictReader(out.open())} == {f"new-{n}" for n in range(1, len(few.truth) + 1)}
    assert "--cut is a closeness above 0, at most 1, not 2" in refused("discover", few.queries, "-o", out, "--cut", 2)


def test_discover_lists_what_it_cannot_read(few, done, refused, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "a.png", "b.png":
        (folder / name).write_bytes(b"no picture")
    line = refused("discover", folder, "-o", tmp_path / "groups.csv")
    assert "none of the 2 pictures can be read" in line
    assert len(list(csv.DictReader((tmp_path / "groups.unreadable.csv").open()))) == 2
    Image.new("RGB", (40, 40), "red").save(folder / "a.png")
    assert "1 picture is alone" in done("discover", folder, "-o", tmp_path / "groups.csv").out
    assert len(list(csv.DictReader((tmp_path / "groups.csv").open()))) == 1
    assert "b.png" in refused("discover", folder, "-o", tmp_path / "groups.csv", "--strict")


def test_sizes_in_words():
    assert sizes_in_words([4, 2, 1]) == "2 groups of 6 pictures, the largest of 4; 1 picture is alone"
    assert sizes_in_words([3]) == "1 group of 3 pictures, the largest of 3"
    assert new_classes_in_words(None, [1]) == ["new classes: no group; 1 picture is alone"]
    number = NumberOfClasses(2.2, 1, 1234)
    assert new_classes_in_words(number, [2]) == [
        "new classes: about 2 (90% interval 1 to 1,234); 1 group of 2 pictures, the largest of 2"
    ]
    assert new_classes_in_words(number, []) == []
    assert sizes_in_words([1, 1]) == "no group; 2 pictures are alone"


# What groups say of each other's members


def test_feedback_makes_the_answers_of_a_group_alike_and_keeps_their_spread():
    log_odds = np.array([2.0, -1.0, 0.5, 3.0, 3.5])
    fed = feed_back(log_odds, np.array([0, 0, 1, 2, 2]))
    assert fed.mean() == pytest.approx(log_odds.mean())
    assert fed.std() == pytest.approx(log_odds.std())
    assert abs(fed[0] - fed[1]) < abs(log_odds[0] - log_odds[1])
    assert feed_back(np.ones(3), np.zeros(3, int)) == pytest.approx(np.ones(3))


def cliques(sizes):
    """Give a graph of some cliques: everyone is joined to all others of its own."""
    own = np.repeat(np.arange(len(sizes)), sizes)
    graph = (own[:, None] == own).astype(float)
    np.fill_diagonal(graph, 0)
    return sparse.csr_matrix(graph / np.maximum(graph.sum(axis=1), 1)), own


def test_groups_by_neighbours_are_those_that_share_them():
    graph, own = cliques([4, 6, 1])
    assert adjusted_rand_score(own, group_by_neighbours(graph)) == 1


@pytest.mark.parametrize(("mixed", "expected"), [(False, True), (True, False)])
def test_feedback_is_left_out_where_rehearsals_say_that_it_harms(mixed, expected, monkeypatch):
    graph, _ = cliques([6, 6])
    known = np.arange(12) < (8 if mixed else 6)  # whether a group holds both kinds, or each has one
    log_odds = np.where(known, 4.0, -4.0)
    one = RehearsedGraph(graph, log_odds, np.flatnonzero(known), np.flatnonzero(~known))
    assert helps([one]) == expected
    assert not helps([])
    monkeypatch.setattr("fieldguide.recognition.feedback.MOST", 11)
    assert not helps([one])


def test_feedback_lifts_the_answers_where_classes_have_many_queries(monkeypatch):
    gallery, labels, queries, truth = task(distractor_classes=12, each=25, noise=1.1)
    fed = TransductiveClassifier().fit(gallery, labels).rank(queries)
    monkeypatch.setattr("fieldguide.recognition.transductive.helps", lambda rehearsals: False)
    plain = TransductiveClassifier().fit(gallery, labels).rank(queries)
    assert fed.neighbourhood.groups is not None
    assert plain.neighbourhood.groups is None
    auroc = [roc_auc_score(truth < 0, one.distractor_score) for one in (plain, fed)]
    assert auroc[1] > auroc[0]


# Scores of new classes


def partition(seed: int, n: int = 40):
    """True classes and groups of n queries, right more often than not, as `score_groups` takes them."""
    rng = np.random.default_rng(seed)
    true = np.array(["a", "b", "c", "x", "y", "z"])[rng.integers(0, 6, n)]
    first, groups = [], []
    for label in true:
        if label in "abc" and rng.random() < 0.6:
            first.append(str(label))
            groups.append(None)
        elif rng.random() < 0.2:
            first.append(str(rng.choice(["a", "b", "c"])))
            groups.append(None)
        else:
            first.append("-1")
            groups.append(f"new-{rng.integers(1, 4)}" if rng.random() < 0.9 else None)
    return first, groups, ["-1" if label in "xyz" else str(label) for label in true], [str(label) for label in true]


@pytest.mark.parametrize("seed", range(6))
def test_group_scores_are_scikit_learns_and_those_counted_by_hand(seed):
    first, groups, true, classes = partition(seed)
    values = {one.name: one.value for one in score_groups(first, groups, true, classes, "-1", resamples=0)}
    found = [
        label if label != "-1" else group or f"alone-{row}"
        for row, (label, group) in enumerate(zip(first, groups, strict=False))
    ]
    new = [row for row, label in enumerate(true) if label == "-1"]
    known = [row for row, label in enumerate(true) if label != "-1"]
    new_true, new_found = [classes[row] for row in new], [found[row] for row in new]
    assert values["ARI"] == pytest.approx(adjusted_rand_score(classes, found))
    assert values["ARI, new"] == pytest.approx(adjusted_rand_score(new_true, new_found))
    assert values["NMI, new"] == pytest.approx(normalized_mutual_info_score(new_true, new_found))
    pairs = [(a, b) for a in new for b in new if a < b]
    both = sum(classes[a] == classes[b] and found[a] == found[b] for a, b in pairs)
    assert values["pair precision, new"] == pytest.approx(both / sum(found[a] == found[b] for a, b in pairs))
    assert values["pair recall, new"] == pytest.approx(both / sum(classes[a] == classes[b] for a, b in pairs))
    some, names = sorted(set(classes)), sorted(set(found))
    table = np.zeros((len(some), len(names)))
    for label, own in zip(classes, found, strict=True):
        table[some.index(label), names.index(own)] += 1
    rows, columns = linear_sum_assignment(-table)
    assert values["accuracy"] == pytest.approx(table[rows, columns].sum() / len(true))
    of_class = dict(zip(rows.tolist(), columns.tolist(), strict=False))
    hit = [of_class.get(some.index(label)) == names.index(own) for label, own in zip(classes, found, strict=False)]
    assert values["accuracy, known"] == pytest.approx(np.mean([hit[row] for row in known]))
    assert values["accuracy, new"] == pytest.approx(np.mean([hit[row] for row in new]))
    known_true = [true[row] for row in known]
    by_class = [np.mean([first[row] == label for row in known if true[row] == label]) for label in set(known_true)]
    assert values["BAKS"] == pytest.approx(np.mean(by_class))
    by_class = [np.mean([first[row] == "-1" for row in new if classes[row] == label]) for label in set(new_true)]
    assert values["BAUS"] == pytest.approx(np.mean(by_class))
    clicks = sum(label not in ("-1", own) for label, own in zip(first, classes, strict=False))
    for group in {own for label, own in zip(first, found, strict=False) if label == "-1"}:
        members = [classes[row] for row, own in enumerate(found) if own == group and first[row] == "-1"]
        clicks += 1 + len(members) - max(map(members.count, members))
    assert values["clicks a query"] == pytest.approx(clicks / len(true))


def test_group_scores_weigh_a_query_as_often_as_it_is_drawn():
    first, groups, true, classes = partition(7)
    scores = score_groups(first, groups, true, classes, "-1", resamples=300)
    for one in scores:
        assert one.low <= one.value <= one.high or one.name.startswith(("pair", "ARI", "NMI"))
        assert one.high - one.low > 0.02
    assert str(scores[-1]).endswith("of 40 queries")
    agreement = Agreement(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]))
    twice = Agreement(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 2]))
    weight = np.array([2.0, 1, 1, 1])
    assert agreement.normalized_mutual_information(weight) == pytest.approx(
        twice.normalized_mutual_information(np.ones(5))
    )
    # a query that is drawn twice makes no pair with itself: 2 pairs of group 0, where three queries make 3
    assert agreement.pair_recall(weight) == pytest.approx(2 / 3)
    assert twice.pair_recall(np.ones(5)) == pytest.approx(3 / 4)


def test_group_scores_of_nothing_are_no_numbers():
    agreement = Agreement(np.array([0, 1]), np.array([0, 1]))
    nothing = np.zeros(2)
    assert np.isnan(agreement.adjusted_rand_index(nothing))
    assert np.isnan(agreement.normalized_mutual_information(nothing))
    assert np.isnan(agreement.pair_precision(np.ones(2)))
    assert np.isnan(agreement.pair_recall(np.ones(2)))
    assert agreement.adjusted_rand_index(np.ones(2)) == 1
    assert Agreement(np.zeros(3, int), np.zeros(3, int)).normalized_mutual_information(np.ones(3)) == 1
    assert score_groups(["a"], [None], ["a"], ["a"], "-1") == []
    assert score_groups(["-1"] * 2, ["new-1"] * 2, ["-1"] * 2, ["x", "x"], "-1") == []
    assert score_groups(["-1"] * 2, ["new-1"] * 2, ["-1"] * 2, ["x", "-1"], "-1") == []


def test_evaluate_scores_the_groups_of_a_ranking(drawn, ranking):
    truth, classes = drawn[3], drawn[4]
    found = discover(ranking).ranking
    labels = [f"class {code:02}" for code in classes]
    evaluation = evaluate(found, labels)
    distractors = truth < 0
    first = np.where(found.groups >= 0, 100 + found.groups, found.codes[:, 0])
    assert evaluation["ARI, new"].value == pytest.approx(adjusted_rand_score(classes[distractors], first[distractors]))
    assert evaluation["mAP@5"].value == evaluate(ranking, labels)["mAP@5"].value
    assert "ARI" not in [one.name for one in evaluate(ranking, labels)]
    with pytest.raises(FieldguideError, match="there are 1 groups for 504 answers"):
        evaluate(ranking, labels, groups=["new-1"])
    with pytest.raises(FieldguideError, match="there are 1 classes of distractors for 504 answers"):
        evaluate(found, labels, distractor_classes=["a"])


def test_evaluate_reads_groups_from_answers_and_from_details(drawn, ranking, done, refused, tmp_path):
    labels = drawn[1]
    found = discover(ranking).ranking
    found = found.named([f"{row}.png" for row in range(len(found))], "-1")
    write_answers(found, tmp_path / "answers.csv", name_new=True)
    write_details(found, tmp_path / "details.parquet", [f"{row}" for row in range(len(labels))])
    with (tmp_path / "truth.csv").open("w", newline="") as file:
        rows = [
            (name, label if code >= 0 else "-1", label)
            for name, code, label in zip(found.names, drawn[3], (f"class {code:02}" for code in drawn[4]), strict=True)
        ]
        csv.writer(file).writerows([("image", "label", "individual"), *rows])
    words = "--class-column", "individual", "--json"
    expected = {one.name: one.value for one in evaluate(found, [row[2] for row in rows])}
    for answers in "answers.csv", "details.parquet":
        out = json.loads(done("evaluate", tmp_path / answers, tmp_path / "truth.csv", *words).out)
        for name in "ARI", "ARI, new", "accuracy, new", "BAUS", "clicks a query", "mAP@5":
            assert out[name][0] == pytest.approx(expected[name]), (answers, name)
    plain = done("evaluate", tmp_path / "details.parquet", tmp_path / "truth.csv").out
    assert "ARI" not in plain  # the truth does not say which distractors are of one class
    line = refused("evaluate", tmp_path / "details.parquet", tmp_path / "truth.csv", "--class-column", "name")
    assert "has no column 'name'" in line


def test_details_keep_the_groups(ranking, drawn, tmp_path):
    found = discover(ranking).ranking
    found = found.named([f"{row}.png" for row in range(len(found))], "-1")
    shots = [f"{row}" for row in range(len(drawn[1]))]
    facts = RunFacts("transductive", "drawn", 0, "", 0.3)
    write_details(found, tmp_path / "details.parquet", shots, facts)
    back, _ = read_details(tmp_path / "details.parquet", list(found.classes), shots, found.names)
    assert (back.groups == found.groups).all()
    write_details(ranking, tmp_path / "none.parquet", shots, facts)
    table = pq.read_table(tmp_path / "details.parquet")
    other = table.set_column(table.column_names.index("group"), "group", [["old-1"] * len(table)])
    pq.write_table(other, tmp_path / "other.parquet")
    with pytest.raises(AnswersError, match="names a group 'old-1', and they are called new-1, new-2"):
        read_details(tmp_path / "other.parquet", list(found.classes), shots, found.names)
    numbers = [str(row) for row in range(len(ranking))]
    assert read_details(tmp_path / "none.parquet", list(found.classes), shots, numbers)[0].groups is None
