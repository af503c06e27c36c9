"""What several processes of one training agree on: the main one decides, writes and is believed."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

from fieldguide.core.errors import FieldguideError

T = TypeVar("T")


def on_cpu() -> bool:
    """Whether to compute on the CPU: by accelerate's setting, or as several processes have nothing else to compute on.

    accelerate takes the latter for single processes, each of which would write the same files.
    """
    import torch
    from accelerate.utils import parse_flag_from_env

    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return bool(parse_flag_from_env("ACCELERATE_USE_CPU")) or (several and not torch.accelerator.is_available())


def is_main() -> bool:
    """Whether this process writes the files: the only one, or the first of those that `accelerate launch` started."""
    return bool(_state().is_main_process)


def from_main(make: Callable[[], T]) -> T:
    """Make a value in the main process and give it to all, so that none decides otherwise by a rounding.

    Raises
    ------
    FieldguideError : the main process's own; in every process, so that none waits for the others.
    """
    from accelerate.utils import broadcast_object_list

    state = _state()
    if state.num_processes == 1:
        return make()
    message: list[object] = [None, None]
    if state.is_main_process:
        try:
            message = [make(), None]
        except FieldguideError as error:
            message = [None, error]
    broadcast_object_list(message)
    value, failure = message
    if isinstance(failure, FieldguideError):
        raise failure
    return value  # type: ignore[return-value]  # what the main process made is a T


def _state() -> Any:
    from accelerate import PartialState

    return PartialState(cpu=on_cpu())
