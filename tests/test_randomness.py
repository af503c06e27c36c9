"""Seeds: they decide all that is random, and nobody else's random numbers change by them."""

import random

import numpy as np
import pytest
import torch

import fieldguide
from fieldguide.embedding.embedder import Embedder
from fieldguide.records import ImageTable, read_gallery
from fieldguide.training import CONFIGURATIONS, train
from fieldguide.training import loop as loop_module
from test_learning import TinyBackbone

WHOLE = CONFIGURATIONS["metric"].with_changes(epochs=2, batch=8, folds=0, lr=3e-3, start="identity")


def global_states() -> tuple[object, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return kind, keys.tobytes(), *rest, random.getstate(), torch.get_rng_state().numpy().tobytes()


@pytest.fixture(scope="module")
def pictures(few) -> ImageTable:
    return read_gallery(few.gallery)


def weights(folder, pictures, tune, seed):
    how = WHOLE.with_changes(tune=tune, seed=seed)
    train(how, pictures, None, TinyBackbone(), folder, engine="torch", show=False)
    return (folder / "adapter.safetensors").read_bytes()


@pytest.mark.parametrize("tune", ["head", "lora", "last:1"])
def test_one_seed_leaves_the_same_weights_and_another_others(tune, pictures, tmp_path):
    torch.manual_seed(1)
    one = weights(tmp_path / "one", pictures, tune, 0)
    torch.manual_seed(2)  # what the caller did before has no say
    before = global_states()
    assert weights(tmp_path / "same", pictures, tune, 0) == one
    assert global_states() == before
    assert weights(tmp_path / "other", pictures, tune, 1) != one


@pytest.mark.parametrize("tune", ["lora", "last:1"])
def test_what_was_broken_off_ends_in_the_same_weights(tune, pictures, tmp_path, monkeypatch):
    unbroken = weights(tmp_path / "unbroken", pictures, tune, 0)
    keep = loop_module.save_checkpoint

    def keep_and_die(*args):
        keep(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_module, "save_checkpoint", keep_and_die)
        weights(tmp_path / "killed", pictures, tune, 0)
    torch.manual_seed(3)
    assert weights(tmp_path / "killed", pictures, tune, 0) == unbroken


def test_a_trained_head_is_loaded_without_random_numbers(pictures, tmp_path):
    backbone = train(WHOLE.with_changes(tune="head"), pictures, None, TinyBackbone(), tmp_path, show=False).backbone
    before = global_states()
    backbone.adapt(np.ones((1, TinyBackbone.dim), np.float32))
    assert backbone.heads_by_epoch()
    assert global_states() == before


def test_views_follow_the_seed_and_leave_the_callers_random_numbers_alone(few):
    before = global_states()
    fieldguide.identify(few.gallery, few.queries, recipe="views", show=False)
    assert global_states() == before
    embedder, catalog = Embedder("efficientnet-lite0", show=False), read_gallery(few.gallery)
    one, other, again = (embedder.views(catalog, 1, "", seed) for seed in (0, 1, 0))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)
