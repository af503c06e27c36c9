"""Where outputs go: into files, through links, to devices, pipes and stdout; and never over what is read."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from conftest import read_csv, write_csv
from drawing import draw
from fieldguide.core import files, machine

unix = pytest.mark.skipif(os.name == "nt", reason="no such files there")
COSINE = "--recipe", "cosine", "--distractors", "none"


@pytest.fixture
def given(tmp_path) -> Path:
    """A folder with a gallery and queries as embeddings, which need no network, and the truth."""
    rows = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    names = [f"{number}.png" for number in range(8)]
    gallery = {"image": names[:4], "label": ["a", "a", "b", "c"], "embedding": rows[:4]}
    np.savez(tmp_path / "g.npz", backbone="b", **gallery)
    np.savez(tmp_path / "q.npz", backbone="b", image=names[4:], embedding=rows[:4] + rows[4:] / 10)
    write_csv(tmp_path / "truth.csv", [("image", "label"), *zip(names[4:], "aabc", strict=True)])
    return tmp_path


@pytest.fixture
def words(given) -> list[object]:
    return ["identify", given / "g.npz", given / "q.npz", *COSINE]


@pytest.fixture
def expected(words, given, done) -> bytes:
    """The answers, as they are in a file."""
    done(*words, "-o", given / "expected.csv")
    content = (given / "expected.csv").read_bytes()
    (given / "expected.csv").unlink()
    return content


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# --- what is no plain file -------------------------------------------------------------------------------------------


def device(path: Path, minor: int) -> Path:
    """One of the test's own: whoever may make one may also lose the machine's."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
    except PermissionError:
        pytest.skip("only root can make a device")
    return path


@unix
def test_a_device_is_written_to_and_stays(words, given, done):
    null = device(given / "null", 3)
    done(*words, "-o", null)
    assert stat.S_ISCHR(null.lstat().st_mode)
    assert not (given / "null.unreadable.csv").exists()


@unix
def test_a_full_device_is_said_in_a_line(words, given, refused):
    full = device(given / "full", 7)
    assert f"{full} cannot be written: No space left on device" in refused(*words, "-o", full)
    assert stat.S_ISCHR(full.lstat().st_mode)


@unix
def test_a_link_is_followed_and_its_target_replaced_whole_or_made(words, given, done, expected):
    (given / "there").mkdir()
    (given / "there" / "old.csv").write_text("old")
    for target in "old.csv", "new.csv":
        link = given / f"link to {target}"
        link.with_suffix(".csv").symlink_to(Path("there", target))
        done(*words, "-o", link.with_suffix(".csv"))
        assert link.with_suffix(".csv").is_symlink()
        assert (given / "there" / target).read_bytes() == expected
    assert sorted(path.name for path in (given / "there").iterdir()) == ["new.csv", "old.csv"]


@unix
def test_links_in_a_circle_are_refused(words, given, refused):
    (given / "a.csv").symlink_to("b.csv")
    (given / "b.csv").symlink_to("a.csv")
    assert "a.csv cannot be written: it is a link that leads back to itself" in refused(*words, "-o", given / "a.csv")


def test_a_dash_is_standard_output_and_what_is_said_goes_to_stderr(words, given, done, expected, monkeypatch):
    monkeypatch.chdir(given)
    before = contents(given)
    outcome = done(*words, "-o", "-")
    assert outcome.out.encode() == expected
    assert "4 queries: 4 identified, 0 unknown" in outcome.err
    assert "answers: -" in outcome.err
    assert contents(given) == before


@unix
@pytest.mark.parametrize("place", ["-", "link.csv"])
def test_stdout_gets_answers_whatever_it_is_called_and_keeps_what_it_had(place, words, given, expected):
    (given / "link.csv").symlink_to("/dev/fd/1")
    (given / "all.csv").write_bytes(b"before\n")
    with (given / "all.csv").open("ab") as end:
        ran = subprocess.run(
            [sys.executable, "-m", "fieldguide", *map(str, words), "-o", place], stdout=end, cwd=given, check=False
        )
    assert ran.returncode == 0
    assert (given / "all.csv").read_bytes() == b"before\n" + expected


