"""The training loop, the same for a head and for a whole network; Hugging Face accelerate says on what it runs.

Everything random in an epoch follows from the seed and the epoch's number, so that a checkpoint after an epoch is
all that an exact resumption needs. Of several processes each takes batches of its own; gradients are averaged, of the
network and of proxies, and the main process alone judges an epoch and writes files.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import nn

from fieldguide.core.arrays import Floats, Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.core.files import written_whole
from fieldguide.core.randomness import seeded
from fieldguide.training.banks import Bank
from fieldguide.training.configurations import Configuration
from fieldguide.training.losses import Objective
from fieldguide.training.processes import from_main, on_cpu
from fieldguide.training.watch import Spread

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
    with seeded(how.seed):
        dim = int(embed_plain(network, material.labelled, np.arange(1)).shape[1])
        learner = Learner(network, Objective(how, len(names), dim), start, how)
    groups = [
        {"params": [weight for weight in network.parameters() if weight.requires_grad], "rate": how.lr},
        {"params": list(learner.objective.parameters()), "rate": how.lr * PROXY_RATE},
    ]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], how.lr, weight_decay=how.weight_decay)
    history = _resume(checkpoint, learner, optimizer)
    prepared, optimizer = accelerator.prepare(learner, optimizer)
    if not history:
        history = [_look(0, math.nan, network, material)]
        if accelerator.is_main_process:
            look(0, network)
    n_seen = len(material.unlabelled) if how.approach == "simclr" else len(material.learn)
    n_batches = max(1, n_seen // (how.batch * accelerator.num_processes))
    while len(history) <= epochs and not (how.folds and history[-1].spread.collapsed_since(history[0].spread)):
        number = len(history)
        with seeded(how.seed * 100_003 + number):
            loss = _epoch(number, prepared, optimizer, accelerator, material, codes, n_batches)
        history.append(_look(number, loss, network, material))
        accelerator.log(_figures(history[-1]), step=number)
        if accelerator.is_main_process:
            look(number, network)
            _keep(checkpoint, learner, optimizer, history)
    for tracker in accelerator.trackers:  # not end_training: that would part the processes, with more runs to come
        tracker.finish()
    return history


class Learner(nn.Module):
    """All that has gradients, in one module: what accelerate prepares as one keeps the same weights in all processes.

    Parameters
    ----------
    network : maps inputs to adapted embeddings
    objective : judges these; some have proxies that are learned too
    start : the network as it was, frozen; None where leaving it costs nothing
    how : the configuration
    """

    def __init__(self, network: nn.Module, objective: Objective, start: nn.Module | None, how: Configuration) -> None:
        super().__init__()
        self.network, self.objective, self.start, self.how = network, objective, start, how

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Give the loss of a batch."""
        inputs = torch.cat([batch[name] for name in ("views", "one", "other") if name in batch])
        adapted = self.network(inputs)
        loss = torch.zeros((), device=adapted.device)
        n_labelled = len(batch.get("views", ()))
        if n_labelled:
            loss = loss + self.objective.by_labels(adapted[:n_labelled], batch["codes"])
        if "one" in batch:
            one, other = adapted[n_labelled:].chunk(2)
            weight = self.how.self_weight if n_labelled else 1.0
            loss = loss + weight * self.objective.by_views(one, other)
        if self.start is not None:
            with torch.no_grad():
                before = self.start(inputs)
            loss = loss + self.objective.by_distance(adapted, before)
        return loss


