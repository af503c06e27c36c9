"""Training: the report's ways that lose, ours that may not, and the folder that `--backbone` takes."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fieldguide import CosineClassifier
from fieldguide.backbones import fingerprint, load_backbone
from fieldguide.backbones.adapted import Adapted
from fieldguide.embedding import EmbeddingTable, embed
from fieldguide.embedding.embedder import Embedder
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.records import ImageTable, read_gallery, read_queries
from fieldguide.training import CONFIGURATIONS, configuration, train, train_on
from fieldguide.training import loop as loop_module
from fieldguide.training.held_out import class_folds, cosine_points, recognizer_points
from fieldguide.training.loop import rate_at
from fieldguide.training.losses import Objective
from fieldguide.training.networks import TunedBackbone, start_head
from fieldguide.training.watch import Spread

DIM = 24


class Tiny(nn.Module):
    """A network of two blocks, small enough to be trained whole in a test."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        blocks = [nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.BatchNorm2d(8), nn.ReLU()), nn.Conv2d(8, 16, 5, 3)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, pictures):
        for block in self.blocks:
            pictures = block(pictures)
        return pictures.mean((2, 3)).relu()


class TinyBackbone:
    name = "tiny"
    dim = 16
    preprocessing = Preprocessing(48, 48, (127.0,) * 3, (128.0,) * 3)

    pooling = "mean"

    def weights(self) -> list[Path]:
        return [Path(__file__)]

    def network(self) -> nn.Module:
        return Tiny().eval()


