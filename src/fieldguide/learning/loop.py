"""The training loop, the same for a head and for a whole network; Hugging Face accelerate says on what it runs.

Everything random in an epoch follows from the seed and the epoch's number, so that a checkpoint after an epoch is
all that an exact resumption needs.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fieldguide.arrays import Floats, Ints
from fieldguide.errors import FieldguideError
from fieldguide.files import written_whole
from fieldguide.learning.banks import Bank
from fieldguide.learning.configurations import Configuration
from fieldguide.learning.losses import Objective
from fieldguide.learning.watch import Spread

PROXY_RATE = 100.0  # proxies learn that much faster than the network (Kim et al., Proxy anchor loss, 2020)


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch; epoch 0 is before the first.

    Attributes
    ----------
    number : from 0
    loss : mean over the batches
    points : 1/rank of each held-out picture's class; their mean is the held-out score; none where none is held out
    spread : of the gallery's adapted embeddings
    """

    number: int
    loss: float
    points: tuple[float, ...]
    spread: Spread


@dataclass(frozen=True)
class Material:
    """What a run learns from and is asked about.

    Attributes
    ----------
    labelled : gallery
    codes : (n,) its classes
    learn : rows of the gallery to learn from
    ask : gives the points of adapted embeddings of the whole gallery
    unlabelled : gallery to learn from, and queries: for views
    """

    labelled: Bank
    codes: Ints
    learn: Ints
    ask: Callable[[Floats], Any]
    unlabelled: Bank


