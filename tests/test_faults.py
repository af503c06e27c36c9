"""Nothing stops it: bad files of every kind, runs that are killed, and the user's Ctrl-C."""

import csv
import io
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import read_csv
from drawing import KINDS, draw
from fieldguide.backbones import load_backbone
from fieldguide.embedding import embed, pipeline
from fieldguide.embedding.embedder import Embedder
from fieldguide.embedding.workers import Workers
from fieldguide.images import decoding as pictures
from fieldguide.images import turns
from fieldguide.images.decoding import UnreadableError, open_rgb
from fieldguide.images.turns import Turn
from fieldguide.records import ImageTable, read_queries


class BandEngine:
    """An engine as fast as can be: the means of bands of a picture's pixels."""

    cache_key = "bands"
    batch = 2

    def __call__(self, squares: np.ndarray) -> np.ndarray:
        return np.tile(squares.reshape(len(squares), 64, -1).mean(2, dtype=np.float32), (1, 20))


# --- a folder of everything that is bad ----------------------------------------------------------------------------


def png(width: int, height: int, content: bytes = b"", colour: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def palette() -> Image.Image:
    picture = draw("dots").quantize(8)
    picture.info["transparency"] = 1
    return picture


def deep() -> Image.Image:
    return Image.fromarray(np.asarray(draw("rings").convert("L")).astype(np.uint16) * 257)


PHOTO = draw("noise")
ODD_BUT_GOOD = {
    "one pixel.png": encoded(PHOTO.resize((1, 1)), "png"),
    "strip.png": encoded(PHOTO.resize((1, 30_000)), "png"),
    "lying strip.jpg": encoded(PHOTO.resize((30_000, 1)), "jpeg"),
    "cmyk.jpg": encoded(PHOTO.convert("CMYK"), "jpeg"),
    "16 bits.png": encoded(deep(), "png"),
    "palette with transparency.png": encoded(palette(), "png"),
    "animated.gif": encoded(PHOTO, "gif", save_all=True, append_images=[draw("dots"), draw("rings")]),
    "animated.webp": encoded(PHOTO, "webp", save_all=True, append_images=[draw("dots")]),
    "broken exif.jpg": encoded(PHOTO, "jpeg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f rubbish"),
    "broken profile.jpg": encoded(PHOTO, "jpeg", icc_profile=b"no profile" * 20),
    "broken profile.png": encoded(PHOTO, "png", icc_profile=b"\xff" * 300),
    "a PNG by content.jpg": encoded(PHOTO, "png"),
    "line\nend.png": encoded(PHOTO, "png"),
    " spaces  .png": encoded(PHOTO, "png"),
    os.fsdecode(b"caf\xe9.png"): encoded(PHOTO, "png"),
    "-o.png": encoded(PHOTO, "png"),
}
BAD = {
    "cut.jpg": (encoded(PHOTO, "jpeg")[:900], "truncated"),
    "cut.png": (encoded(PHOTO, "png")[:900], "truncated"),
    "empty.jpg": (b"", "an empty file"),
    "text.jpg": (b"this is no picture", "not a picture in a known format"),
    "bomb.png": (
        png(30_000, 30_000, bytes(100)),
        "more than 179 megapixels, the limit unless FIELDGUIDE_MAX_MEGAPIXELS",
    ),
    "postscript.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not a picture in a known"),
    "no pixels.png": (png(0, 0), None),
}


def bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


ODD_FILES = {
    "pipe.png": (os.mkfifo, "a pipe, socket or device, not a file"),
    "circle.png": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "nowhere.png": (lambda path: path.symlink_to("nothing"), "no such file"),
    "device.png": (lambda path: path.symlink_to("/dev/zero"), "a pipe, socket or device, not a file"),
    "socket.png": (bind, "a pipe, socket or device, not a file"),
}


@pytest.fixture
def odd_folder(tmp_path) -> Path:
    """Good pictures, odd ones, bad ones, and what is no file."""
    folder = tmp_path / "everything"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "round").symlink_to(folder)
    for kind in KINDS:
        draw(kind).save(folder / "inside" / f"{kind}.jpg")
    for name, content in ODD_BUT_GOOD.items():
        (folder / name).write_bytes(content)
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    for name, (make, _) in ODD_FILES.items():
        make(folder / name)
    return folder