@unix
def test_standard_output_has_several_names():
    for place in "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
        assert files.descriptor(Path(place)) == 1
    assert files.descriptor(Path("/dev/null")) is None


@unix
def test_a_terminal_is_not_sent_what_it_cannot_show(words, refused, monkeypatch):
    monkeypatch.setattr("fieldguide.core.outputs.os.isatty", lambda number: True)
    line = refused(*words, "--details", "-")
    assert "- is a terminal, and details no text: name a file that ends in .parquet or .pq" in line


@unix
def test_a_named_pipe_is_written_to(words, given, done, expected):
    os.mkfifo(given / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((given / "pipe").read_bytes()), daemon=True)
    reader.start()
    done(*words, "-o", given / "pipe")
    reader.join(60)
    assert got == [expected]
    assert stat.S_ISFIFO((given / "pipe").lstat().st_mode)


@unix
def test_a_named_pipe_that_nothing_reads_is_said_and_not_waited_for_without_end(words, given, run, monkeypatch):
    os.mkfifo(given / "pipe")
    monkeypatch.setattr(files, "SECONDS_FOR_A_READER", 0.1)
    outcome = run(*words, "-o", given / "pipe")
    assert outcome.code == 2
    waiting, end = outcome.complaints
    assert "pipe is a pipe that nothing reads: waiting" in waiting
    assert end.endswith("pipe cannot be written: nothing reads from this pipe")


@unix
def test_pictures_that_cannot_be_read_are_counted_where_there_is_no_place_for_a_list(few, done, tmp_path):
    (tmp_path / "queries").mkdir()
    draw("dots").save(tmp_path / "queries" / "a.png")
    (tmp_path / "queries" / "bad.png").touch()
    outcome = done("identify", few.gallery, tmp_path / "queries", "-o", "-", *COSINE)
    assert "1 pictures could not be read and are not listed, as the output is no file: bad.png" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["queries"]


# --- endings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("-o", "a.parquet", "answers cannot be written in that format: name a file that ends in .csv, .tsv or .txt"),
        ("-o", "a.XLSX", "name a file that ends in .csv, .tsv or .txt"),
        ("-o", "a.csv.gz", "name a file that ends in .csv, .tsv or .txt"),
        ("--details", "d.csv", "details cannot be written in that format: name a file that ends in .parquet or .pq"),
        ("--details", "d", "name a file that ends in .parquet or .pq"),
        ("--report", "r.pdf", "a report cannot be written in that format: name a file that ends in .html or .htm"),
    ],
)
def test_an_ending_that_promises_another_format_is_refused(option, name, said, words, given, refused):
    before = contents(given)
    assert f"{given / name}: " in (line := refused(*words, "-o", given / "a.csv", option, given / name))
    assert said in line
    assert contents(given) == before


def test_a_board_is_json_lines(given, refused):
    line = refused("compare", given / "g.npz", given / "q.npz", "--board", given / "b.csv")
    assert "b.csv: a board cannot be written in that format" in line


def test_answers_with_tabs_are_read_again(words, given, done):
    done(*words, "-o", given / "a.tsv")
    assert (given / "a.tsv").read_text().splitlines()[0] == "image\tlabel"
    assert "mAP@5                1.0000" in done("evaluate", given / "a.tsv", given / "truth.csv").out


# --- nothing that is read is written over ----------------------------------------------------------------------------


def same_file(how: str, victim: Path, name: str) -> Path:
    """Another name for a file."""
    other = victim.with_name(name)
    {"link": other.symlink_to, "hard link": other.hardlink_to}[how](victim)
    return other


@unix
@pytest.mark.parametrize("how", ["link", "hard link"])
@pytest.mark.parametrize("option", ["-o", "--details", "--report"])
@pytest.mark.parametrize("victim", ["g.npz", "q.npz"])
def test_an_input_is_known_by_any_name(how, option, victim, words, given, refused):
    name = {"-o": "other.csv", "--details": "other.parquet", "--report": "other.html"}[option]
    other, before = same_file(how, given / victim, name), contents(given)
    line = refused(*words, "-o", given / "a.csv", option, other)
    assert f"{other} cannot be written: it would overwrite another file of this run, {given / victim}" in line
    assert contents(given) == before