def _epoch(
    number: int, prepared: nn.Module, optimizer: Any, accelerator: Any, material: Material, codes: Ints, n_batches: int
) -> float:
    """Train an epoch; gives the mean loss over the batches of all processes."""
    learner: Learner = accelerator.unwrap_model(prepared)
    how = learner.how
    learner.network.train()
    losses = []
    for step, batch in enumerate(_feed(material, codes, how, n_batches, accelerator)):
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * rate_at((number - 1 + step / n_batches) / how.epochs, how.warm_up)
        with accelerator.autocast():
            loss = prepared(batch)
        optimizer.zero_grad()
        accelerator.backward(loss)
        if how.clip:
            accelerator.clip_grad_norm_(learner.network.parameters(), how.clip)
        optimizer.step()
        losses.append(float(loss.detach()))
    mean = torch.tensor(np.mean(losses), dtype=torch.float64).to(accelerator.device)
    return float(accelerator.reduce(mean, "mean")) if accelerator.num_processes > 1 else float(np.mean(losses))


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
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=False)  # a training before may have had another precision
    # Some networks have weights that no embedding depends on
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    try:
        accelerator = Accelerator(
            cpu=on_cpu(),
            mixed_precision=how.precision,
            log_with=how.log,
            project_dir=folder,
            kwargs_handlers=[parallel],
        )
    except ValueError as error:  # fp16 without a GPU, say
        raise FieldguideError(f"--precision {how.precision} cannot be had here ({error}): take no or bf16") from error
    if how.log:
        figures = {name: value for name, value in asdict(how).items() if isinstance(value, int | float | str)}
        accelerator.init_trackers("fieldguide", figures)
    return accelerator


def _feed(material: Material, codes: Ints, how: Configuration, n_batches: int, accelerator: Any) -> Iterator[Any]:
    """Give an epoch's batches of this process: views, their classes, two views of unlabelled pictures.

    All processes draw the same list of pictures, take their own places of it, and draw views of their own.
    """
    from pytorch_metric_learning.samplers import MPerClassSampler
    from torch.utils.data import DataLoader

    batches: list[tuple[list[int], list[int]]] = []
    size = min(how.batch, len(codes))
    size -= size % how.shots
    classes = len(np.unique(codes))
    np.random.seed(torch.randint(2**31, (1,)).item())  # noqa: NPY002  the sampler draws from NumPy's own generator
    n_all = n_batches * accelerator.num_processes
    sampler = MPerClassSampler(codes, how.shots, min(size, classes * how.shots), n_all * size)
    order = iter(list(sampler))
    others = torch.randperm(len(material.unlabelled)).tolist() * 2
    for number in range(n_all):
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

    if accelerator.process_index:
        torch.manual_seed(torch.initial_seed() + 7919 * accelerator.process_index)
    own = batches[accelerator.process_index :: accelerator.num_processes]
    loader: Any = DataLoader(own, batch_size=1, collate_fn=collate)  # type: ignore[arg-type]
    for batch in loader:
        yield {name: value.to(accelerator.device) for name, value in batch.items()}


def _look(number: int, loss: float, network: nn.Module, material: Material) -> Epoch:
    def judge() -> Epoch:
        rows = embed_plain(network, material.labelled, np.arange(len(material.labelled)))
        return Epoch(number, loss, tuple(float(point) for point in material.ask(rows)), Spread.of(rows))

    return from_main(judge)


def _figures(epoch: Epoch) -> dict[str, float]:
    held_out = {"held-out mAP@5": float(np.mean(epoch.points))} if epoch.points else {}
    return {"loss": epoch.loss, **held_out, **asdict(epoch.spread)}


def _keep(path: Path, learner: Learner, optimizer: Any, history: list[Epoch]) -> None:
    state = {
        "network": learner.network.state_dict(),
        "objective": learner.objective.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [asdict(epoch) for epoch in history],
    }
    with written_whole(path) as scratch:
        torch.save(state, scratch)


def _resume(path: Path, learner: Learner, optimizer: Any) -> list[Epoch]:
    """Take up a checkpoint, if there was one when the main process looked.

    Raises
    ------
    FieldguideError : it is damaged, or of other pictures.
    """
    if not from_main(path.exists):
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        learner.network.load_state_dict(state["network"])
        learner.objective.load_state_dict(state["objective"])
        optimizer.load_state_dict(state["optimizer"])
        return [Epoch(**{**epoch, "spread": Spread(**epoch["spread"])}) for epoch in state["history"]]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise FieldguideError(f"{path} cannot be taken up ({reason}): remove it to train from the start") from error