def run(
    network: nn.Module,
    start: nn.Module | None,
    material: Material,
    how: Configuration,
    epochs: int,
    checkpoint: Path,
    look: Callable[[int, nn.Module], None] = lambda number, network: None,
) -> list[Epoch]:
    """Train a network in place.

    Parameters
    ----------
    network : maps a bank's inputs to adapted embeddings
    start : the same as it was at the start, frozen; None where leaving it costs nothing
    material : what to learn from
    how : the configuration
    epochs : how many of the `how.epochs` that the schedule is made for
    checkpoint : written after every epoch; one that is there is taken up
    look : is shown the network after every epoch, from 0

    Returns
    -------
    An entry an epoch, from 0; fewer than asked for where the embedding was collapsing.
    """
    accelerator = _accelerator(how, checkpoint.parent)
    learn = material.codes[material.learn]
    names, codes = np.unique(learn, return_inverse=True)
    torch.manual_seed(how.seed)
    dim = int(embed_plain(network, material.labelled, np.arange(1)).shape[1])
    objective = Objective(how, len(names), dim)
    groups = [
        {"params": [weight for weight in network.parameters() if weight.requires_grad], "rate": how.lr},
        {"params": list(objective.parameters()), "rate": how.lr * PROXY_RATE},
    ]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], how.lr, weight_decay=how.weight_decay)
    history = _resume(checkpoint, network, objective, optimizer)
    network, objective, optimizer = accelerator.prepare(network, objective, optimizer)
    if start is not None:
        start.to(accelerator.device)
    inner: nn.Module = accelerator.unwrap_model(network)
    if not history:
        history = [_look(0, math.nan, inner, material)]
        if accelerator.is_main_process:
            look(0, inner)
    n_seen = len(material.unlabelled) if how.approach == "simclr" else len(material.learn)
    n_batches = max(1, n_seen // how.batch)
    while len(history) <= epochs and not (how.folds and history[-1].spread.collapsed_since(history[0].spread)):
        number = len(history)
        torch.manual_seed(how.seed * 100_003 + number)
        network.train()
        losses = []
        feed = accelerator.prepare_data_loader(_feed(material, codes, how, n_batches))
        for step, batch in enumerate(feed):
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * rate_at((number - 1 + step / n_batches) / how.epochs, how.warm_up)
            with accelerator.autocast():
                loss = _loss(network, start, accelerator.unwrap_model(objective), batch, how)
            optimizer.zero_grad()
            accelerator.backward(loss)
            if how.clip:
                accelerator.clip_grad_norm_(network.parameters(), how.clip)
            optimizer.step()
            losses.append(float(loss.detach()))
        history.append(_look(number, float(np.mean(losses)), inner, material))
        accelerator.log(_figures(history[-1]), step=number)
        if accelerator.is_main_process:
            look(number, inner)
            _keep(checkpoint, inner, accelerator.unwrap_model(objective), optimizer, history)
    accelerator.end_training()
    return history


def rate_at(progress: float, warm_up: float) -> float:
    """Give the share of the learning rate at a share of the training: a ramp, then half a cosine."""
    if not warm_up:
        return 1.0
    if progress < warm_up:
        return (progress + 1e-3) / (warm_up + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def embed_plain(network: nn.Module, bank: Bank, rows: Ints, batch: int = 256) -> Floats:
    """Adapt pictures as they are: (len(rows), dim)."""
    device = next(network.parameters()).device
    was = network.training
    network.eval()
    with torch.inference_mode():
        parts = [
            network(bank.plain(rows[at : at + batch].tolist()).to(device)).float().cpu().numpy()
            for at in range(0, len(rows), batch)
        ]
    network.train(was)
    return np.concatenate(parts)


def _accelerator(how: Configuration, folder: Path) -> Any:
    from accelerate import Accelerator

    try:
        accelerator = Accelerator(mixed_precision=how.precision, log_with=how.log, project_dir=folder)
    except ValueError as error:  # fp16 without a GPU, say
        raise FieldguideError(f"--precision {how.precision} cannot be had here ({error}): take no or bf16") from error
    if how.log:
        figures = {name: value for name, value in asdict(how).items() if isinstance(value, int | float | str)}
        accelerator.init_trackers("fieldguide", figures)
    return accelerator


def _feed(material: Material, codes: Ints, how: Configuration, n_batches: int) -> Any:
    """Make a loader of an epoch's batches: (views, their classes, two views of unlabelled pictures)."""
    from pytorch_metric_learning.samplers import MPerClassSampler
    from torch.utils.data import DataLoader

    batches: list[tuple[list[int], list[int]]] = []
    size = min(how.batch, len(codes))
    size -= size % how.shots
    classes = len(np.unique(codes))
    np.random.seed(torch.randint(2**31, (1,)).item())  # noqa: NPY002  the sampler draws from NumPy's own generator
    sampler = MPerClassSampler(codes, how.shots, min(size, classes * how.shots), n_batches * size)
    order = iter(list(sampler))
    others = torch.randperm(len(material.unlabelled)).tolist() * 2
    for number in range(n_batches):
        places = [next(order) for _ in range(min(size, classes * how.shots))]
        first = number * how.batch % len(material.unlabelled)
        batches.append((places, others[first : first + min(how.batch, len(material.unlabelled))]))

    def collate(batch: list[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
        ((places, others),) = batch
        given = {}
        if how.approach != "simclr":
            given["views"] = material.labelled.draw(material.learn[places].tolist())
            given["codes"] = torch.as_tensor(codes[places])
        if how.approach != "metric":
            given["one"], given["other"] = material.unlabelled.draw(others), material.unlabelled.draw(others)
        return given

    return DataLoader(batches, batch_size=1, collate_fn=collate)  # type: ignore[arg-type]


def _loss(
    network: nn.Module,
    start: nn.Module | None,
    objective: Objective,
    batch: dict[str, torch.Tensor],
    how: Configuration,
) -> torch.Tensor:
    inputs = torch.cat([batch[name] for name in ("views", "one", "other") if name in batch])
    adapted = network(inputs)
    loss = torch.zeros((), device=adapted.device)
    n_labelled = len(batch.get("views", ()))
    if n_labelled:
        loss = loss + objective.by_labels(adapted[:n_labelled], batch["codes"])
    if "one" in batch:
        one, other = adapted[n_labelled:].chunk(2)
        weight = how.self_weight if n_labelled else 1.0
        loss = loss + weight * objective.by_views(one, other)
    if start is not None:
        with torch.no_grad():
            before = start(inputs)
        loss = loss + objective.by_distance(adapted, before)
    return loss


def _look(number: int, loss: float, network: nn.Module, material: Material) -> Epoch:
    rows = embed_plain(network, material.labelled, np.arange(len(material.labelled)))
    return Epoch(number, loss, tuple(float(point) for point in material.ask(rows)), Spread.of(rows))


def _figures(epoch: Epoch) -> dict[str, float]:
    held_out = {"held-out mAP@5": float(np.mean(epoch.points))} if epoch.points else {}
    return {"loss": epoch.loss, **held_out, **asdict(epoch.spread)}


def _keep(path: Path, network: nn.Module, objective: nn.Module, optimizer: Any, history: list[Epoch]) -> None:
    state = {
        "network": network.state_dict(),
        "objective": objective.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [asdict(epoch) for epoch in history],
    }
    with written_whole(path) as scratch:
        torch.save(state, scratch)


def _resume(path: Path, network: nn.Module, objective: nn.Module, optimizer: Any) -> list[Epoch]:
    if not path.exists():
        return []
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    objective.load_state_dict(state["objective"])
    optimizer.load_state_dict(state["optimizer"])
    return [Epoch(**{**epoch, "spread": Spread(**epoch["spread"])}) for epoch in state["history"]]
