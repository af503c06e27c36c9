"""From a gallery, and queries without labels, to a folder with an adapted backbone; the truth has no way in."""

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.backbones.adapted import CARD, Adapted, save_adapted, save_epoch
from fieldguide.backbones.head import Head
from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.core.errors import FieldguideError, RecordsError
from fieldguide.core.files import written_whole
from fieldguide.core.randomness import seeded
from fieldguide.embedding import EmbeddingCache, embed
from fieldguide.embedding.views import Views
from fieldguide.engines import Engine, start_engine
from fieldguide.records import ImageTable
from fieldguide.training.banks import Bank, EmbeddedViews, Pictures
from fieldguide.training.configurations import Configuration
from fieldguide.training.held_out import Fold, better, everything, folds, recognised, retrieval
from fieldguide.training.loop import Epoch, Material, embed_plain, run
from fieldguide.training.networks import Tuned, prefixed, start_head
from fieldguide.training.processes import from_main, is_main

PLAN = "plan.json"
ONE_CLASS = "training needs a gallery of at least two classes"
NONE = np.arange(0)
ALL = "all"  # the run on all classes, whose head is kept
STATE = "training"  # the folder's subfolder of checkpoints, gone when training is done
STAGES = 4  # parts of a training, after each of which the head is kept for the report's maps


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes
    ----------
    backbone : what `--backbone` with the folder gives
    configuration : how it was trained
    frozen : held-out mAP@5 of the frozen embedding, by plain cosine; None where nothing was held out
    held_out : the same by epoch, from 0, the start, on; empty where nothing was held out
    epochs : those of the last run, on all classes
    kept_frozen : whether training could not help, so that the folder is the backbone as it was
    recognised : share of held-out pictures that the default recognizer names, frozen and trained; None if not asked,
        as of a head
    account : the above in a sentence
    """

    backbone: Adapted
    configuration: Configuration
    frozen: float | None
    held_out: Sequence[float]
    epochs: Sequence[Epoch]
    kept_frozen: bool
    account: str
    recognised: tuple[float, float] | None = None


@dataclass(frozen=True)
class Frozen:
    """Embeddings that training starts from, of pictures that could be read.

    Attributes
    ----------
    gallery, labels : (n, dim) and their classes
    queries : (m, dim), or None
    gallery_views, queries_views : (n_views, n or m, dim)
    """

    gallery: Floats
    labels: Sequence[str]
    queries: Floats | None
    gallery_views: Floats
    queries_views: Floats | None


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
    show: bool = True,
) -> Trained:
    """Train on a gallery, and on queries without labels if there are any.

    Parameters
    ----------
    configuration : how; `configuration(name)` gives one
    gallery : labelled pictures
    queries : pictures whose labels, if they have any, are not looked at
    backbone : what to start from
    folder : where the adapted backbone goes; a training that was broken off there is taken up
    engine : what runs the backbone
    cache : where embeddings of earlier runs are
    views : where views that another training made of the same pictures are
    show : whether to show progress

    Raises
    ------
    FieldguideError : the folder holds a trained backbone or another training, or a library is missing.
    """
    configuration.check()
    _require_libraries(configuration)
    if len(set(gallery.labels or ())) < 2:
        raise RecordsError(ONE_CLASS)
    from_main(lambda: _claim(folder, configuration, backbone))
    show = show and is_main()
    with seeded(configuration.seed):  # building a network draws weights, before its own are loaded
        runner = start_engine(engine, backbone) if isinstance(engine, str) else engine
    views = views or Views(backbone, runner, configuration.seed, show=show)
    parts = []
    for what, catalog in (("gallery", gallery), ("queries", queries)):
        if catalog is not None:
            embeddings = embed(catalog, backbone, engine=runner, cache=cache, what=what, show=show)
            readable = catalog.take(embeddings.rows)
            if not readable:
                raise RecordsError(f"none of the {len(catalog)} pictures of the {what} can be read")
            n_views = configuration.views if configuration.tune == "head" else 0
            wanted = n_views if what == "gallery" or configuration.approach != "metric" else 0
            parts.append((readable, embeddings.matrix, views.of(readable, wanted, f"views of {what}")))
    known, rows, known_views = parts[0]
    asked, others, other_views = parts[1] if len(parts) > 1 else (None, None, None)
    frozen = Frozen(rows, known.labels or (), others, known_views, other_views)
    return train_on(configuration, frozen, backbone, folder, pictures=(known, asked))


def train_on(
    configuration: Configuration,
    frozen: Frozen,
    backbone: Backbone,
    folder: Path,
    *,
    pictures: tuple[ImageTable, ImageTable | None] | None = None,
) -> Trained:
    """Train on embeddings that are there already; `pictures` are needed where the backbone itself is tuned."""
    with seeded(configuration.seed):  # layers draw weights when they are made, whatever is loaded into them
        return _train_on(configuration, frozen, backbone, folder, pictures)


def _train_on(
    configuration: Configuration,
    frozen: Frozen,
    backbone: Backbone,
    folder: Path,
    pictures: tuple[ImageTable, ImageTable | None] | None,
) -> Trained:
    codes = np.unique(np.array(frozen.labels), return_inverse=True)[1]
    if codes.max() < 1:
        raise RecordsError(f"{ONE_CLASS} whose pictures can be read")
    job = _Job(configuration, frozen, codes, backbone, folder, pictures)
    everything_known = np.arange(len(codes))
    if not configuration.folds:
        network, history = job.run(everything_known, NONE, configuration.epochs, ALL)
        account = f"trained {len(history) - 1} epochs without asking held-out classes"
        return job.finish(network, Trained(Adapted(folder, backbone), configuration, None, (), history, False, account))
    cuts = _cuts(configuration, codes)
    if not cuts:
        why = "the frozen embedding is kept: too few classes have two pictures to hold some out"
        return job.finish(None, Trained(Adapted(folder, backbone), configuration, None, (), (), True, why))
    now, by_epoch = job.rehearse(cuts)
    scores = [float(points.mean()) for points in by_epoch]
    best = int(np.argmax(scores))
    said = f"mAP@5 {now.mean():.3f} frozen, {scores[best]:.3f} at best, after epoch {best}"
    trained = Trained(Adapted(folder, backbone), configuration, float(now.mean()), scores, (), True, "")
    if not better(by_epoch[best], now):
        return job.finish(
            None, replace(trained, account=f"the frozen embedding is kept: held-out classes gain nothing ({said})")
        )
    asked = job.ask_default(cuts, best) if configuration.tune != "head" else None
    for_default = asked is not None and better(asked[1], asked[0])
    # A head is linear, and the default recognizer fits a linear map of its own: it has no use for one that was fitted
    # to the same gallery, by which its rehearsals are misled
    account = (
        f"trained {best} of {configuration.epochs} epochs: held-out classes gain ({said}); "
        f"the default recognizer {'too' if for_default else 'takes the frozen embedding'}"
    )
    named = None
    if asked is not None:
        named = float(asked[0].mean()), float(asked[1].mean())
        account += f" (it names {named[0]:.3f} of them frozen, {named[1]:.3f} trained)"
    network, history = job.run(everything_known, NONE, best, ALL)
    trained = replace(
        trained,
        backbone=replace(trained.backbone, for_default=for_default),
        epochs=history,
        kept_frozen=False,
        account=account,
        recognised=named,
    )
    return job.finish(network, trained)


@dataclass(frozen=True)
class _Job:
    how: Configuration
    frozen: Frozen
    codes: Ints
    backbone: Backbone
    folder: Path
    pictures: tuple[ImageTable, ImageTable | None] | None

    def rehearse(self, cuts: Sequence[Fold]) -> tuple[Anything, list[Anything]]:
        """Train on each cut: points of the held-out pictures, frozen and by epoch.

        A cut that collapsed early has no say on later epochs, so that none is looked at that a cut did not reach.
        """
        frozen, by_cut = [], []
        for number, cut in enumerate(cuts):
            frozen.append(from_main(partial(retrieval, self.frozen.gallery, self.codes, cut.ask)))
            _, history = self.run(cut.learn, cut.ask, self.how.epochs, f"held-out-{number}")
            by_cut.append([np.array(epoch.points) for epoch in history])
        reached = min(map(len, by_cut))
        return np.concatenate(frozen), [np.concatenate([cut[at] for cut in by_cut]) for at in range(reached)]

    def ask_default(self, cuts: Sequence[Fold], epochs: int) -> tuple[Anything, Anything]:
        """Tune on each cut again, that long: whether the default recognizer names held-out pictures, before and after.

        It whitens the space by itself, so that it may have no use for what plain cosine gains by.
        """
        given, seed = self.frozen, self.how.seed
        before, after = [], []
        for number, cut in enumerate(cuts):
            before.append(from_main(partial(recognised, given.gallery, given.queries, self.codes, cut.ask, seed)))
            network, _ = self.run(cut.learn, NONE, epochs, f"asked-{number}")
            labelled, _ = self.banks()
            rows = embed_plain(network, labelled, np.arange(len(labelled)))
            queries = None
            if given.queries is not None:
                queries = embed_plain(network, self.bank_of_queries(), np.arange(len(given.queries)))
            after.append(from_main(partial(recognised, rows, queries, self.codes, cut.ask, seed)))
        return np.concatenate(before), np.concatenate(after)

    def run(self, learn: Ints, ask: Ints, epochs: int, name: str) -> tuple[Any, list[Epoch]]:
        """Train a new network on some rows of the gallery."""
        head = start_head(self.how, self.frozen.gallery[learn], self.codes[learn], self.frozen.queries)
        network: Any = head if self.how.tune == "head" else self.tuned(head)
        start = copy.deepcopy(network).requires_grad_(False).eval() if self.how.stay else None
        labelled, unlabelled = self.banks()
        material = Material(
            labelled, self.codes, learn, lambda rows: retrieval(rows, self.codes, ask) if len(ask) else (), unlabelled
        )
        place = self.folder / STATE
        from_main(partial(place.mkdir, parents=True, exist_ok=True))
        stages = np.linspace(0, epochs, min(epochs, STAGES) + 1).round()

        def look(epoch: int, network: Any) -> None:
            if name == ALL and network is head and epoch in stages:
                save_epoch(self.folder, epoch, head)

        history = run(network, start, material, self.how, epochs, place / f"{name}.pt", look)
        if name == ALL and not all(math.isfinite(epoch.loss) for epoch in history[1:]):
            raise FieldguideError(
                f"training lost itself: its loss is no number after {len(history) - 1} epochs; take a smaller --lr"
            )
        return network, history

    def tuned(self, head: Head) -> Tuned:
        """Put a head on a new copy of the backbone's network."""
        with seeded(self.how.seed):  # some libraries draw weights before they load them
            return Tuned(self.backbone.network(), head, self.how.tune, self.how.seed)

    def banks(self) -> tuple[Bank, Bank]:
        """Give the labelled pictures, and all for learning without labels."""
        given = self.frozen
        if self.how.tune == "head":
            labelled = EmbeddedViews(given.gallery, given.gallery_views)
            if given.queries is None or self.how.approach == "metric":
                return labelled, labelled
            assert given.queries_views is not None
            return labelled, EmbeddedViews(
                np.concatenate([given.gallery, given.queries]),
                np.concatenate([given.gallery_views, given.queries_views], axis=1),
            )
        assert self.pictures is not None
        known, asked = self.pictures
        every = [*known.sources, *(asked.sources if asked is not None else ())]
        steps = self.backbone.preprocessing
        return Pictures(known.sources, steps), Pictures(every, steps)

    def bank_of_queries(self) -> Bank:
        """Give the queries' pictures."""
        assert self.pictures is not None and self.pictures[1] is not None
        return Pictures(self.pictures[1].sources, self.backbone.preprocessing)

    def finish(self, network: Any, trained: Trained) -> Trained:
        """Write the folder, and clear the checkpoints away; the main process does, and the others wait."""
        backbone = trained.backbone
        if network is not None:
            tuned = isinstance(network, Tuned)
            shape = (network.head if tuned else network).shape
            backbone = replace(backbone, widths=shape.widths, centred=shape.centred, bias=shape.bias, tuned=tuned)
        trained = replace(trained, backbone=backbone)
        from_main(lambda: self.write(network, trained))
        return trained

    def write(self, network: Any, trained: Trained) -> None:
        """Write weights and card, and remove the checkpoints."""
        tensors: dict[str, Any] = {}
        backbone = trained.backbone
        if network is not None:
            tensors = network.tensors() if backbone.tuned else prefixed("head.", network)
        card = {
            "account": trained.account,
            "configuration": asdict(self.how),
            "frozen": trained.frozen,
            "held_out": list(trained.held_out),
            "for_default": backbone.for_default,
            "recognised": trained.recognised,
            "epochs": [{"loss": epoch.loss, **asdict(epoch.spread)} for epoch in trained.epochs[1:]],
        }
        save_adapted(backbone, tensors, card)
        for path in (*(self.folder / STATE).glob("*.pt"), self.folder / STATE / PLAN):
            path.unlink(missing_ok=True)


