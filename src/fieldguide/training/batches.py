"""The batches of an epoch: the same list of pictures in all processes, of which each takes its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fieldguide.core.arrays import Floats, Ints
from fieldguide.training.configurations import Configuration
from fieldguide.training.sources import ViewSource


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from and is evaluated on.

    Attributes
    ----------
    labelled : gallery
    codes : (n,) its classes
    train_rows : rows of the gallery to learn from
    heldout_points : gives from adapted embeddings of the whole gallery the points of the held-out pictures
    unlabelled : gallery to learn from, and queries: for views
    """

    labelled: ViewSource
    codes: Ints
    train_rows: Ints
    heldout_points: Callable[[Floats], Any]
    unlabelled: ViewSource


def batches_of_epoch(
    data: TrainingData, codes: Ints, configuration: Configuration, n_batches: int, accelerator: Any
) -> Iterator[dict[str, torch.Tensor]]:
    """Give an epoch's batches of this process: views, their classes, two views of unlabelled pictures.

    All processes draw the same list of pictures, take their own places of it, and draw views of their own.

    Parameters
    ----------
    codes : (n_train,) the class of each of `data.train_rows`, from 0 without a gap
    n_batches : of each process
    """
    from torch.utils.data import DataLoader

    def collate(batch: list[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
        ((places, unlabelled),) = batch
        tensors = {}
        if configuration.approach != "simclr":
            tensors["views"] = data.labelled.augmented(data.train_rows[places].tolist())
            tensors["codes"] = torch.as_tensor(codes[places])
        if configuration.approach != "metric":
            tensors["one"] = data.unlabelled.augmented(unlabelled)
            tensors["other"] = data.unlabelled.augmented(unlabelled)
        return tensors

    drawn = _draw(codes, len(data.unlabelled), configuration, n_batches * accelerator.num_processes)
    if accelerator.process_index:
        torch.manual_seed(torch.initial_seed() + 7919 * accelerator.process_index)
    own = drawn[accelerator.process_index :: accelerator.num_processes]
    loader: Any = DataLoader(own, batch_size=1, collate_fn=collate)  # type: ignore[arg-type]
    for batch in loader:
        yield {name: value.to(accelerator.device) for name, value in batch.items()}


def _draw(
    codes: Ints, n_unlabelled: int, configuration: Configuration, n_batches: int
) -> list[tuple[list[int], list[int]]]:
    """Draw for each batch places in `codes`, so many a class, and unlabelled rows."""
    from pytorch_metric_learning.samplers import MPerClassSampler

    shots = configuration.shots
    size = min(configuration.batch, len(codes))
    size -= size % shots
    length = min(size, len(np.unique(codes)) * shots)
    np.random.seed(torch.randint(2**31, (1,)).item())  # noqa: NPY002  the sampler draws from NumPy's own generator
    order = iter(list(MPerClassSampler(codes, shots, length, n_batches * size)))
    unlabelled = torch.randperm(n_unlabelled).tolist() * 2
    batches = []
    for number in range(n_batches):
        first = number * configuration.batch % n_unlabelled
        batches.append(
            (
                [next(order) for _ in range(length)],
                unlabelled[first : first + min(configuration.batch, n_unlabelled)],
            )
        )
    return batches
