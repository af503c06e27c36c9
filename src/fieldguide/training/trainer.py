"""From a gallery, and queries without labels, to a folder with an adapted backbone; the truth has no way in."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.backbones import Backbone
from fieldguide.backbones.adapted import Adapted, save_adapted
from fieldguide.core.arrays import Floats, Ints
from fieldguide.core.errors import FieldguideError, RecordsError
from fieldguide.core.randomness import seeded
from fieldguide.embedding import EmbeddingCache, EmbeddingTable, embed
from fieldguide.embedding.views import Views
from fieldguide.engines import Engine, start_engine
from fieldguide.records import ImageTable
from fieldguide.records.unreadable import UnreadablePictures, refuse_unreadable
from fieldguide.training.configurations import Configuration
from fieldguide.training.folder import card_of, claim, clear_checkpoints
from fieldguide.training.held_out import Fold, better, class_folds, unlabelled_folds
from fieldguide.training.networks import TunedBackbone, prefixed
from fieldguide.training.processes import from_main, is_main
from fieldguide.training.runs import Runs
from fieldguide.training.trained import Trained

log = logging.getLogger("fieldguide")

ONE_CLASS = "training needs a gallery of at least two classes"


def train(
    configuration: Configuration,
    gallery: ImageTable,
    queries: ImageTable | None,
    backbone: Backbone,
    folder: Path,
    *,
    engine: str | Engine = "auto",
    cache: EmbeddingCache | None = None,
    views: Views | None = None,
    strict: bool = False,
    show: bool = True,
) -> Trained:
    """Train on a gallery, and on queries without labels if there are any.

    Parameters
    ----------
    configuration : how; `configuration(name)` gives one
    gallery : labelled pictures
    queries : pictures whose labels, if they have any, are not used
    backbone : what to start from
    folder : where the adapted backbone goes; a training that was broken off there goes on
    engine : what runs the backbone
    cache : where embeddings of earlier runs are
    views : where views that another training made of the same pictures are
    strict : whether a picture that cannot be read stops it
    show : whether to show progress

    Raises
    ------
    UnreadablePictures : no picture of the gallery or the queries can be read, or in a strict run not all.
    FieldguideError : the folder holds a trained backbone or another training, or a library is missing.
    """
    configuration.check()
    _require_libraries(configuration)
    if len(set(gallery.labels or ())) < 2:
        raise RecordsError(ONE_CLASS)
    from_main(lambda: claim(folder, configuration, backbone))
    show = show and is_main()
    with seeded(configuration.seed):  # building a network draws weights, before its own are loaded
        runner = start_engine(engine, backbone) if isinstance(engine, str) else engine
    source = views or Views(backbone, runner, configuration.seed, show=show)
    n_views = configuration.views if configuration.tune == "head" else 0

    def embedded(pictures: ImageTable, what: str, n_views: int) -> tuple[EmbeddingTable, Floats]:
        table = embed(pictures, backbone, engine=runner, cache=cache, what=what, show=show)
        missing = table.unreadable_pictures(what)
        if not len(table):
            raise UnreadablePictures(f"none of the {len(pictures)} pictures of the {what} can be read", missing)
        if strict:
            refuse_unreadable(missing)
        if missing and is_main():
            log.warning(
                "%d pictures of the %s could not be read and are left out: %s (%s)%s",
                *(len(missing), what, missing[0].image, missing[0].reason, ", …" if len(missing) > 1 else ""),
            )
        return table, source.of(table.readable, n_views, f"views of {what}")

    gallery_table, gallery_views = embedded(gallery, "gallery", n_views)
    queries_table, queries_views = None, None
    if queries is not None:
        n_views = 0 if configuration.approach == "metric" else n_views
        queries_table, queries_views = embedded(queries, "queries", n_views)
    return train_on(configuration, gallery_table, queries_table, backbone, folder, gallery_views, queries_views)


def train_on(
    configuration: Configuration,
    gallery: EmbeddingTable,
    queries: EmbeddingTable | None,
    backbone: Backbone,
    folder: Path,
    gallery_views: Floats,
    queries_views: Floats | None = None,
) -> Trained:
    """Train on embeddings that are there already.

    Parameters
    ----------
    configuration : how
    gallery, queries : (n, dim) and (m, dim), or None; where the backbone itself is tuned, their pictures are opened
    backbone : what made the embeddings
    folder : where the adapted backbone goes; a training that was broken off there goes on
    gallery_views, queries_views : (n_views, n or m, dim) embeddings of augmented views, with `n_views` from 0 on

    Raises
    ------
    RecordsError : the gallery has one class alone.
    FieldguideError : the loss is no longer a number.
    """
    codes = np.unique(np.array(gallery.labels or ()), return_inverse=True)[1]
    if len(np.unique(codes)) < 2:
        raise RecordsError(f"{ONE_CLASS} whose pictures can be read")
    runs = Runs(configuration, gallery, queries, gallery_views, queries_views, codes, backbone, folder)
    with seeded(configuration.seed):  # layers draw weights when they are made, whatever is loaded into them
        network, trained = _train_if_better(runs)
    if network is not None:
        tuned = isinstance(network, TunedBackbone)
        shape = (network.head if tuned else network).shape
        shaped = replace(trained.backbone, widths=shape.widths, centred=shape.centred, bias=shape.bias, tuned=tuned)
        trained = replace(trained, backbone=shaped)
    from_main(lambda: _write(network, trained))  # the others wait
    return trained


def _train_if_better(runs: Runs) -> tuple[Any, Trained]:
    """Let held-out classes decide for how many epochs to train; gives no network where the frozen embedding is kept."""
    configuration = runs.configuration
    trained = Trained(Adapted(runs.folder, runs.backbone), configuration)
    if not configuration.folds:
        network, history = runs.train_on_all(configuration.epochs)
        summary = f"trained {len(history) - 1} epochs without asking held-out classes"
        return network, replace(trained, epochs=history, summary=summary)
    folds = _folds(configuration, runs.codes)
    if not folds:
        summary = "the frozen embedding is kept: too few classes have two pictures to hold some out"
        return None, replace(trained, kept_frozen=True, summary=summary)
    frozen, by_epoch = runs.evaluate_folds(folds)
    scores = [float(points.mean()) for points in by_epoch]
    best = int(np.argmax(scores))
    figures = f"mAP@5 {frozen.mean():.3f} frozen, {scores[best]:.3f} at best, after epoch {best}"
    trained = replace(trained, frozen=float(frozen.mean()), held_out=scores)
    if not better(by_epoch[best], frozen):
        summary = f"the frozen embedding is kept: held-out classes gain nothing ({figures})"
        return None, replace(trained, kept_frozen=True, summary=summary)
    for_default, recognised = _evaluate_recognizer(runs, folds, best)
    summary = (
        f"trained {best} of {configuration.epochs} epochs: held-out classes gain ({figures}); "
        f"the default recognizer {'too' if for_default else 'takes the frozen embedding'}"
    )
    if recognised is not None:
        summary += f" (it names {recognised[0]:.3f} of them frozen, {recognised[1]:.3f} trained)"
    network, history = runs.train_on_all(best)
    backbone = replace(trained.backbone, for_default=for_default)
    return network, replace(trained, backbone=backbone, epochs=history, summary=summary, recognised=recognised)


def _evaluate_recognizer(runs: Runs, folds: Sequence[Fold], epochs: int) -> tuple[bool, tuple[float, float] | None]:
    """Say whether the default recognizer gains too, and the share that it names, frozen and trained.

    A head is linear, and the default recognizer fits a linear map of its own: it has no use for one that was fitted to
    the same gallery, by which its rehearsals are misled. So it is not evaluated with a head.
    """
    if runs.configuration.tune == "head":
        return False, None
    frozen, trained = runs.evaluate_recognizer(folds, epochs)
    return better(trained, frozen), (float(frozen.mean()), float(trained.mean()))


def _folds(configuration: Configuration, codes: Ints) -> list[Fold]:
    n_folds = configuration.folds if configuration.tune == "head" else 1  # a whole network takes long enough
    if configuration.approach == "simclr":
        return unlabelled_folds(codes)
    return class_folds(codes, n_folds, configuration.seed)


def _write(network: Any, trained: Trained) -> None:
    """Write weights and card, and remove the checkpoints."""
    tensors: dict[str, Any] = {}
    backbone = trained.backbone
    if network is not None:
        tensors = network.tensors() if backbone.tuned else prefixed("head.", network)
    save_adapted(backbone, tensors, card_of(trained))
    clear_checkpoints(backbone.folder)


def _require_libraries(configuration: Configuration) -> None:
    needed = ["accelerate", "kornia", "pytorch_metric_learning", "safetensors"]
    for library in needed + ["peft"] * (configuration.tune == "lora"):
        try:
            import_module(library)
        except ImportError:
            raise FieldguideError(f"training needs {library}: pip install 'fieldguide[train]'") from None
    if configuration.log and not find_spec(configuration.log):
        raise FieldguideError(f"--log {configuration.log} needs {configuration.log}: pip install {configuration.log}")
