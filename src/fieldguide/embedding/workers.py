"""Threads that work for one that waits; a thread whose job does not end is left behind, and another takes its place."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread, current_thread
from types import TracebackType
from typing import Generic, TypeVar

from fieldguide.images.turns import Work

Given = TypeVar("Given")
Made = TypeVar("Made")


class Job(Future[Made], Work, Generic[Given, Made]):
    """A job of `Workers`: what it was given, who does it since when, and whether anyone still waits for it."""

    def __init__(self, given: Given) -> None:
        Future.__init__(self)
        Work.__init__(self)
        self.given = given
        self.left_behind = False


class Workers(Generic[Given, Made]):
    """Some threads that do `work`. At the end of a `with` they are waited for, unless it ends in an exception.

    An executor of the standard library would wait for every thread before the program can end. These are daemons:
    Ctrl-C does not wait for them, nor does a picture on which a decoder runs in circles stop the rest.

    Parameters
    ----------
    work : what they do, in threads
    threads : how many
    patience : seconds a job may take, from when it begins, or from when it has its `Turn`
    """

    def __init__(self, work: Callable[[Given], Made], threads: int, patience: float = float("inf")) -> None:
        self.work = work
        self.threads = threads
        self.patience = patience
        self.jobs: SimpleQueue[Job[Given, Made] | None] = SimpleQueue()
        self.alive: list[Thread] = []
        self.running: dict[Thread, Job[Given, Made]] = {}
        self._deciding = Lock()  # whether a job is done or left behind: one of the two

    def __enter__(self) -> "Workers[Given, Made]":
        for _ in range(self.threads):
            self._start_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            while not self.jobs.empty():
                self.jobs.get()
        for _ in self.alive:
            self.jobs.put(None)
        if not kind:
            for thread in self.alive:
                thread.join()

    def submit(self, given: Given) -> Job[Given, Made]:
        """Ask for a job to be done."""
        job: Job[Given, Made] = Job(given)
        self.jobs.put(job)
        return job

    def result(self, job: Job[Given, Made]) -> Made:
        """Wait for what came of a job.

        Raises
        ------
        TimeoutError : it took longer than `patience`.
        """
        while True:
            try:
                return job.result(timeout=min(1.0, self.patience))
            except TimeoutError:
                if job.done():  # it may have ended since
                    return job.result()
                # Any of them, not this one alone: this one may wait for a turn that a later one does not give back
                now = time.monotonic()
                for running in list(self.running.values()):
                    if now - running.began > self.patience:
                        self._leave_behind(running)

    def in_order(self, given: Iterable[Given], ahead: int) -> Iterator[Job[Given, Made]]:
        """Do many jobs, and give them in their order, at most `ahead` of them begun before they are wanted."""
        waiting: deque[Job[Given, Made]] = deque()
        for one in given:
            waiting.append(self.submit(one))
            if len(waiting) > ahead:
                yield waiting.popleft()
        yield from waiting

    def _leave_behind(self, job: Job[Given, Made]) -> None:
        with self._deciding:
            if job.done() or not job.thread:
                return
            job.left_behind = True
            job.set_exception(TimeoutError())
        self.running.pop(job.thread, None)
        self.alive.remove(job.thread)
        if job.turn:
            job.turn.take_from(job.thread)
        self._start_thread()

    def _start_thread(self) -> None:
        thread = Thread(target=self._run, daemon=True)
        self.alive.append(thread)
        thread.start()

    def _run(self) -> None:
        while job := self.jobs.get():
            me = current_thread()
            job.begin()
            self.running[me] = job
            made, error = self._try(job.given)
            with self._deciding:
                if job.left_behind:
                    return
                self.running.pop(me, None)
                if error:
                    job.set_exception(error)
                else:
                    job.set_result(made)  # type: ignore[arg-type]

    def _try(self, given: Given) -> tuple[Made | None, BaseException | None]:
        try:
            return self.work(given), None
        except BaseException as error:
            return None, error