def test_among_all_bad_files_every_good_one_is_answered_and_every_bad_one_named(odd_folder, few, done, tmp_path):
    outcome = done(
        "identify", few.gallery, odd_folder, "-o", tmp_path / "a.csv", "--distractors", "none", "--recipe", "cosine"
    )
    wrong = {
        **{name: reason for name, (_, reason) in BAD.items()},
        **{name: why for name, (_, why) in ODD_FILES.items()},
    }
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        answers = dict(list(csv.reader(file))[1:])
    assert answers.keys() == {*ODD_BUT_GOOD, *wrong, *(f"inside/{kind}.jpg" for kind in KINDS)}
    assert {name for name, labels in answers.items() if labels == "-1"} == wrong.keys()

    _, *rows = read_csv(tmp_path / "a.unreadable.csv")
    reasons = {image: reason for image, _, reason in rows}
    assert reasons.keys() == wrong.keys()
    for name, reason in wrong.items():
        assert reasons[name].strip()
        assert reason is None or reason in reasons[name], name
    assert f"{len(wrong)} pictures could not be read and are listed in" in outcome.err
    sums = f"{len(answers)} queries: {len(answers) - len(wrong)} identified, 0 unknown, {len(wrong)} unreadable"
    assert sums in outcome.out


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "P", "I;16", "L", "1"])
def test_large_pictures_shrink_band_by_band_to_what_they_would_be(kind, tmp_path, monkeypatch):
    picture = deep() if kind == "I;16" else palette() if kind == "P" else draw("rings").convert(kind)
    if kind == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture = picture.resize((640, 900), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.png", exif=exif)
    whole = open_rgb(tmp_path / "a.png").reduce(3)
    monkeypatch.setattr(pictures, "LARGE", 1000)
    monkeypatch.setattr(pictures, "BAND", 7000)
    small = open_rgb(tmp_path / "a.png", 200)
    assert small.size == (300, 214) == whole.size
    assert np.abs(np.asarray(small).astype(int) - np.asarray(whole)).max() <= 3


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_a_picture_of_100_megapixels_does_not_fill_memory(tmp_path):
    """The peak of a process that decodes it, over one with a small picture. Pillow's own copy has 4 bytes a pixel."""
    Image.new("RGB", (10_000, 10_000), "red").save(tmp_path / "large.png", compress_level=1)
    Image.new("RGB", (10_000, 10_000), "red").save(tmp_path / "large.jpg")
    Image.new("RGB", (9, 9)).save(tmp_path / "small.png")
    script = (
        "import sys\nfrom pathlib import Path\nfrom fieldguide.images.decoding import open_rgb\n"
        "picture = open_rgb(Path(sys.argv[1]), 512)\n"
        "status = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "print(int(status['VmHWM'].split()[0]) // 1024)"  # getrusage's peak would be that of the tests' own process
    )
    peak = {
        name: int(
            subprocess.run([sys.executable, "-c", script, tmp_path / name], capture_output=True, check=True).stdout
        )
        for name in ("small.png", "large.png", "large.jpg")
    }
    assert peak["large.png"] - peak["small.png"] < 450
    assert peak["large.jpg"] - peak["small.png"] < 60


# --- a decoder that never ends -------------------------------------------------------------------------------------


def patience_is_over() -> None:
    """Set back the time at which this thread began what it works on: nobody has to wait."""
    turns._here.work.began -= 1e9


def test_a_picture_that_is_never_decoded_is_reported_and_the_others_go_on(tmp_path, monkeypatch):
    names = [f"{number}.png" for number in range(12)]
    for number, name in enumerate(names):
        draw("noise", number).save(tmp_path / name)
    stuck = {(tmp_path / names[number]).stat().st_ino for number in (1, 2, 3, 8)}
    over = threading.Event()

    def decode(file, shortest, region):
        if os.fstat(file.fileno()).st_ino in stuck:
            patience_is_over()
            over.wait()
        return real(file, shortest, region)

    real = pipeline.decode
    monkeypatch.setattr(pipeline, "decode", decode)
    backbone = load_backbone("efficientnet-lite0")
    result = embed(read_queries(tmp_path), backbone, engine=BandEngine(), show=False)
    over.set()
    reasons = {read_queries(tmp_path).images[row]: reason for row, reason in result.unreadable.items()}
    assert reasons == dict.fromkeys(["1.png", "2.png", "3.png", "8.png"], "not decoded within 60 seconds")


HANGING = """
import os, sys, threading
from fieldguide.cli import main
from fieldguide.embedding import pipeline
from fieldguide.images import turns

def decode(file, shortest, region):
    if os.path.samestat(os.fstat(file.fileno()), hanging):
        turns._here.work.began -= 1e9  # so that nobody has to wait
        threading.Event().wait()
    return real(file, shortest, region)

hanging, real, pipeline.decode = os.stat(sys.argv.pop()), pipeline.decode, decode
main()
"""


def test_a_run_with_a_jpeg_that_is_never_decoded_ends(tmp_path):
    """Threads decode JPEGs; the one that is left behind does not keep the process."""
    (tmp_path / "pictures").mkdir()
    for number in range(5):
        draw("dots", number).save(tmp_path / "pictures" / f"{number}.jpg")
    words = "embed", tmp_path / "pictures", "-o", tmp_path / "e.npz", "--no-cache", tmp_path / "pictures" / "3.jpg"
    result = subprocess.run([sys.executable, "-c", HANGING, *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(np.load(tmp_path / "e.npz")["embedding"]) == 4
    assert read_csv(tmp_path / "e.unreadable.csv")[1:] == [["3.jpg", "queries", "not decoded within 60 seconds"]]


def test_an_error_in_a_thread_is_raised_where_it_is_waited_for():
    with pytest.raises(ZeroDivisionError), Workers(lambda number: 1 // number, 2) as workers:
        jobs = workers.in_order([1, 1, 0, 1], ahead=2)
        assert [workers.result(job) for job in jobs] == []


def test_one_that_hangs_with_the_turn_takes_no_other_with_it():
    turn, hang, has_it, asks = Turn(), threading.Event(), threading.Event(), threading.Event()

    def work(number: int) -> int:
        if number == 2:
            has_it.wait()  # so that the first asked for waits for the turn of a later one
            asks.set()
        with turn:
            if number == 1:
                has_it.set()
                asks.wait()
                while jobs[0].began < float("inf"):  # until it waits for the turn
                    time.sleep(0.001)
                patience_is_over()
                hang.wait()
        return number

    results: list[int | str] = []
    with Workers(work, 2, patience=60.0) as workers:
        jobs = [workers.submit(number) for number in [2, 1, 3, 4]]
        for job in jobs:
            try:
                results.append(workers.result(job))
            except TimeoutError:
                results.append("too long")
    hang.set()
    assert results == [2, "too long", 3, 4]


# --- any bytes at all ----------------------------------------------------------------------------------------------

SOUND = [
    encoded(draw("dots").resize((40, 30)), kind, **options)
    for kind, options in [
        ("jpeg", {}),
        ("jpeg", {"progressive": True, "quality": 30}),
        ("png", {}),
        ("webp", {}),
        ("webp", {"lossless": True}),
        ("gif", {"save_all": True, "append_images": [draw("rings").resize((40, 30))]}),
    ]
] + [encoded(palette().resize((30, 20)), "png"), encoded(deep().resize((30, 20)), "png")]


@st.composite
def spoilt(draw_from: st.DrawFn) -> bytes:
    """A sound picture with some bytes changed, taken out or put in, or its end missing."""
    content = bytearray(draw_from(st.sampled_from(SOUND)))
    for _ in range(draw_from(st.integers(1, 6))):
        place = draw_from(st.integers(0, len(content)))
        if draw_from(st.booleans()):
            place %= 64  # where the header is
        length = draw_from(st.integers(0, 8))
        content[place : place + length] = draw_from(st.binary(max_size=8))
    if draw_from(st.integers(0, 5)) == 0:
        del content[draw_from(st.integers(0, len(content))) :]
    return bytes(content)


def check_spoilt(content: bytes, folder: Path) -> None:
    path = folder / "spoilt.jpg"
    path.write_bytes(content)
    result = embed(
        ImageTable(["spoilt.jpg"], [path]), load_backbone("efficientnet-lite0"), engine=BandEngine(), show=False
    )
    assert len(result.rows) + len(result.unreadable) == 1
    for reason in result.unreadable.values():
        assert reason.strip()
        assert "\n" not in reason
        assert "not decoded within" not in reason


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=500, suppress_health_check=SLOW)
@given(content=spoilt())
def test_any_bytes_are_a_picture_or_have_a_reason(content, tmp_path_factory):
    check_spoilt(content, tmp_path_factory.getbasetemp())


@pytest.mark.long
@settings(max_examples=10_000, suppress_health_check=SLOW, derandomize=False)
@given(content=spoilt())
def test_any_bytes_are_a_picture_or_have_a_reason_at_length(content, tmp_path_factory):
    check_spoilt(content, tmp_path_factory.getbasetemp())


# --- killed, stopped, and what is left behind ----------------------------------------------------------------------

# `fieldguide embed` with another engine, so that a test takes seconds: as slow as it is told, and often on disk
SLOWED = """
import sys, time
import numpy as np
from fieldguide.cli import main
from fieldguide import engines
from fieldguide.embedding.cache import rows

class Slow:
    cache_key, batch, calls = "slow", 2, 0
    def __call__(self, squares):
        self.calls += 1
        time.sleep({seconds} if self.calls <= {before_it_hangs} else 86_400)
        return np.tile(squares.reshape(2, 64, -1).mean(2, dtype=np.float32), (1, 20))

engines.ENGINES["torch"] = engines.EngineInfo(lambda *_: Slow(), [], "", ["float32"])
rows.SECONDS_AT_RISK = 0.1
sys.argv = ["fieldguide", *sys.argv[1:]]
main()
"""


def start(
    folder: Path, output: Path, cache: Path, seconds: float = 0.02, before_it_hangs: int = 1000, **more: str
) -> subprocess.Popen[str]:
    words = "embed", folder, "--engine", "torch", "-o", output
    return subprocess.Popen(
        [sys.executable, "-c", SLOWED.format(seconds=seconds, before_it_hangs=before_it_hangs), *map(str, words)],
        env={**os.environ, "FIELDGUIDE_CACHE": str(cache), **more},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def sixty(tmp_path_factory) -> Path:
    """Sixty pictures and a bad one."""
    folder = tmp_path_factory.mktemp("sixty")
    for number in range(60):
        draw(KINDS[number % len(KINDS)], number).save(folder / f"{number:02}.png")
    (folder / "bad.png").touch()
    return folder


def check_killed(kills: int, sixty: Path, folder: Path) -> None:
    """Kill runs at random moments; the one that is left to end writes what an unbroken one does, byte for byte."""
    unbroken = start(sixty, folder / "unbroken.parquet", folder / "other cache")
    assert unbroken.wait() == 0, unbroken.communicate()
    rng = random.Random(0)
    killed = 0
    kept = folder / "cache" / "embeddings"
    while killed < kills:
        run = start(sixty, folder / "killed.parquet", folder / "cache")
        if rng.random() < 0.8:  # else at any moment, from the start of Python on
            while not list(kept.glob("*/*")) and run.poll() is None:
                time.sleep(0.01)
        time.sleep(rng.uniform(0, 1.5))
        run.kill()
        killed += run.wait() == -signal.SIGKILL
        if (folder / "killed.parquet").exists():  # it was done: begin anew
            assert (folder / "killed.parquet").read_bytes() == (folder / "unbroken.parquet").read_bytes()
            (folder / "killed.parquet").unlink()
            for part in kept.glob("*/*"):
                part.unlink()
    last = start(sixty, folder / "killed.parquet", folder / "cache")
    _, err = last.communicate()
    assert last.returncode == 0
    assert "damaged" not in err
    assert (folder / "killed.parquet").read_bytes() == (folder / "unbroken.parquet").read_bytes()


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(sixty, tmp_path):
    check_killed(3, sixty, tmp_path)


@pytest.mark.long
def test_a_run_that_was_killed_twenty_times_goes_on_to_the_same_bytes(sixty, tmp_path):
    check_killed(20, sixty, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_at_once_with_what_is_done_kept(number, sixty, tmp_path):
    """What is at work would take a day: nothing waits for it."""
    run = start(sixty, tmp_path / "e.parquet", tmp_path / "cache", seconds=0.1, before_it_hangs=10)
    kept = tmp_path / "cache" / "embeddings"
    while not list(kept.glob("efficientnet*/*.parquet")):
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
    run.send_signal(number)
    _, err = run.communicate()
    assert run.returncode == 128 + number
    assert err.splitlines()[-1] == (
        "fieldguide: stopped; what is embedded is kept, the same command goes on from there"
    )
    assert "Traceback" not in err
    again = start(sixty, tmp_path / "e.parquet", tmp_path / "cache", seconds=0)
    _, err = again.communicate()
    assert again.returncode == 0
    assert "known)" in err


def test_ctrl_c_ends_what_does_not_listen():
    """As a library does that computes for long in C."""
    script = (
        "import os, signal, threading, time\nfrom fieldguide.cli.stopping import stoppable\n"
        "with stoppable():\n"
        "    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    while True:\n"
        "        try:\n            time.sleep(1)\n        except BaseException:\n            pass\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 130
    assert result.stderr.splitlines() == [
        "fieldguide: stopped; what is embedded is kept, the same command goes on from there"
    ]


def test_the_limit_of_pixels_can_be_raised_and_lowered(tmp_path):
    (tmp_path / "large.png").write_bytes(encoded(Image.new("1", (2000, 1000)), "png"))
    for limit, said in ("1", "more than 1 megapixels"), ("2", "1 embeddings"), ("many", "a whole number of millions"):
        out, err = start(
            tmp_path / "large.png", tmp_path / "e.npz", tmp_path / limit, 0, FIELDGUIDE_MAX_MEGAPIXELS=limit
        ).communicate()
        assert said in out + err
        assert "Traceback" not in err


def test_two_runs_at_once_write_the_same(sixty, tmp_path):
    runs = [start(sixty, tmp_path / f"{number}.parquet", tmp_path / "cache") for number in range(2)]
    for run in runs:
        _, err = run.communicate()
        assert run.returncode == 0, err
        assert "damaged" not in err
    assert (tmp_path / "0.parquet").read_bytes() == (tmp_path / "1.parquet").read_bytes()


def test_a_folder_that_vanishes_is_said_in_a_line(few, tmp_path, refused, monkeypatch):
    folder = tmp_path / "queries"
    folder.mkdir()
    for number in range(3):
        draw("dots", number).save(folder / f"{number}.png")

    def vanish(file, shortest, region):
        with turn:  # threads decode side by side
            if folder.exists():
                folder.rename(tmp_path / "unplugged")
        return real(file, shortest, region)

    real, turn = pipeline.decode, threading.Lock()

    def embed_then_vanish(self, pictures, what):
        if what == "queries":
            monkeypatch.setattr(pipeline, "decode", vanish)
        return embed_pictures(self, pictures, what)

    embed_pictures = Embedder.embed
    monkeypatch.setattr(Embedder, "embed", embed_then_vanish)
    line = refused(
        "identify",
        few.gallery,
        folder,
        "-o",
        tmp_path / "a.csv",
        "--distractors",
        "none",
        "--recipe",
        "cosine",
        "--no-cache",
    )
    assert f"{folder} is no longer there: nothing is written, what was embedded is kept" in line
    assert not (tmp_path / "a.csv").exists()


def test_a_closed_folder_inside_another_is_passed_over_with_a_line(few, tmp_path, monkeypatch, caplog):
    (tmp_path / "pictures" / "private").mkdir(parents=True)
    draw("dots").save(tmp_path / "pictures" / "a.png")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert read_queries(tmp_path / "pictures").images == ["a.png"]
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / 'pictures' / 'private'} cannot be listed and is passed over: Permission denied"
    ]


def test_a_full_disk_under_the_answers_is_said_in_a_line(few, refused, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    import pyarrow.parquet as pq

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", full)
    assert "e.parquet cannot be written: No space left on device" in refused(
        "embed", few.queries, "-o", tmp_path / "e.parquet"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_picture_one_may_not_read_has_a_reason(tmp_path, monkeypatch):
    draw("dots").save(tmp_path / "a.png")

    def closed(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(UnreadableError, match=r"^Permission denied$"):
        open_rgb(tmp_path / "a.png")