def drawn(shots=4, classes=40, seed=0, noise=0.35, light=3.0):
    """A gallery and queries whose classes are directions, and what all pictures vary in outshines them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, DIM - 4))

    def pictures(codes):
        rows = centres[codes] + noise * rng.normal(size=(len(codes), DIM - 4))
        return np.hstack([rows, light * rng.normal(size=(len(codes), 4))]).astype(np.float32)

    codes, asked = np.repeat(np.arange(classes), shots), np.repeat(np.arange(classes), 5)
    return pictures(codes), [f"class {code}" for code in codes], pictures(asked), [f"class {code}" for code in asked]


def train_arrays(how, gallery, labels, queries, folder, seed=0):
    """Train a tiny backbone on embeddings, with views that differ by noise."""
    rng = np.random.default_rng(seed)

    def views(rows):
        return np.stack([rows + 0.1 * rng.normal(size=rows.shape) for _ in range(3)]).astype(np.float32)

    tables = EmbeddingTable.from_arrays(gallery, labels=labels), queries
    if queries is not None:
        tables = tables[0], EmbeddingTable.from_arrays(queries)
    of_gallery, of_queries = views(gallery), None if queries is None else views(queries)
    return train_on(how, *tables, TinyBackbone(), folder, of_gallery, of_queries)


def accuracy(adapt, gallery, labels, queries, truth) -> float:
    return CosineClassifier().fit(adapt(gallery), labels).score(adapt(queries), truth)


def adapted(backbone: Adapted):
    if not backbone.widths:
        return lambda rows: rows
    head = backbone.head()
    return lambda rows: head(torch.from_numpy(rows)).detach().numpy()


def same(rows):
    return rows


# --- what the user sees --------------------------------------------------------------------------------------------


def test_training_that_cannot_help_says_so_and_keeps_the_frozen_embedding(task, done, tmp_path):
    words = ("--queries", task.queries, "--start", "identity", "--epochs", 1, "--views", 1)
    said = done("train", "metric", task.gallery, *words, "-o", tmp_path / "trained")
    assert "the frozen embedding is kept" in said.out  # these patterns are told apart as it is
    catalog = read_gallery(task.gallery)
    plain, backbone = load_backbone("efficientnet-lite0"), load_backbone(str(tmp_path / "trained"))
    assert fingerprint(backbone) == fingerprint(plain)
    rows = [embed(catalog, one, show=False).matrix for one in (plain, backbone)]
    assert np.array_equal(*rows)


def test_a_training_names_what_cannot_be_read_and_a_strict_one_stops(few, refused, tmp_path, caplog):
    folder = tmp_path / "gallery"
    shutil.copytree(few.gallery, folder)
    (folder / "dots" / "0.png").write_bytes(b"")
    line = refused("train", "metric", folder, "-o", tmp_path / "strict", "--strict")
    assert "--strict: 1 picture could not be read: dots/0.png (an empty file)" in line
    (tmp_path / "embeddings.npz").write_bytes(b"")
    line = refused("train", "metric", tmp_path / "embeddings.npz", "-o", tmp_path / "none")
    assert line.endswith("embeddings.npz: a training looks at pictures: name these, not embeddings")
    how = CONFIGURATIONS["metric"].with_changes(epochs=1, batch=4, folds=0, start="identity")
    train(how, read_gallery(folder), None, TinyBackbone(), tmp_path / "trained", show=False)
    assert "1 pictures of the gallery could not be read and are left out: dots/0.png (an empty file)" in caplog.messages


def test_what_training_leaves_is_a_backbone_for_every_engine(few, done, tmp_path):
    folder = tmp_path / "trained"
    done("train", "metric-report", few.gallery, "--epochs", 2, "-o", folder)
    backbone, catalog = load_backbone(str(folder)), read_gallery(few.gallery)
    assert backbone.dim == 128
    one, other = (embed(catalog, backbone, engine=engine, show=False).matrix for engine in ("torch", "openvino"))
    assert (unit_rows(one) * unit_rows(other)).sum(axis=1).min() > 0.9999
    base = embed(catalog, backbone.base, engine="torch", show=False).matrix
    assert np.allclose(adapted(backbone)(base), one, atol=1e-4)
    embedder = Embedder(str(folder), show=False)  # nothing is embedded anew: the head takes what the cache has
    assert np.allclose(embedder.embed(catalog, "gallery").matrix, one, atol=1e-4)
    assert embedder.running is None
    other_folder = tmp_path / "other"
    done("train", "metric-report", few.gallery, "--epochs", 1, "-o", other_folder)
    prints = {fingerprint(load_backbone(str(place))) for place in (folder, other_folder)}
    assert len(prints) == 2
    assert not list((folder / "training").glob("*.pt"))


def test_the_default_recognizer_is_given_what_serves_it(few, done, refused, tmp_path):
    folder, answers = tmp_path / "trained", [tmp_path / f"{number}.csv" for number in range(4)]
    done("train", "metric-report", few.gallery, "--epochs", 2, "-o", folder)
    ask, trained = ("identify", few.gallery, few.queries, "-o"), ("--backbone", folder)
    done(*ask, answers[0])
    assert "by the embedding before training" in done(*ask, answers[1], *trained).out
    assert answers[0].read_bytes() == answers[1].read_bytes()
    card = folder / "adapter.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"for_default": True}))
    assert "estimated as before training" in done(*ask, answers[2], *trained).out
    assert "before training" not in done(*ask, answers[3], *trained, "--recipe", "cosine").out
    complaint = refused(*ask, answers[3], *trained, "--recipe", "metric")
    assert complaint.endswith("trained is trained already: take another recipe with it than metric")


def test_training_never_opens_the_truth_nor_looks_at_labels_of_queries(few, table, done, tmp_path):
    opened = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    truths = [list(few.truth.values()), ["nothing"] * len(few.truth)]
    weights = []
    for number, truth in enumerate(truths):
        rows = [("image", "label"), *zip([str(few.queries / name) for name in few.truth], truth, strict=True)]
        queries = table(tmp_path / f"queries{number}.csv", rows)
        folder = tmp_path / f"trained{number}"
        done("train", "simclr-report", few.gallery, "--queries", queries, "--epochs", 1, "--views", 2, "-o", folder)
        weights.append((folder / "adapter.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert any(path.endswith(".png") for path in opened)
    assert not any(path.endswith(few.truth_file.name) for path in opened)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["simple"], "unknown training 'simple': choose one of metric, simclr, hybrid, metric-report"),
        (["metric", "--tune", "last:0"], "--tune is head, full, lora or last:N with N at least 1, not 'last:0'"),
        (["metric", "--loss", "mse"], "--loss is one of supcon, triplet, proxy-anchor, multi-similarity, arcface"),
        (["metric", "--epochs", 0], "training needs --epochs from 1 on"),
        (["metric", "--log", "paper"], "--log is one of tensorboard, trackio, not 'paper'"),
    ],
)
def test_words_that_mean_nothing_are_refused(few, refused, tmp_path, words, complaint):
    assert complaint in refused("train", words[0], few.gallery, "-o", tmp_path / "trained", *words[1:])


def test_a_folder_that_is_taken_is_refused(few, done, refused, tmp_path):
    done("train", "metric-report", few.gallery, "--epochs", 1, "-o", tmp_path / "taken")
    complaint = refused("train", "metric", few.gallery, "-o", tmp_path / "taken")
    assert "holds a trained backbone: name another folder, or remove that one" in complaint
    broken_off = tmp_path / "broken"
    (broken_off / "training").mkdir(parents=True)
    (broken_off / "training" / "plan.json").write_text("{}")
    assert "another training that was broken off" in refused("train", "metric", few.gallery, "-o", broken_off)
    (tmp_path / "file").write_text("")
    assert "file cannot be written" in refused("train", "metric", few.gallery, "-o", tmp_path / "file")


def test_a_folder_that_is_damaged_is_refused(few, done, refused, tmp_path):
    folder = tmp_path / "trained"
    done("train", "metric-report", few.gallery, "--epochs", 1, "-o", folder)
    card = folder / "adapter.json"
    good = card.read_text()
    ask = ("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", "--backbone", folder)
    card.write_text(json.dumps(json.loads(good) | {"base_fingerprint": "0"}))
    assert "was trained on another efficientnet-lite0 than is installed here" in refused(*ask)
    card.write_text("{")
    assert "is no card of a trained backbone" in refused(*ask)
    card.write_text(good)
    (folder / "adapter.safetensors").unlink()
    assert "has no adapter.safetensors: train again, or copy the whole folder" in refused(*ask)


def test_what_is_not_installed_is_named(few, refused, tmp_path, monkeypatch):
    complaint = refused("train", "metric", few.gallery, "-o", tmp_path / "trained", "--log", "trackio")
    assert "--log trackio needs trackio: pip install trackio" in complaint
    monkeypatch.setitem(sys.modules, "kornia", None)
    complaint = refused("train", "metric", few.gallery, "-o", tmp_path / "trained")
    assert "training needs kornia: pip install 'fieldguide[train]'" in complaint


# --- what it reaches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["metric", "hybrid"])
def test_labels_lift_what_frozen_embeddings_reach(name, tmp_path):
    gallery, labels, queries, truth = drawn(classes=20)
    how = configuration(name).with_changes(epochs=2, batch=32)
    trained = train_arrays(how, gallery, labels, queries, tmp_path)
    assert not trained.kept_frozen
    assert "held-out classes gain" in trained.summary
    assert trained.recognised is None  # a head has nothing for a recognizer that fits a linear map itself
    assert not trained.backbone.for_default
    assert "the default recognizer takes the frozen embedding" in trained.summary
    before = accuracy(same, gallery, labels, queries, truth)
    assert accuracy(adapted(trained.backbone), gallery, labels, queries, truth) > before + 0.1
    assert max(trained.held_out) > trained.frozen


def test_the_reports_training_is_not_stopped_and_reaches_less_than_ours(tmp_path):
    gallery, labels, queries, truth = drawn(classes=20)
    reached = {}
    for name in ("metric", "metric-report", "simclr-report"):
        how = configuration(name).with_changes(epochs=3)
        trained = train_arrays(how, gallery, labels, queries, tmp_path / name)
        reached[name] = accuracy(adapted(trained.backbone), gallery, labels, queries, truth)
        if name != "metric":
            assert len(trained.epochs) == 4
            assert trained.frozen is None
    assert max(reached["metric-report"], reached["simclr-report"]) < reached["metric"] - 0.1


@pytest.mark.parametrize(("epochs", "lr"), [(5, 1e-5), (40, 1e-5), (40, 1e-2)])
def test_more_self_supervision_is_not_worse(epochs, lr, tmp_path):
    gallery, labels, queries, truth = drawn(classes=12)
    how = configuration("simclr").with_changes(epochs=epochs, lr=lr)
    trained = train_arrays(how, gallery, labels, queries, tmp_path)
    before = accuracy(same, gallery, labels, queries, truth)
    assert accuracy(adapted(trained.backbone), gallery, labels, queries, truth) >= before - 0.02


def test_classes_of_one_picture_cannot_decide(tmp_path):
    gallery, labels, *_ = drawn(shots=1, classes=6)
    trained = train_arrays(configuration("metric"), gallery, labels, None, tmp_path)
    assert trained.kept_frozen
    assert "too few classes have two pictures" in trained.summary


@pytest.mark.parametrize("loss", ["supcon", "triplet", "proxy-anchor", "multi-similarity", "arcface"])
def test_every_loss_is_learned(loss, tmp_path):
    gallery, labels, *_ = drawn(classes=10)
    changes = {"loss": loss, "lr": 1e-2, "epochs": 8, "batch": 20, "folds": 0, "stay": 0.0, "start": "identity"}
    trained = train_arrays(CONFIGURATIONS["metric"].with_changes(**changes), gallery, labels, None, tmp_path)
    codes, rows = np.unique(labels, return_inverse=True)[1], adapted(trained.backbone)(gallery)
    before, after = (cosine_points(embedded, codes, np.arange(len(codes))).mean() for embedded in (gallery, rows))
    assert after > before + 0.05 or trained.epochs[-1].loss < trained.epochs[1].loss / 2


# --- a whole network -----------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(few) -> ImageTable:
    return read_gallery(few.gallery)


FULL = CONFIGURATIONS["metric"].with_changes(tune="full", epochs=3, batch=8, folds=0, lr=3e-3, start="identity")


def weights_of(trained) -> dict[str, torch.Tensor]:
    return trained.backbone.network().state_dict()


def test_a_training_that_was_killed_goes_on_to_the_same_weights(pictures, tmp_path, monkeypatch):
    unbroken = train(FULL, pictures, None, TinyBackbone(), tmp_path / "unbroken", engine="torch", show=False)
    keep = loop_module.save_checkpoint

    def keep_and_die(*args):
        keep(*args)
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(loop_module, "save_checkpoint", keep_and_die)
            train(FULL, pictures, None, TinyBackbone(), tmp_path / "killed", engine="torch", show=False)
    resumed = train(FULL, pictures, None, TinyBackbone(), tmp_path / "killed", engine="torch", show=False)
    assert unbroken.epochs[1].loss > unbroken.epochs[-1].loss
    assert [epoch.loss for epoch in resumed.epochs[1:]] == [epoch.loss for epoch in unbroken.epochs[1:]]
    for name, value in weights_of(unbroken).items():
        assert torch.equal(value, weights_of(resumed)[name]), name
    start = TinyBackbone().network().state_dict()
    changed = {
        name for name, value in weights_of(unbroken).items() if not torch.equal(value, start.get(name[2:], value))
    }
    assert {"0.blocks.0.0.weight", "0.blocks.1.weight"} <= changed
    assert not any("running" in name for name in changed)


WHOLE = """
import os, signal, sys
from pathlib import Path
from fieldguide.records import read_gallery
from fieldguide.embedding import load_backbone
from fieldguide.training import configuration, loop, train

