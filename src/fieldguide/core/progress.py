"""How far a long job is: a bar on a terminal or in a notebook, a plain line now and then in a log. All on stderr.

The bars are rich's. It draws them in notebooks too, with ipywidgets; without that a notebook is a log.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from fieldguide.core.extras import installed

SECONDS_BETWEEN_LINES = 15.0
SECONDS_UNSEEN = 2.0  # what takes no longer needs no word

Advance = Callable[..., None]  # one more is done; with False, it was there already and does not count in the rate


@contextmanager
def progress(what: str, total: int, *, show: bool = True) -> Iterator[Advance]:
    """Give a function to call once for each of `total` things done, with False for those that took no work.

    The rate shown is that of the others.
    """
    if not show:
        yield lambda worked=True: None
    elif _is_live():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield _lines(what, total)


@contextmanager
def working(what: str, *, show: bool = True) -> Iterator[None]:
    """Show that something is at work of which nobody can say how far it is: after two seconds, with the time it took.

    A terminal or a notebook has a clock beside it; a log a line at once, and one every now and then.
    """
    if not show:
        yield
        return
    done = Event()
    clock = Thread(target=_clock if _is_live() else _clock_lines, args=(what, done), daemon=True)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()


def _is_live() -> bool:
    """Whether what is shown can change: on a terminal, and in a notebook that has widgets."""
    if sys.stderr.isatty():
        return True
    if "ipykernel" not in sys.modules or not installed("ipywidgets"):
        return False
    from rich.console import Console

    return Console(stderr=True).is_jupyter


@contextmanager
def _bar(what: str, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            worked, seconds = task.fields["worked"], task.elapsed
            return Text(f"{worked / seconds:,.0f}/s" if worked and seconds else "", style="progress.data.speed")

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, worked=0)
        n_worked = 0

        def advance(worked: bool = True) -> None:
            nonlocal n_worked
            n_worked += worked
            bar.update(task, advance=1, worked=n_worked)

        yield advance
        bar.refresh()  # a notebook would be left with what was drawn last


def _lines(what: str, total: int) -> Advance:
    start = last = time.monotonic()
    done = n_worked = 0

    def advance(worked: bool = True) -> None:
        nonlocal done, n_worked, last
        done += 1
        n_worked += worked
        now = time.monotonic()
        if done == total or now - last >= SECONDS_BETWEEN_LINES:
            last = now
            seconds = max(now - start, 1e-9)
            left = (total - done) * seconds / done
            print(
                f"{what}: {done:,} of {total:,}, {n_worked / seconds:,.0f}/s, {left:,.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    return advance


def _clock(what: str, done: Event) -> None:
    if done.wait(SECONDS_UNSEEN):
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), "{task.description}", TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as clock:
        clock.add_task(what, total=None)
        done.wait()


def _clock_lines(what: str, done: Event) -> None:
    start = time.monotonic()
    wait = SECONDS_UNSEEN
    while not done.wait(wait):
        print(f"{what}: {time.monotonic() - start:,.0f} s so far", file=sys.stderr, flush=True)
        wait = SECONDS_BETWEEN_LINES