@unix
@pytest.mark.parametrize("command", ["identify", "compare", "embed"])
def test_a_picture_of_a_table_is_not_overwritten(command, few, given, table, refused):
    picture = given / ("p" if command == "identify" else "p.jsonl" if command == "compare" else "p.npz")
    draw("dots").save(picture, format="png")
    before = picture.read_bytes()
    queries = table(given / "q.csv", [("image",), (picture.name,)])
    line = {
        "identify": lambda: refused("identify", few.gallery, queries, "-o", picture),
        "compare": lambda: refused("compare", few.gallery, queries, "--board", picture),
        "embed": lambda: refused("embed", queries, "-o", picture),
    }[command]()
    assert "it would overwrite another file of this run" in line or "not a line of a board" in line
    assert picture.read_bytes() == before


def test_embed_does_not_overwrite_its_table(few, given, table, refused):
    catalog = table(given / "t.parquet", [("image",), (str(few.queries / "0-dots.png"),)])
    before = catalog.read_bytes()
    assert "t.parquet cannot be written: it would overwrite" in refused("embed", catalog, "-o", catalog)
    assert catalog.read_bytes() == before


def test_embed_does_not_delete_the_list_it_reads(few, given, table, refused):
    rows = [("image", "part", "reason"), (str(few.queries / "0-dots.png"), "queries", "an empty file")]
    again = table(given / "x.unreadable.csv", rows)
    line = refused("embed", again, "-o", given / "x.parquet")
    assert "x.unreadable.csv cannot be written: it would overwrite another file of this run" in line
    assert read_csv(again) == [list(row) for row in rows]


def test_a_file_of_the_users_that_is_called_like_a_list_stays(words, given, refused):
    (given / "a.unreadable.csv").write_text("mine,all,mine\n")
    assert "a.unreadable.csv is in the way" in refused(*words, "-o", given / "a.csv")
    assert (given / "a.unreadable.csv").read_text() == "mine,all,mine\n"
    assert not (given / "a.csv").exists()


@unix
def test_a_board_is_no_other_name_of_an_input(given, few, refused):
    board = given / "board.jsonl"
    board.hardlink_to(few.truth_file)
    before = few.truth_file.read_bytes()
    line = refused("compare", few.gallery, few.queries, "--truth", few.truth_file, "--board", board)
    assert "board.jsonl cannot be written: it would overwrite another file of this run" in line
    assert few.truth_file.read_bytes() == before


def test_figures_do_not_go_among_the_pictures_that_are_read(few, given, refused):
    (given / "d.parquet").touch()
    for folder in few.queries, few.queries / "figures":
        line = refused("report", given / "d.parquet", few.gallery, few.queries, "--figures", folder)
        assert f"{folder}: figures may not go into a folder that is read, {few.queries}: name another" in line
    assert not (few.queries / "figures").exists()


@pytest.mark.parametrize("where", ["training", "notes"])
def test_a_training_takes_no_folder_of_the_users(where, few, given, refused):
    pytest.importorskip("accelerate")
    mine = given / "mine" / where / "best.pt"
    mine.parent.mkdir(parents=True)
    mine.write_text("weeks of work")
    line = refused("train", "metric", few.gallery, "-o", given / "mine")
    assert f"{given / 'mine'} holds something else: name a new or empty folder for the training" in line
    assert mine.read_text() == "weeks of work"


# --- permissions -----------------------------------------------------------------------------------------------------


@unix
def test_the_processs_umask_is_left_alone_and_the_files_permissions_kept(words, given, done, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("another thread may make a file just now"))
    done(*words, "-o", given / "a.csv")
    (given / "any").touch()
    assert (given / "a.csv").stat().st_mode == (given / "any").stat().st_mode
    (given / "a.csv").chmod(0o600)
    done(*words, "-o", given / "a.csv")
    assert stat.S_IMODE((given / "a.csv").stat().st_mode) == 0o600


