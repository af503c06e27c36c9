"""Ctrl-C, and being told to end: within a second, in one line, with what is done kept."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread, current_thread, main_thread
from types import FrameType

from fieldguide.core.machine import remove_temporary_folder

SECONDS_TO_TIDY_UP = 0.7


class Stopped(BaseException):
    """The user, or the system, wants the program to end. No KeyboardInterrupt, which typer would make its own of."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number  # as shells have it


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in the main thread at SIGINT and SIGTERM; if that does not come through, end all the same.

    Python hears a signal between two of its own instructions. A library that computes for minutes in C holds it up, so
    the operating system also writes to a socket, and a thread listens there.
    """
    if current_thread() is not main_thread():  # signals are for the main thread alone
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    heard, told = socket.socketpair()
    told.setblocking(False)
    Thread(target=_end_late, args=(heard,), daemon=True).start()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    wakeup = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        told.close()


def end(stopped: Stopped) -> None:
    """Say so and end the process without waiting for threads that are still at work."""
    try:
        remove_temporary_folder()
        print("fieldguide: stopped; what is embedded is kept, the same command goes on from there", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(stopped.exit_code)


def _end_late(heard: socket.socket) -> None:
    with heard:
        while number := heard.recv(1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):
                heard.settimeout(SECONDS_TO_TIDY_UP)
                with suppress(TimeoutError):
                    if not heard.recv(1):  # closed: it came through
                        return
                end(Stopped(number[0]))
