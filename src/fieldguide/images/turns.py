"""How long a thread has worked on something, and turns for what one thread at a time may do; waiting does not count."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Thread, current_thread, local

_here = local()  # `work`: what the thread works on


class Work:
    """Something a thread works on, since when, and the turn that it has had."""

    def __init__(self) -> None:
        self.thread: Thread | None = None
        self.began = float("inf")
        self.turn: Turn | None = None

    def begin(self) -> None:
        """Say that this thread works on it, from now on."""
        self.thread, self.began = current_thread(), time.monotonic()
        _here.work = self


class Turn:
    """What one thread at a time has. Waiting for it costs no patience; a thread that is left behind loses it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._holder: Thread | None = None

    def __enter__(self) -> None:
        work: Work | None = getattr(_here, "work", None)
        with self._changed:
            if work:
                work.began = float("inf")
            self._changed.wait_for(lambda: self._holder is None)
            self._holder = current_thread()
            if work:
                work.turn, work.began = self, time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.take_from(current_thread())

    def take_from(self, thread: Thread | None) -> None:
        """Let the next have it, if this thread has it."""
        with self._changed:
            if self._holder is thread:
                self._holder = None
                self._changed.notify()


@contextmanager
def without_patience() -> Iterator[None]:
    """Do what looks after its own time: the work of this thread is not left behind meanwhile."""
    work: Work | None = getattr(_here, "work", None)
    if work:
        work.began = float("inf")
    try:
        yield
    finally:
        if work:
            work.began = time.monotonic()
