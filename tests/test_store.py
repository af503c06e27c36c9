"""What is kept from run to run: nothing is embedded twice, and nothing that is damaged is believed."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawing import draw
from fieldguide.backbones import load_backbone
from fieldguide.embedding import EmbeddingTable, embed, open_cache
from fieldguide.embedding.cache import embeddings as module
from fieldguide.embedding.cache import rows
from fieldguide.embedding.cache.parts import BrokenPartError, parts_in, read_part, write_part
from fieldguide.embedding.cache.rows import KeyedRows, as_keys
from fieldguide.records import read_queries


class CountingEngine:
    """An engine that notes how many pictures it was shown, and embeds each as the means of bands of its pixels."""

    cache_key = "counting"
    batch = 4

    def __init__(self) -> None:
        self.calls: list[int] = []  # appended to by several threads at once, which a sum would not survive

    @property
    def shown(self) -> int:
        return sum(self.calls)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        assert len(pictures) == self.batch
        self.calls.append(int(pictures.any(axis=(1, 2, 3)).sum()))  # the rest of a last batch shows nothing
        return np.tile(pictures.reshape(self.batch, 64, -1).mean(2, dtype=np.float32), (1, 20))


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "embeddings"


@pytest.fixture
def settled(monkeypatch):
    """Files are old enough at once for their times to be trusted."""
    monkeypatch.setattr(module, "TICK_NS", 0)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten pictures."""
    (tmp_path / "pictures").mkdir()
    for number in range(10):
        draw("noise", number).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path / "pictures"


def embedded(folder: Path, *, keep: bool = True) -> tuple[EmbeddingTable, int]:
    """The embeddings of a folder, and how many pictures were embedded for them."""
    engine, backbone = CountingEngine(), load_backbone("efficientnet-lite0")
    known = open_cache(backbone, engine) if keep else None
    return embed(read_queries(folder), backbone, engine=engine, cache=known, show=False), engine.shown


def same(one: EmbeddingTable, other: EmbeddingTable) -> bool:
    return one.matrix.tobytes() == other.matrix.tobytes() and one.rows == other.rows


def test_nothing_is_embedded_twice(folder, cache, settled):
    first, shown = embedded(folder)
    assert shown == 10
    again, shown = embedded(folder)
    assert shown == 0
    assert same(first, again)
    assert same(first, embedded(folder, keep=False)[0])


def test_a_second_run_does_not_even_open_the_pictures(folder, cache, settled, monkeypatch):
    first, _ = embedded(folder)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened a picture"))
    assert same(first, embedded(folder)[0])


def test_a_renamed_folder_and_copies_are_known_by_what_is_in_them(folder, cache, settled):
    first, _ = embedded(folder)
    folder = folder.rename(folder.with_name("renamed"))
    shutil.copy(folder / "3.png", folder / "copy.png")
    again, shown = embedded(folder)
    assert shown == 0
    assert again.rows[:10] == first.rows
    assert again.matrix[:10].tobytes() == first.matrix.tobytes()
    assert (again.matrix[10] == first.matrix[3]).all()


def test_of_ten_new_pictures_only_these_are_embedded(folder, cache, settled):
    embedded(folder)
    for number in range(10):
        draw("dots", number).save(folder / f"new-{number}.png")
    everything, shown = embedded(folder)
    assert shown == 10
    assert same(everything, embedded(folder, keep=False)[0])


def test_a_picture_that_changed_is_embedded_again(folder, cache, settled):
    embedded(folder)
    draw("rings").save(folder / "0.png")
    again, shown = embedded(folder)
    assert shown == 1
    assert same(again, embedded(folder, keep=False)[0])


