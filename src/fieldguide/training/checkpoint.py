"""What a training that was broken off goes on from: network, objective, optimizer and epochs after the last epoch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from fieldguide.core.errors import FieldguideError
from fieldguide.core.files import written_whole
from fieldguide.training.processes import from_main
from fieldguide.training.watch import Spread


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


def save_checkpoint(
    path: Path, network: nn.Module, objective: nn.Module, optimizer: Any, history: Sequence[Epoch]
) -> None:
    """Write a checkpoint; it appears whole or not at all."""
    state = {
        "network": network.state_dict(),
        "objective": objective.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [asdict(epoch) for epoch in history],
    }
    with written_whole(path) as scratch:
        torch.save(state, scratch)


def load_checkpoint(path: Path, network: nn.Module, objective: nn.Module, optimizer: Any) -> list[Epoch]:
    """Load a checkpoint into network, objective and optimizer, if the main process finds one.

    Returns
    -------
    The epochs that are done; none if there is no checkpoint.

    Raises
    ------
    FieldguideError : it is damaged, or of other pictures.
    """
    if not from_main(path.exists):
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        objective.load_state_dict(state["objective"])
        optimizer.load_state_dict(state["optimizer"])
        return [Epoch(**{**epoch, "spread": Spread(**epoch["spread"])}) for epoch in state["history"]]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise FieldguideError(f"{path} cannot be taken up ({reason}): remove it to train from the start") from error