def keep_and_die(*words, keep=loop.save_checkpoint):
    keep(*words)
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3:]:
    loop.save_checkpoint = keep_and_die
how = configuration("metric").with_changes(tune="full", epochs=3, batch=8, start="random", stay=0.0, folds=0)
train(how, read_gallery(sys.argv[1]), None, load_backbone("efficientnet-lite0"), Path(sys.argv[2]), show=False)
"""


@pytest.mark.long
def test_a_real_network_is_tuned_and_a_killed_training_ends_in_the_same_weights(task, tmp_path):
    def run(*words: str | Path) -> int:
        return subprocess.run([sys.executable, "-c", WHOLE, task.gallery, *words], check=False).returncode

    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    assert run(unbroken) == 0
    assert run(killed, "die after an epoch") == -signal.SIGKILL
    assert (killed / "training" / "all.pt").exists()
    assert not (killed / "adapter.json").exists()
    assert run(killed) == 0
    cards = [json.loads((folder / "adapter.json").read_text()) for folder in (unbroken, killed)]
    losses = [[epoch["loss"] for epoch in card["epochs"]] for card in cards]
    assert len(losses[0]) == 3
    assert losses[0] == losses[1]
    one, other = ((folder / "adapter.safetensors").read_bytes() for folder in (unbroken, killed))
    assert one == other
    assert losses[0][-1] < losses[0][0]


def test_of_last_blocks_the_first_stay_as_they_were(pictures, tmp_path):
    how = FULL.with_changes(tune="last:1", epochs=1)
    weights = weights_of(train(how, pictures, None, TinyBackbone(), tmp_path, engine="torch", show=False))
    start = TinyBackbone().network().state_dict()
    assert torch.equal(weights["0.blocks.0.0.weight"], start["blocks.0.0.weight"])
    assert not torch.equal(weights["0.blocks.1.weight"], start["blocks.1.weight"])


def test_lora_is_added_to_the_weights_it_leaves(pictures, tmp_path):
    how = FULL.with_changes(tune="lora", epochs=1)
    weights = weights_of(train(how, pictures, None, TinyBackbone(), tmp_path, engine="torch", show=False))
    start = TinyBackbone().network().state_dict()
    change = (weights["0.blocks.1.weight"] - start["blocks.1.weight"]).flatten(1)
    assert 0 < np.linalg.matrix_rank(change.numpy(), tol=1e-6) <= 8
    assert {name for name in weights if name.startswith("0.")} == {f"0.{name}" for name in start}


def test_more_blocks_than_there_are_is_refused():
    with pytest.raises(Exception, match="--tune last:9 is more than the 2 blocks"):
        TunedBackbone(Tiny(), start_head(FULL, np.zeros((4, 16), np.float32), np.arange(4), None), "last:9")


def test_curves_are_logged_when_asked(tmp_path):
    gallery, labels, *_ = drawn(classes=6)
    how = CONFIGURATIONS["metric"].with_changes(epochs=2, folds=0, log="tensorboard")
    train_arrays(how, gallery, labels, None, tmp_path)
    assert list(tmp_path.rglob("events.out.tfevents*"))


# --- the arithmetic of the parts -----------------------------------------------------------------------------------


def test_a_head_starts_as_the_identity():
    rows = np.random.default_rng(0).normal(size=(12, DIM)).astype(np.float32)
    head = start_head(CONFIGURATIONS["simclr"], rows, np.arange(12) % 3, None)
    assert np.array_equal(head(torch.from_numpy(rows)).detach().numpy(), rows)


@given(st.integers(2, 6), st.integers(2, 4), st.integers(0, 9))
def test_held_out_points_are_those_of_brute_force(classes, shots, seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(classes), shots))
    rows = rng.normal(size=(len(codes), 3)).astype(np.float32)
    unit = unit_rows(rows)
    for row, point in enumerate(cosine_points(rows, codes, np.arange(len(codes)))):
        others = [at for at in np.argsort(-unit @ unit[row]) if at != row]
        ranking = list(dict.fromkeys(codes[others]))
        rank = ranking.index(codes[row]) + 1
        assert point == pytest.approx(1 / rank if rank <= 5 else 0)


@given(st.integers(2, 9), st.integers(2, 4), st.integers(1, 40), st.floats(-9, 9))
def test_an_embedding_that_collapsed_scores_what_guesses_do(classes, shots, dim, value):
    codes = np.repeat(np.arange(classes), shots)
    guesses = sum(1 / rank for rank in range(1, min(classes, 5) + 1)) / classes
    ask = np.arange(len(codes))
    constant = np.full((len(codes), dim), value, np.float32)
    assert cosine_points(constant, codes, ask) == pytest.approx(guesses)
    assert not cosine_points(np.full_like(constant, np.nan), codes, ask).any()
    assert not recognizer_points(np.full_like(constant, np.nan), None, codes, ask, seed=0).any()


def test_numbers_that_are_lost_are_a_collapse():
    ball = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    assert Spread.of(np.full_like(ball, np.nan)).collapsed_since(Spread.of(ball))


def test_a_gallery_of_one_class_and_a_folder_of_other_things_are_refused(few, refused, run, tmp_path):
    said = refused("train", "metric", few.gallery, "-o", few.gallery)
    assert "holds something else: name a new or empty folder for the training" in said
    one = tmp_path / "gallery"
    shutil.copytree(few.gallery / "dots", one / "dots")
    outcome = run("train", "metric", one, "-o", tmp_path / "trained")
    assert outcome.code == 2
    warning, error = outcome.complaints
    assert warning.endswith("every picture is of the one class 'dots'")
    assert error.endswith("training needs a gallery of at least two classes")
    assert not (tmp_path / "trained").exists()


def test_held_out_pictures_are_asked_of_the_default_recognizer_once_each():
    gallery, labels, queries, _ = drawn(classes=12, shots=3, light=0.0, noise=0.2)
    codes, ask = np.unique(labels, return_inverse=True)[1], np.arange(9, 30)
    assert recognizer_points(gallery, queries, codes, ask, seed=0).tolist() == [1] * 21
    assert recognizer_points(gallery, None, codes, ask, seed=0).mean() > 0.9
    noise = np.random.default_rng(1).normal(size=gallery.shape).astype(np.float32)
    assert recognizer_points(noise, queries, codes, ask, seed=0).mean() < 0.5


@given(st.integers(3, 30), st.integers(1, 5), st.integers(0, 9))
def test_a_held_out_class_is_never_learned_from(classes, n_folds, seed):
    codes = np.repeat(np.arange(classes), 2)
    cuts = class_folds(codes, n_folds, seed)
    assert len(cuts) == min(n_folds, classes)
    for cut in cuts:
        assert not set(codes[cut.train_rows]) & set(codes[cut.heldout_rows])
        assert len(cut.heldout_rows)
        assert len(cut.train_rows)


def test_a_collapse_is_seen():
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(300, 16)).astype(np.float32)
    start = Spread.of(ball)
    assert start.effective_rank > 14
    assert not Spread.of(ball + 0.1).collapsed_since(start)
    assert Spread.of(ball * [1, 1, *[1e-3] * 14]).collapsed_since(start)
    assert Spread.of(ball + 9).collapsed_since(start)
    assert Spread.of(np.ones((5, 4), np.float32)).effective_rank == 1


def test_the_rate_rises_and_falls():
    rates = [rate_at(progress, 0.1) for progress in np.linspace(0, 1, 101)]
    assert rates[0] < 0.02
    assert max(rates) == pytest.approx(1)
    assert int(np.argmax(rates)) == 10
    assert rates[-1] == pytest.approx(0)
    assert rate_at(0.7, 0) == 1


def test_the_loss_of_views_is_nt_xent():
    from pytorch_metric_learning.losses import NTXentLoss

    one, other = torch.randn(2, 6, 8)
    ours = Objective(CONFIGURATIONS["simclr"], 3, 8).by_views(one, other)
    same = torch.arange(6).repeat(2)
    assert float(ours) == pytest.approx(float(NTXentLoss(0.1)(torch.cat([one, other]), same)), rel=1e-5)


def test_staying_costs_nothing_until_the_embedding_is_left():
    objective = Objective(CONFIGURATIONS["simclr"], 3, 8)
    rows = torch.randn(5, 8)
    assert float(objective.by_distance(rows, rows)) == pytest.approx(0, abs=1e-6)
    assert float(objective.by_distance(rows, -rows)) == pytest.approx(2)


def test_read_queries_has_no_labels(few):
    assert read_queries(few.truth_file).labels is None