def _cuts(how: Configuration, codes: Ints) -> list[Fold]:
    n_folds = how.folds if how.tune == "head" else 1  # a whole network takes long enough
    return everything(codes) if how.approach == "simclr" else folds(codes, n_folds, how.seed)


def _claim(folder: Path, how: Configuration, backbone: Backbone) -> None:
    """Make the folder ours, or find that it is: of the same training, broken off."""
    if (folder / CARD).exists():
        raise FieldguideError(f"{folder} holds a trained backbone: name another folder, or remove that one")
    path = folder / STATE / PLAN
    try:
        if folder.is_dir() and any(folder.iterdir()) and not path.exists():
            raise FieldguideError(f"{folder} holds something else: name a new or empty folder for the training")
        plan = {"configuration": asdict(how), "backbone": backbone.name, "fingerprint": fingerprint(backbone)}
        if path.exists():
            if _read_plan(path) != json.loads(json.dumps(plan)):
                raise FieldguideError(
                    f"{folder} holds another training that was broken off: name another folder, or remove it"
                )
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FieldguideError(f"{folder} cannot be written: {error.strerror or error}") from error
    with written_whole(path) as scratch:
        scratch.write_text(json.dumps(plan))


def _read_plan(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None  # of no training that could go on


def _require_libraries(how: Configuration) -> None:
    needed = ["accelerate", "kornia", "pytorch_metric_learning", "safetensors"]
    for library in needed + ["peft"] * (how.tune == "lora"):
        try:
            import_module(library)
        except ImportError:
            raise FieldguideError(f"training needs {library}: pip install 'fieldguide[train]'") from None
    if how.log and not find_spec(how.log):
        raise FieldguideError(f"--log {how.log} needs {how.log}: pip install {how.log}")