def test_a_change_within_a_tick_of_the_clock_is_seen(folder, cache, tmp_path):
    """Same path, size, inode and times: what was written last may be too young for these to say anything."""
    before = (folder / "0.png").stat()
    first, _ = embedded(folder)
    assert parts_in(cache / "files") == []  # nothing is known of files as young as these
    content = (folder / "1.png").read_bytes()
    with (folder / "0.png").open("r+b") as file:
        file.write(content[: before.st_size].ljust(before.st_size, b"\0"))
    os.utime(folder / "0.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    again, _ = embedded(folder)
    assert not same(first, again)
    assert same(again, embedded(folder, keep=False)[0])


def test_pictures_too_young_for_their_times_are_kept_by_their_content(folder, cache, monkeypatch):
    monkeypatch.setattr(module, "TICK_NS", 10**15)
    embedded(folder)
    assert embedded(folder)[1] == 0


def test_a_picture_that_changes_while_it_is_read_is_not_kept(folder, cache, settled, monkeypatch):
    from fieldguide.embedding import pipeline

    def decode_slowly(file, shortest, region):
        draw("rings", int(file.name if isinstance(file.name, str) else 0)).save(folder / "0.png")
        return real(file, shortest, region)

    real = pipeline.decode
    for path in folder.glob("[1-9].png"):
        path.unlink()
    monkeypatch.setattr(pipeline, "decode", decode_slowly)
    embedded(folder)
    monkeypatch.setattr(pipeline, "decode", real)
    again, shown = embedded(folder)
    assert shown == 1
    assert same(again, embedded(folder, keep=False)[0])


def test_the_unreadable_are_tried_again(folder, cache, settled):
    picture = (folder / "0.png").read_bytes()
    (folder / "0.png").write_text("not yet a picture")
    assert embedded(folder)[0].rows == list(range(1, 10))
    (folder / "0.png").write_bytes(picture)
    again, shown = embedded(folder)
    assert (again.rows, shown) == (list(range(10)), 1)


def test_what_another_engine_or_backbone_made_is_not_taken(folder, cache, settled, monkeypatch):
    embedded(folder)
    monkeypatch.setattr(CountingEngine, "cache_key", "counting-int8")
    assert embedded(folder)[1] == 10
    monkeypatch.undo()
    monkeypatch.setattr(module, "DECODING", "d0")
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(cache.parent))
    assert embedded(folder)[1] == 10


def test_other_tools_read_what_is_kept(folder, cache, settled):
    first, _ = embedded(folder)
    (part,) = parts_in(next(cache.glob("efficientnet-lite0-*")))
    table = pq.read_table(part)
    assert table.column_names == ["content", "embedding"]
    kept = np.array(table["embedding"].to_pylist(), np.float32)
    assert sorted(map(bytes, kept)) == sorted(map(bytes, first.matrix))


# --- damage --------------------------------------------------------------------------------------------------------


