"""Processes that decode the pictures whose decoders may hang or crash; one that does is killed, and costs one picture.

They are plain child processes: those of `multiprocessing` would run the user's own script again.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, Lock, Thread, Timer
from types import TracebackType
from typing import IO, Any

import numpy as np

from fieldguide.core.arrays import Bytes
from fieldguide.images.decoding import CUT_SHORT, UnreadableError, decode, open_picture
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records.regions import Box, Region

Decoded = tuple[Bytes, bool]


class Decoders:
    """Child processes, started when they are needed, one for each thread that calls at the same time.

    Parameters
    ----------
    steps : what is done to a picture
    shortest : as in `decode`
    patience : seconds that a picture may take
    """

    def __init__(self, steps: Preprocessing, shortest: int, patience: float) -> None:
        self.task = {"steps": asdict(steps), "shortest": shortest, "patience": patience}
        self.patience = patience
        self._free: list[_Process] = []
        self._all: set[_Process] = set()
        self._lock = Lock()
        self._closed = False

    def __enter__(self) -> "Decoders":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            processes = list(self._all)
        for process in processes:
            process.kill()

    def __call__(self, path: Path, region: Region | None = None) -> Decoded:
        """Decode and preprocess a picture, or a region of it: its pixels, and whether it is cut short.

        Raises
        ------
        UnreadableError : it cannot be decoded, it takes too long, or its decoder crashes.
        """
        process = self._take()
        answered = False
        try:
            answer = process.ask(path, region, self.patience)
            answered = True
        finally:
            with self._lock:
                keep = answered and not self._closed
                if keep:
                    self._free.append(process)
                else:
                    self._all.discard(process)
            if not keep:
                process.kill()
        if isinstance(answer, str):
            raise UnreadableError(answer)
        return answer

    def _take(self) -> "_Process":
        with self._lock:
            if self._closed:
                raise UnreadableError("the run has ended")
            if self._free:
                return self._free.pop()
            try:
                process = _Process(self.task)
            except OSError as error:
                raise UnreadableError(f"no process can be started to decode it: {error.strerror}") from error
            self._all.add(process)
            return process


class _Process:
    """One of them, seen from outside."""

    def __init__(self, task: dict[str, object]) -> None:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],  # -P: nothing is imported from the folder one is in
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for us alone, and we end them
        )
        self.first = json.dumps(task).encode() + b"\n"

    def ask(self, path: Path, region: Region | None, patience: float) -> Decoded | str:
        """Give what came of a picture, or the reason why nothing did."""
        stdin, stdout = self.popen.stdin, self.popen.stdout
        assert stdin
        assert stdout
        late = Event()
        try:
            if self.first:
                with self._killed_after(patience, late):  # its start is not the picture's time
                    stdin.write(self.first)
                    stdin.flush()
                    stdout.readline()
                self.first = b""
            with self._killed_after(patience, late):
                stdin.write(_line_of(path, region))
                stdin.flush()
                return _read(stdout)
        except (EOFError, BrokenPipeError):
            code = self.popen.wait()
            reason = f"not decoded within {patience:.0f} seconds" if late.is_set() else f"its decoder {_end(code)}"
            raise UnreadableError(reason) from None

    @contextmanager
    def _killed_after(self, seconds: float, late: Event) -> Iterator[None]:
        def kill() -> None:
            late.set()
            self.popen.kill()

        timer = Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        for pipe in self.popen.stdin, self.popen.stdout:
            with suppress(OSError):
                if pipe:
                    pipe.close()


def _line_of(path: Path, region: Region | None) -> bytes:
    said: dict[str, object] = {"path": os.fsencode(path.absolute()).hex()}
    if region is not None:
        mask = None if region.mask is None else os.fsencode(region.mask.absolute()).hex()
        said["region"] = {**asdict(region), "mask": mask}
    return json.dumps(said).encode() + b"\n"


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"crashed ({signal.Signals(-code).name})"
    return f"crashed (signal {-code})"


def _read(stdout: IO[bytes]) -> Decoded | str:
    line = stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    answer = json.loads(line)
    if "reason" in answer:
        return str(answer["reason"])
    pixels = np.empty(answer["shape"], np.uint8)
    content = stdout.read(pixels.size)
    if len(content) < pixels.size:
        raise EOFError
    pixels.reshape(-1)[:] = np.frombuffer(content, np.uint8)
    return pixels, bool(answer["cut_short"])


# --- inside --------------------------------------------------------------------------------------------------------


def main() -> None:
    """Decode the pictures named on standard input until that is closed."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    task = json.loads(sys.stdin.buffer.readline())
    steps = Preprocessing(**task["steps"])
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    out.write(b"ready\n")
    out.flush()
    for line in sys.stdin.buffer:
        if hasattr(signal, "alarm"):  # should `_end_with` not come to its turn, a hang ends all the same
            signal.alarm(int(task["patience"]) + 5)
        wanted = json.loads(line)
        _answer(_path(wanted["path"]), _region(wanted.get("region")), steps, task["shortest"], out)
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _end_with(parent: int) -> None:
    """End when the parent is gone, whatever is at work."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _path(written: str) -> Path:
    return Path(os.fsdecode(bytes.fromhex(written)))


def _region(said: dict[str, Any] | None) -> Region | None:
    if said is None:
        return None
    box, mask = said["box"], said["mask"]
    return Region(None if box is None else Box(**box), None if mask is None else _path(mask), said["margin"])


def _answer(path: Path, region: Region | None, steps: Preprocessing, shortest: int, out: IO[bytes]) -> None:
    pixels = b""
    try:
        with open_picture(path) as file:
            picture = decode(file, shortest, region)
            square = np.ascontiguousarray(steps(picture))
        pixels = square.tobytes()
        said: dict[str, object] = {"shape": square.shape, "cut_short": picture.info[CUT_SHORT]}
    except UnreadableError as error:
        said = {"reason": str(error)}
    out.write(json.dumps(said).encode() + b"\n" + pixels)
    out.flush()


if __name__ == "__main__":
    main()
