"""The training loop, the same for a head and for a whole network; Hugging Face accelerate says on what it runs.

Everything random in an epoch follows from the seed and the epoch's number, so that a checkpoint after an epoch is
all that an exact resumption needs. Of several processes each takes batches of its own; gradients are averaged, of the
network and of proxies, and the main process alone evaluates an epoch and writes files.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fieldguide.core.arrays import Floats, Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.core.randomness import seeded
from fieldguide.training.batches import TrainingData, batches_of_epoch
from fieldguide.training.checkpoint import Epoch, load_checkpoint, save_checkpoint
from fieldguide.training.configurations import Configuration
from fieldguide.training.losses import Objective
from fieldguide.training.processes import from_main, on_cpu
from fieldguide.training.sources import ViewSource
from fieldguide.training.watch import Spread

PROXY_RATE = 100.0  # proxies learn that much faster than the network (Kim et al., Proxy anchor loss, 2020)


def run(
    network: nn.Module,
    start: nn.Module | None,
    data: TrainingData,
    configuration: Configuration,
    epochs: int,
    checkpoint: Path,
    on_epoch_end: Callable[[int, nn.Module], None] = lambda number, network: None,
) -> list[Epoch]:
    """Train a network in place.

    Parameters
    ----------
    network : maps inputs of `data` to adapted embeddings
    start : the same as it was at the start, frozen; None where leaving it costs nothing
    data : what to learn from
    configuration : how
    epochs : how many of the `configuration.epochs` that the schedule is made for
    checkpoint : written after every epoch; from one that is there the training goes on
    on_epoch_end : is called with number and network after every epoch, and with 0 before the first

    Returns
    -------
    An entry an epoch, from 0; fewer than `epochs` where the embedding was collapsing.
    """
    accelerator = _accelerator(configuration, checkpoint.parent)
    names, codes = np.unique(data.codes[data.train_rows], return_inverse=True)
    with seeded(configuration.seed):
        dim = int(embed_plain(network, data.labelled, np.arange(1)).shape[1])
        learner = Learner(network, Objective(configuration, len(names), dim), start, configuration)
    optimizer = _optimizer(learner)
    history = load_checkpoint(checkpoint, network, learner.objective, optimizer)
    prepared, optimizer = accelerator.prepare(learner, optimizer)
    if not history:
        history = [_evaluate(0, math.nan, network, data)]
        if accelerator.is_main_process:
            on_epoch_end(0, network)
    n_seen = len(data.unlabelled) if configuration.approach == "simclr" else len(data.train_rows)
    n_batches = max(1, n_seen // (configuration.batch * accelerator.num_processes))
    while len(history) <= epochs and not _collapsed(history, configuration):
        number = len(history)
        with seeded(configuration.seed * 100_003 + number):
            loss = _epoch(number, prepared, optimizer, accelerator, data, codes, n_batches)
        history.append(_evaluate(number, loss, network, data))
        accelerator.log(_metrics(history[-1]), step=number)
        if accelerator.is_main_process:
            on_epoch_end(number, network)
            save_checkpoint(checkpoint, network, learner.objective, optimizer, history)
    for tracker in accelerator.trackers:  # not end_training: that would part the processes, with more runs to come
        tracker.finish()
    return history


class Learner(nn.Module):
    """All that has gradients, in one module: what accelerate prepares as one keeps the same weights in all processes.

    Parameters
    ----------
    network : maps inputs to adapted embeddings
    objective : the losses of these; some have proxies that are learned too
    start : the network as it was, frozen; None where leaving it costs nothing
    configuration : weighs the losses
    """

    def __init__(
        self, network: nn.Module, objective: Objective, start: nn.Module | None, configuration: Configuration
    ) -> None:
        super().__init__()
        self.network, self.objective, self.start, self.configuration = network, objective, start, configuration

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
            weight = self.configuration.self_weight if n_labelled else 1.0
            loss = loss + weight * self.objective.by_views(one, other)
        if self.start is not None:
            with torch.no_grad():
                before = self.start(inputs)
            loss = loss + self.objective.by_distance(adapted, before)
        return loss


def _optimizer(learner: Learner) -> torch.optim.Optimizer:
    """Make AdamW for all weights that are learned; each group remembers its full `rate`."""
    configuration, rate = learner.configuration, learner.configuration.lr
    weights = [weight for weight in learner.network.parameters() if weight.requires_grad]
    proxies = list(learner.objective.parameters())
    groups = [{"params": weights, "rate": rate}, {"params": proxies, "rate": rate * PROXY_RATE}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], rate, weight_decay=configuration.weight_decay
    )


def _epoch(
    number: int, prepared: nn.Module, optimizer: Any, accelerator: Any, data: TrainingData, codes: Ints, n_batches: int
) -> float:
    """Train an epoch; gives the mean loss over the batches of all processes."""
    learner: Learner = accelerator.unwrap_model(prepared)
    configuration = learner.configuration
    learner.network.train()
    losses = []
    for step, batch in enumerate(batches_of_epoch(data, codes, configuration, n_batches, accelerator)):
        progress = (number - 1 + step / n_batches) / configuration.epochs
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * rate_at(progress, configuration.warm_up)
        with accelerator.autocast():
            loss = prepared(batch)
        optimizer.zero_grad()
        accelerator.backward(loss)
        if configuration.clip:
            accelerator.clip_grad_norm_(learner.network.parameters(), configuration.clip)
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


def embed_plain(network: nn.Module, source: ViewSource, rows: Ints, batch: int = 256) -> Floats:
    """Embed pictures as they are by the trained network: (len(rows), dim)."""
    device = next(network.parameters()).device
    was = network.training
    network.eval()
    with torch.inference_mode():
        parts = [
            network(source.plain(rows[at : at + batch].tolist()).to(device)).float().cpu().numpy()
            for at in range(0, len(rows), batch)
        ]
    network.train(was)
    return np.concatenate(parts)


def _accelerator(configuration: Configuration, folder: Path) -> Any:
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=False)  # a training before may have had another precision
    # Some networks have weights that no embedding depends on
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    try:
        accelerator = Accelerator(
            cpu=on_cpu(),
            mixed_precision=configuration.precision,
            log_with=configuration.log,
            project_dir=folder,
            kwargs_handlers=[parallel],
        )
    except ValueError as error:  # fp16 without a GPU, say
        raise FieldguideError(
            f"--precision {configuration.precision} cannot be had here ({error}): take no or bf16"
        ) from error
    if configuration.log:
        values = asdict(configuration).items()
        accelerator.init_trackers(
            "fieldguide", {name: value for name, value in values if isinstance(value, int | float | str)}
        )
    return accelerator


def _evaluate(number: int, loss: float, network: nn.Module, data: TrainingData) -> Epoch:
    def evaluate() -> Epoch:
        embeddings = embed_plain(network, data.labelled, np.arange(len(data.labelled)))
        points = tuple(float(point) for point in data.heldout_points(embeddings))
        return Epoch(number, loss, points, Spread.of(embeddings))

    return from_main(evaluate)


def _collapsed(history: list[Epoch], configuration: Configuration) -> bool:
    """Whether to stop; a training that asks no held-out classes runs to its end whatever comes of it."""
    return bool(configuration.folds) and history[-1].spread.collapsed_since(history[0].spread)


def _metrics(epoch: Epoch) -> dict[str, float]:
    held_out = {"held-out mAP@5": float(np.mean(epoch.points))} if epoch.points else {}
    return {"loss": epoch.loss, **held_out, **asdict(epoch.spread)}