# --- standard output -------------------------------------------------------------------------------------------------


@unix
@pytest.mark.parametrize("command", [["backbones"], ["identify", "-h"]])
def test_a_full_disk_under_stdout_is_said_in_a_line(command):
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "fieldguide", *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("fieldguide: ")
    assert line.endswith("cannot be written: No space left on device")


@unix
def test_a_reader_of_stdout_that_has_enough_is_no_error_to_speak_of():
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-m", "fieldguide", "backbones"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (ran.returncode, ran.stderr) == (1, "")


# --- no place for a cache --------------------------------------------------------------------------------------------


def cache_warnings(err: str) -> list[str]:
    return [line for line in err.splitlines() if "going on without a cache" in line]


@unix
@pytest.mark.parametrize("more", [[], ["--no-cache"]])
def test_without_a_home_work_goes_on_with_one_warning(more, few, done, tmp_path, monkeypatch):
    done("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *COSINE)
    import pwd

    def nobody(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in "HOME", "XDG_CACHE_HOME", "FIELDGUIDE_CACHE":
        monkeypatch.delenv(name, raising=False)
    machine.warn_of_cache.cache_clear()
    outcome = done("identify", few.gallery, few.queries, "-o", tmp_path / "b.csv", *COSINE, *more)
    (line,) = cache_warnings(outcome.err)
    assert "the home folder cannot be written to (there is none)" in line
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("more", [[], ["--no-cache"]])
def test_a_cache_folder_that_cannot_be_made_stops_nothing(more, few, done, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path / "file"))
    outcome = done("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *COSINE, *more)
    (line,) = cache_warnings(outcome.err)
    assert f"{tmp_path / 'file'} cannot be written to (Not a directory)" in line
    assert (tmp_path / "a.csv").exists()


# --- runs at once ----------------------------------------------------------------------------------------------------

AT_WORK = """
import os, sys
from pathlib import Path
from fieldguide.engines.converted import converted
from fieldguide.embedding.cache import parts

def convert(folder):
    (folder / "network").write_text("half")
    os.utime(folder.parent, (0, 0))  # a day and more ago
    print("converting", flush=True)
    sys.stdin.readline()
    (folder / "network").write_text("whole")


def lock(handle, lock=parts.lock):
    lock(handle)
    (scratch,) = parts_folder.glob(".writing-*")
    os.utime(scratch, (0, 0))
    print("writing", flush=True)
    sys.stdin.readline()
    os.utime(scratch, (0, 0))

parts_folder = Path(os.environ["FIELDGUIDE_CACHE"], "embeddings", "way")
parts.lock = lock
import numpy as np
if sys.argv[1] == "convert":
    print(Path(converted(sys.argv[2], convert=convert), "network").read_text())
else:
    print(parts.write_part(parts_folder, {"number": np.zeros((3, 2), np.float32)}).is_file())
"""


@unix
@pytest.mark.parametrize(("what", "said", "scratch"), [
    ("convert", "whole", "engines/.converting-*"), ("write", "True", "embeddings/way/.writing-*"),
])  # fmt: skip
def test_what_a_live_run_is_writing_is_not_removed_and_what_a_killed_one_left_is(
    what, said, scratch, done, tmp_path, monkeypatch
):
    from fieldguide.embedding.cache.parts import remove_scratch

    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path))

    def start(name: str) -> "subprocess.Popen[str]":
        run = subprocess.Popen(
            [sys.executable, "-c", AT_WORK, what, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert run.stdout is not None
        assert run.stdout.readline() in ("converting\n", "writing\n")
        return run

    live = start("one")
    assert done("cache", "prune", "--max-size", "0").out == "removed 0.0 MB\n"
    remove_scratch(tmp_path / "embeddings" / "way")  # as another run's compaction does
    assert len(list(tmp_path.glob(scratch))) == 1
    assert live.communicate("go on\n")[0] == f"{said}\n"
    assert live.returncode == 0

    killed = start("another")
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.glob(scratch))) == 1
    done("cache", "prune", "--max-size", "0")
    assert list(tmp_path.glob(scratch)) == []
