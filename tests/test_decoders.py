"""Decoders that hang or crash cost the one picture, in a process of their own that is gone afterwards."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from drawing import draw
from fieldguide.backbones import load_backbone
from fieldguide.embedding import decoders, embed
from fieldguide.images import decoding as pictures
from fieldguide.images.decoding import open_rgb
from fieldguide.records import ImageTable, read_queries


class BandEngine:
    key = "bands"
    batch = 2

    def __call__(self, squares: np.ndarray) -> np.ndarray:
        return np.tile(squares.reshape(len(squares), 64, -1).mean(2, dtype=np.float32), (1, 20))


# Imported by the child processes alone: a TIFF of some sizes does what a decoder with a fault does
FAULTY = """
import os, signal, sys, time
if any("decoders" in word for word in sys.orig_argv):
    from PIL import TiffImagePlugin
    real = TiffImagePlugin.TiffImageFile.load

    def load(self):
        if self.size == (9, 9):
            os.kill(os.getpid(), signal.SIGSEGV)
        while self.size == (8, 8):
            time.sleep(1)
        return real(self)

    TiffImagePlugin.TiffImageFile.load = load
"""


@pytest.fixture
def started(monkeypatch):
    """The child processes that were started, as they are started."""
    processes = []
    real = subprocess.Popen

    def popen(*words, **named):
        processes.append(real(*words, **named))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return processes


def embedded(folder):
    catalog = read_queries(folder)
    result = embed(catalog, load_backbone("efficientnet-lite0"), engine=BandEngine(), show=False)
    return result, {catalog.images[row]: reason for row, reason in result.unreadable.items()}


def test_hangs_and_crashes_cost_one_picture_each(tmp_path, monkeypatch, started):
    folder, code = tmp_path / "pictures", tmp_path / "code"
    folder.mkdir()
    code.mkdir()
    (code / "sitecustomize.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(code)

    def ask(process, path, region, patience):  # of the one that hangs alone, so that no other has to be quick
        return real(process, path, region, 1.0 if path.name == "02 hang.tif" else 600.0)

    real = decoders._Process.ask
    monkeypatch.setattr(decoders._Process, "ask", ask)
    for number in range(12):
        draw("dots", number).save(folder / f"{number:02}.{'png' if number % 3 else 'tif'}")
    for name, side in ("01 crash", 9), ("02 hang", 8), ("10 crash", 9):
        Image.new("RGB", (side, side)).save(folder / f"{name}.tif")
    result, reasons = embedded(folder)
    assert reasons == {
        "01 crash.tif": "its decoder crashed (SIGSEGV)",
        "02 hang.tif": "not decoded within 1 seconds",
        "10 crash.tif": "its decoder crashed (SIGSEGV)",
    }
    assert len(result.rows) == 12
    assert len(started) >= 3  # each of them took one with it
    assert all(process.returncode is not None for process in started)


def test_what_is_decoded_in_a_process_is_what_is_decoded_here(tmp_path, monkeypatch, started):
    monkeypatch.setattr(pictures, "LARGE", 2000)
    steps = load_backbone("efficientnet-lite0").preprocessing
    names = ["a.tif", "café\n.png", "b.avif"]
    for number, name in enumerate(names):
        draw("noise", number).save(tmp_path / name)
    catalog = ImageTable(names, [tmp_path / name for name in names])
    result = embed(catalog, load_backbone("efficientnet-lite0"), engine=BandEngine(), show=False)
    assert started
    monkeypatch.setattr(pictures, "LARGE", 10**9)
    here = np.array([steps(open_rgb(tmp_path / name, 448)) for name in names])
    assert (result.matrix == BandEngine()(here)).all()


def test_no_process_is_started_for_ordinary_pictures(tmp_path, started):
    for suffix in "jpg", "png", "webp", "gif", "bmp":
        draw("rings").save(tmp_path / f"a.{suffix}")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    _, reasons = embedded(tmp_path)
    assert list(reasons) == ["bad.png"]
    assert started == []


SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from fieldguide.records import read_queries
from fieldguide.backbones import load_backbone
from fieldguide.embedding import embed

class Engine:
    key, batch = "bands", 2
    def __call__(self, squares):
        return np.tile(squares.reshape(len(squares), 64, -1).mean(2, dtype=np.float32), (1, 20))

result = embed(read_queries(Path(sys.argv[1])), load_backbone("efficientnet-lite0"), engine=Engine(), show=False)
print(len(result.rows), "read")
"""


def test_a_script_that_calls_us_at_its_top_level_runs_once(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        draw("dots", number).save(tmp_path / "pictures" / f"{number}.tif")
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "json.py").write_text("raise SystemExit('run by a child process')")
    words = [sys.executable, "-P", tmp_path / "script.py", tmp_path / "pictures"]
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (result.stdout, result.returncode) == ("3 read\n", 0), result.stderr


def test_a_process_ends_when_nobody_asks_any_more():
    steps = load_backbone("efficientnet-lite0").preprocessing
    task = decoders.Decoders(steps, 448, 60.0).task
    process = decoders._Process(task)
    process.popen.stdin.write(process.first)
    process.popen.stdin.close()
    assert process.popen.wait(60) == 0
    process.kill()
