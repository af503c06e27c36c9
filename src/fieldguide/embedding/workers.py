"""Threads that work for one that waits; a thread whose job does not end is left behind, and another takes its place."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread, current_thread
from types import TracebackType
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


class Job(Future[Made], Generic[Given, Made]):
    """A job of `Workers`: what it was given, who does it since when, and whether anyone still waits for it."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self.given = given
        self.thread: Thread | None = None
        self.began = float("inf")
        self.left_behind = False


class Workers(Generic[Given, Made]):
    """Some threads that do `work`. At the end of a `with` they are waited for, unless it ends in an exception.

    An executor of the standard library would wait for every thread before the program can end. These are daemons:
    Ctrl-C does not wait for them, nor does a picture on which a decoder runs in circles stop the rest.

    Parameters
    ----------
    work : what they do, in threads
    threads : how many
    patience : seconds a job may take
    """

    def __init__(self, work: Callable[[Given], Made], threads: int, patience: float = float("inf")) -> None:
        self.work = work
        self.threads = threads
        self.patience = patience
        self.jobs: SimpleQueue[Job[Given, Made] | None] = SimpleQueue()
        self.alive: list[Thread] = []

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
                if job.done():
                    raise
                if time.monotonic() - job.began > self.patience:
                    self._leave_behind(job)
                    raise

    def in_order(self, given: Iterable[Given], ahead: int) -> Iterator[Job[Given, Made]]:
        """Do many jobs, and give them in their order, at most `ahead` of them begun before they are asked for."""
        waiting: deque[Job[Given, Made]] = deque()
        for one in given:
            waiting.append(self.submit(one))
            if len(waiting) > ahead:
                yield waiting.popleft()
        yield from waiting

    def _leave_behind(self, job: Job[Given, Made]) -> None:
        job.left_behind = True
        if job.thread in self.alive:
            self.alive.remove(job.thread)
        self._start_thread()

    def _start_thread(self) -> None:
        thread = Thread(target=self._run, daemon=True)
        self.alive.append(thread)
        thread.start()

    def _run(self) -> None:
        while job := self.jobs.get():
            job.thread, job.began = current_thread(), time.monotonic()
            try:
                made = self.work(job.given)
            except BaseException as error:
                job.set_exception(error)
            else:
                job.set_result(made)
            if job.left_behind:
                return