def spoil(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("damage", ["emptied", "cut", "a bit", "text"])
@pytest.mark.parametrize("which", ["files", "efficientnet-lite0-*"])
def test_a_damaged_part_is_passed_over_with_a_warning_and_made_again(which, damage, folder, cache, settled, caplog):
    first, _ = embedded(folder)
    (part,) = cache.glob(f"{which}/*.parquet")
    size = part.stat().st_size
    if damage == "emptied":
        part.write_bytes(b"")
    elif damage == "cut":
        os.truncate(part, size // 2)
    elif damage == "text":
        part.write_text("no Parquet")
    else:
        spoil(part, size // 2)
    assert same(first, embedded(folder)[0])
    assert [record.message for record in caplog.records] == [
        f"{part} is damaged and passed over: what it held is made again"
    ]
    again, shown = embedded(folder)
    assert shown == 0
    assert same(first, again)
    assert len(caplog.records) == 1


@given(place=st.integers(0, 10_000))
def test_no_part_with_a_wrong_byte_is_ever_read(place, tmp_path_factory):
    folder = tmp_path_factory.mktemp("part")
    columns = {"content": np.arange(160, dtype=np.uint8).reshape(10, 16), "embedding": np.eye(10, dtype=np.float32)}
    path = write_part(folder, columns)
    read = read_part(path)
    assert all((read[name] == column).all() for name, column in columns.items())
    spoil(path, place)
    with pytest.raises(BrokenPartError):
        read_part(path)
    # the index reads keys on trust; at worst it finds a key that is not there
    known = KeyedRows(folder, "content", "embedding", 10, np.float32)
    into = np.full((10, 10), 7, np.float32)
    assert known.load(as_keys(columns["content"]), into, np.arange(10)).tolist() == list(range(10))
    assert (into == 7).all()


def test_parts_that_vanish_while_they_are_used_are_made_again(folder, cache, settled):
    """As when another run puts small parts together, or the user clears the cache."""
    first, _ = embedded(folder)
    engine, backbone = CountingEngine(), load_backbone("efficientnet-lite0")
    opened = open_cache(backbone, engine)
    shutil.rmtree(cache)
    assert same(first, embed(read_queries(folder), backbone, engine=engine, cache=opened, show=False))
    assert embedded(folder)[1] == 0


# --- many parts, many runs -----------------------------------------------------------------------------------------


def numbered(numbers: range) -> dict[str, np.ndarray]:
    keys = np.array([np.frombuffer(number.to_bytes(16, "big"), np.uint8) for number in numbers])
    return {"content": keys, "embedding": np.array([[number] * 3 for number in numbers], np.float32)}


def test_small_parts_are_put_together_and_no_row_is_lost(tmp_path):
    for number in range(rows.MANY_PARTS + 3):
        write_part(tmp_path, numbered(range(number * 5, number * 5 + 7)))  # two rows of each part are in the next too
    (tmp_path / ".writing-left-by-a-killed-run").touch()
    os.utime(tmp_path / ".writing-left-by-a-killed-run", (0, 0))
    expected = numbered(range((rows.MANY_PARTS + 2) * 5 + 7))
    for _ in range(2):
        known = KeyedRows(tmp_path, "content", "embedding", 3, np.float32)
        into = np.zeros_like(expected["embedding"])
        assert len(known.load(as_keys(expected["content"]), into, np.arange(len(into)))) == 0
        assert (into == expected["embedding"]).all()
    (merged,) = tmp_path.iterdir()
    assert pq.read_metadata(merged).num_rows == len(into)


def test_parts_do_not_grow_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "PART_BYTES", 3000)
    for number in range(rows.MANY_PARTS + 8):
        write_part(tmp_path, numbered(range(number, number + 1)))
    known = KeyedRows(tmp_path, "content", "embedding", 3, np.float32)
    assert 1 < len(parts_in(tmp_path)) < rows.MANY_PARTS + 8
    assert len(known.keys) == rows.MANY_PARTS + 8


def test_runs_at_once_lose_nothing(tmp_path, monkeypatch):
    """Eight write, read and put together at the same time."""
    monkeypatch.setattr(rows, "MANY_PARTS", 4)
    failed = []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 30):
                known = KeyedRows(tmp_path, "content", "embedding", 3, np.float32)
                one = numbered(range(number, number + 1))
                known.add(one["content"].tobytes(), one["embedding"][0])
                known.flush()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(30 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    expected = numbered(range(240))
    into = np.zeros_like(expected["embedding"])
    known = KeyedRows(tmp_path, "content", "embedding", 3, np.float32)
    assert known.load(as_keys(expected["content"]), into, np.arange(240)).tolist() == []
    assert (into == expected["embedding"]).all()
    assert not list(tmp_path.glob(".writing-*"))


# --- no place to keep ----------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_once_and_stops_nothing(folder, cache, settled, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rows, "SECONDS_AT_RISK", 0)
    known = open_cache(load_backbone("efficientnet-lite0"), CountingEngine())
    monkeypatch.setattr(rows, "write_part", full)
    result = embed(
        read_queries(folder), load_backbone("efficientnet-lite0"), engine=CountingEngine(), cache=known, show=False
    )
    monkeypatch.undo()
    assert same(result, embedded(folder, keep=False)[0])
    (record,) = caplog.records
    assert "cache cannot be written to (No space left on device): going on without a cache" in record.message


def test_a_cache_folder_that_is_a_file_stops_nothing(folder, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path / "file"))
    result, shown = embedded(folder)
    assert shown == 10
    assert same(result, embedded(folder, keep=False)[0])
    (record,) = caplog.records
    assert "file cannot be written to (Not a directory): going on without a cache" in record.message


# --- the command line ----------------------------------------------------------------------------------------------


def test_identify_keeps_its_embeddings_unless_told_not_to(few, done, cache, tmp_path, monkeypatch):
    words = (
        "identify",
        few.gallery,
        few.queries,
        "-o",
        tmp_path / "a.csv",
        "--recipe",
        "cosine",
        "--distractors",
        "none",
    )
    done(*words, "--no-cache")
    assert not cache.exists()
    done(*words)
    answers = (tmp_path / "a.csv").read_bytes()
    assert sum(pq.read_metadata(part).num_rows for part in cache.glob("efficientnet-*/*")) == 15

    from fieldguide.engines.openvino import OpenVinoEngine

    monkeypatch.setattr(OpenVinoEngine, "__call__", lambda *_: pytest.fail("embedded again"))
    done(*words)
    assert (tmp_path / "a.csv").read_bytes() == answers


def test_cache_info_and_prune(folder, cache, settled, done, refused):
    embedded(folder)
    lines = done("cache", "info").out.splitlines()
    assert lines[0] == str(cache.parent)
    assert [line.split()[2].split("-")[0] for line in lines[1:]] == [
        "embeddings/efficientnet",
        "embeddings/files",
        "in",
    ]
    assert lines[1].startswith("    0.1 MB  ")

    assert "nothing is removed without --older-than DAYS or --max-size GB" in refused("cache", "prune")
    assert done("cache", "prune", "--older-than", "30", "--max-size", "1").out == "removed 0.0 MB\n"
    (part,) = cache.glob("efficientnet-*/*.parquet")
    os.utime(part, (0, 0))
    embedded(folder)  # of use: no longer the oldest
    assert done("cache", "prune", "--older-than", "30").out == "removed 0.0 MB\n"
    os.utime(part, (0, 0))
    assert done("cache", "prune", "--older-than", "30").out == "removed 0.1 MB\n"
    assert embedded(folder)[1] == 10
    done("cache", "prune", "--max-size", "0")
    assert done("cache", "info").out.splitlines()[1:] == ["    0.0 MB  in all"]
