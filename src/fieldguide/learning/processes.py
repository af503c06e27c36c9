"""What several processes of one training agree on: the main one decides, writes and is believed."""

from collections.abc import Callable
from typing import TypeVar

from fieldguide.errors import FieldguideError

T = TypeVar("T")


def is_main() -> bool:
    """Whether this process writes the files: the only one, or the first of those that `accelerate launch` started."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


def from_main(make: Callable[[], T]) -> T:
    """Make a value in the main process and give it to all, so that none decides otherwise by a rounding.

    Raises
    ------
    FieldguideError : the main process's own; in every process, so that none waits for the others.
    """
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    if PartialState().num_processes == 1:
        return make()
    told: list[object] = [None, None]
    if PartialState().is_main_process:
        try:
            told = [make(), None]
        except FieldguideError as error:
            told = [None, error]
    broadcast_object_list(told)
    value, failure = told
    if isinstance(failure, FieldguideError):
        raise failure
    return value  # type: ignore[return-value]  # what the main process made is a T
