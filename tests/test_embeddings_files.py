"""Embeddings in files: written by `fieldguide embed`, read by other tools, and taken in place of pictures."""

import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fieldguide
from drawing import draw
from fieldguide import EmbeddingTable
from fieldguide.backbones import fingerprint, load_backbone
from fieldguide.pipelines.report_data import read_report_data

PLAIN = "--recipe", "cosine", "--distractors", "none"  # these tests are not about recognizers


@pytest.fixture(scope="module", params=["parquet", "npz"])
def files(request, few, done, tmp_path_factory) -> tuple[Path, Path]:
    """Gallery and queries of the task, embedded."""
    folder = tmp_path_factory.mktemp("files")
    gallery, queries = folder / f"gallery.{request.param}", folder / f"queries.{request.param}"
    said = "gallery: 4 classes, 8 pictures (2 a class)", f"8 embeddings of 1,280 numbers: {gallery}"
    assert tuple(done("embed", few.gallery, "--gallery", "-o", gallery).out.splitlines()) == said
    done("embed", few.queries, "-o", queries)
    return gallery, queries


def test_answers_are_the_same_as_from_the_pictures(files, few, done, tmp_path):
    answers = []
    for gallery in few.gallery, files[0]:
        for queries in few.queries, files[1]:
            done("identify", gallery, queries, "-o", tmp_path / "a.csv", *PLAIN)
            answers.append((tmp_path / "a.csv").read_bytes())
    assert len(set(answers)) == 1
    assert len(answers[0].splitlines()) == 8


def test_the_library_takes_and_reads_them(files, few):
    labels = [row for _, row in fieldguide.identify(*files, recipe="cosine", distractors="none", show=False)]
    assert labels == [
        row for _, row in fieldguide.identify(few.gallery, few.queries, recipe="cosine", distractors="none", show=False)
    ]
    embedded = EmbeddingTable.read(files[0])
    assert embedded.names[0] == "checks/0.png"
    assert embedded.labels[0] == "checks"
    assert embedded.matrix.shape == (8, 1280)


def test_other_tools_read_them(files):
    backbone = load_backbone("efficientnet-lite0")
    if files[0].suffix == ".npz":
        with np.load(files[0]) as file:
            assert set(file) == {"image", "label", "embedding", "backbone", "fingerprint"}
            columns = {name: file[name].tolist() for name in file}
        about = columns["backbone"], columns["fingerprint"]
    else:
        table = pq.read_table(files[0])
        assert table.column_names == ["image", "label", "embedding"]
        columns = table.to_pydict()
        about = tuple(
            table.schema.metadata[name].decode() for name in (b"fieldguide.backbone", b"fieldguide.fingerprint")
        )
    assert about == (backbone.name, fingerprint(backbone))
    assert columns["image"][:2] == ["checks/0.png", "checks/1.png"]
    assert columns["label"][:3] == ["checks", "checks", "dots"]
    assert np.array(columns["embedding"], np.float32).tobytes() == EmbeddingTable.read(files[0]).matrix.tobytes()


def test_unreadable_pictures_are_listed_beside_the_file(few, done, tmp_path):
    (tmp_path / "pictures").mkdir()
    draw("dots").save(tmp_path / "pictures" / "good.png")
    (tmp_path / "pictures" / "bad.png").touch()
    outcome = done("embed", tmp_path / "pictures", "-o", tmp_path / "e.parquet")
    assert (tmp_path / "e.unreadable.csv").read_text().splitlines() == [
        "image,part,reason",
        "bad.png,queries,an empty file",
    ]
    assert "1 pictures could not be read and are listed in" in outcome.err
    assert EmbeddingTable.read(tmp_path / "e.parquet").names == ["good.png"]


def test_names_that_are_not_utf8_stay_apart(done, tmp_path):
    for number in 0xE8, 0xE9:
        draw("dots", number).save(tmp_path / os.fsdecode(b"caf%c.png" % number))
    done("embed", tmp_path, "-o", tmp_path / "e.parquet")
    assert EmbeddingTable.read(tmp_path / "e.parquet").names == ["caf\\xe8.png", "caf\\xe9.png"]


def foreign(path: Path, images: list[str], labels: list[str] | None = None, width: int = 3, kind=None) -> Path:
    """Embeddings as another program writes them."""
    rng = np.random.default_rng(len(images))
    rows = rng.normal(size=(len(images), width)).tolist()
    columns = {"image": images, "embedding": pa.array(rows, kind or pa.list_(pa.float64()))}
    pq.write_table(pa.table(columns | ({"label": labels} if labels else {})), path)
    return path


def test_embeddings_of_another_program_are_taken(done, answers_of, tmp_path):
    images = [f"{number}.jpg" for number in range(12)]
    gallery = foreign(tmp_path / "g.parquet", images, ["a", "b", "c"] * 4)
    queries = foreign(tmp_path / "q.parquet", images, kind=pa.list_(pa.float32(), 3))
    done("identify", gallery, queries, "-o", tmp_path / "a.csv", *PLAIN)
    answers = answers_of(tmp_path / "a.csv")
    assert [answers[image][0] for image in images] == ["a", "b", "c"] * 4  # each is its own nearest


def test_what_cannot_be_compared_is_refused(files, few, refused, done, tmp_path):
    out = "-o", tmp_path / "a.csv"
    line = refused("identify", files[0], few.queries, *out, "--backbone", "efficientnet-lite1")
    assert "the gallery's embeddings are those of efficientnet-lite0 (" in line
    assert "the queries' those of efficientnet-lite1 (" in line
    assert "embed both with one --backbone, such as efficientnet-lite0" in line
    gallery = foreign(tmp_path / "g.parquet", ["1.jpg", "2.jpg"], ["a", "b"])
    assert "the gallery's embeddings are those of a backbone that they do not name" in refused(
        "identify", gallery, files[1], *out
    )
    queries = foreign(tmp_path / "q.parquet", ["1.jpg", "2.jpg"], width=4)
    assert "not of one length" in refused("identify", gallery, queries, *out)
    assert not (tmp_path / "a.csv").exists()


def npz(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


BROKEN = {
    "no labels": (lambda folder: foreign(folder / "g.parquet", ["a"]), "has no labels, which a gallery needs"),
    "no images": (lambda folder: npz(folder / "g.npz", embedding=np.ones((2, 2))), "has no 'image'; it has embedding"),
    "a pickle": (lambda folder: npz(folder / "g.npz", image=np.array([{}]), embedding=np.ones((1, 2))), "allow_pickle"),
    "not a number": (
        lambda folder: npz(folder / "g.npz", image=["a", "b"], embedding=np.array([[1.0], [np.nan]])),
        "the embedding of b has a number that is none",
    ),
    "too few": (
        lambda folder: npz(folder / "g.npz", image=["a", "b"], embedding=np.ones((1, 2))),
        "has not one row for each of 'image'",
    ),
    "one row": (
        lambda folder: npz(folder / "g.npz", image=["a", "b"], embedding=np.ones(2)),
        "has not one row for each of 'image'",
    ),
    "ragged": (
        lambda folder: [
            pq.write_table(pa.table({"image": ["a", "b"], "embedding": [[1.0], [1.0, 2.0]]}), folder / "g.parquet"),
            folder / "g.parquet",
        ][1],
        "the embeddings are not all of one length",
    ),
    "text": (lambda folder: [(folder / "g.npz").write_text("text"), folder / "g.npz"][1], "cannot be read as"),
    "an array": (
        lambda folder: [np.save((folder / "g.npz").open("wb"), np.ones(3)), folder / "g.npz"][1],
        "cannot be read as embeddings",
    ),
    "the unknown label": (
        lambda folder: foreign(folder / "g.parquet", ["a"], ["-1"]),
        "all 1 pictures have the unknown label '-1'",
    ),
    "a picture twice": (lambda folder: foreign(folder / "g.parquet", ["a", "a"], ["x", "x"]), "a is listed twice"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_with_a_file_is_said_in_a_line(case, few, refused, tmp_path):
    make, said = BROKEN[case]
    assert said in refused("identify", make(tmp_path), few.queries, "-o", tmp_path / "a.csv")


def test_mistakes_of_embed_are_found_before_any_work(few, refused, tmp_path):
    assert "a file that ends in .parquet, .pq or .npz" in refused("embed", few.queries, "-o", tmp_path / "e.csv")
    assert "there is no folder" in refused("embed", few.queries, "-o", tmp_path / "gone" / "e.npz")
    assert "0-blob.png is in no class" in refused("embed", few.queries, "--gallery", "-o", tmp_path / "e.npz")
    (tmp_path / "bad.png").touch()
    assert "none of the 1 pictures can be read (an empty file)" in refused(
        "embed", tmp_path / "bad.png", "-o", tmp_path / "e.npz"
    )
    assert [path.name for path in tmp_path.glob("e.*")] == ["e.unreadable.csv"]


def lists(folder: Path, rows: list, kind: pa.DataType, images: list[str] | None = None) -> Path:
    """A Parquet of queries with these rows in this type."""
    images = images or [f"{number}.jpg" for number in range(len(rows))]
    pq.write_table(pa.table({"image": images, "embedding": pa.array(rows, kind)}), folder / "q.parquet")
    return folder / "q.parquet"


ROWS = [[1, 2, 3], [3, 0, 1]]


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float16()),
        pa.list_(pa.float64()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 3),
        pa.list_(pa.int8()),
        pa.list_(pa.uint8()),
        pa.list_(pa.int64()),
        pa.list_(pa.decimal128(9, 2)),
    ],
    ids=str,
)
def test_lists_of_any_numbers_are_read(kind, tmp_path):
    rows = [[np.float16(number) for number in row] for row in ROWS] if "half" in str(kind) else ROWS
    matrix = EmbeddingTable.read(lists(tmp_path, rows, kind)).matrix
    assert matrix.dtype == np.float32
    assert matrix.tolist() == ROWS


UNFIT = {
    "text": (["[1, 2]", "[2, 3]"], pa.string(), "'embedding' holds string, where each row is to be a list of numbers"),
    "bytes": ([b"12", b"34"], pa.binary(), "'embedding' holds binary"),
    "a number a row": ([1.0, 2.0], pa.float64(), "'embedding' holds double"),
    "lists of text": ([["1"], ["2"]], pa.list_(pa.string()), "'embedding' holds lists of string"),
    "lists of lists": ([[[1.0]], [[2.0]]], pa.list_(pa.list_(pa.float64())), "'embedding' holds lists of list<"),
    "rows that cancel out": ([[1, 2], [], [1, 2, 3, 4]], pa.list_(pa.float64()), "that of 1.jpg (row 2) has 0 numbers"),
    "a longer one": ([[1, 2], [1, 2, 3, 4]], pa.list_(pa.float64()), "row 2) has 4 numbers, where the first has 2"),
    "a row of nothing": ([[1, 2], None], pa.list_(pa.float64()), "1.jpg (row 2) has no embedding"),
    "nothing of two": ([[1, 2], None], pa.list_(pa.float32(), 2), "1.jpg (row 2) has no embedding"),
    "a null": ([[1, 2], [1, None]], pa.list_(pa.float64()), "1.jpg has a number that is none (row 2: null)"),
    "a null in two": ([[1, 2], [None, 1]], pa.list_(pa.float32(), 2), "1.jpg has a number that is none (row 2: null)"),
    "no numbers": ([[], []], pa.list_(pa.float64()), "0.jpg (row 1) has no numbers"),
    "infinite": (
        [[1, 2], [1, float("inf")]],
        pa.list_(pa.float64()),
        "1.jpg has a number that is none (row 2: infinite",
    ),
    "beyond float32": (
        [[1, 2], [1, 1e300]],
        pa.list_(pa.float64()),
        "none (row 2: infinite, or beyond float32",
    ),
    "no rows": ([], pa.list_(pa.float64()), "holds no embeddings"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_column_that_holds_no_embeddings_is_refused_with_its_row(case, refused, tmp_path):
    rows, kind, said = UNFIT[case]
    gallery = foreign(tmp_path / "g.parquet", ["a", "b"], ["x", "y"], width=2)
    line = refused("identify", gallery, lists(tmp_path, rows, kind), "-o", tmp_path / "a.csv")
    assert said in line
    assert "q.parquet" in line


def test_a_ragged_row_far_down_is_found_by_its_number(tmp_path):
    rows = [[1.0, 2.0]] * 5000
    rows[4500] = [1.0]
    with pytest.raises(fieldguide.FieldguideError, match=re.escape("4500.jpg (row 4,501) has 1 numbers")):
        EmbeddingTable.read(lists(tmp_path, rows, pa.list_(pa.float64())))


def test_a_query_that_is_there_twice_is_refused(refused, tmp_path):
    gallery = foreign(tmp_path / "g.parquet", ["a", "b"], ["x", "y"], width=2)
    queries = lists(tmp_path, [[1, 2], [2, 1], [2, 2]], pa.list_(pa.float64()), ["q.jpg", "r.jpg", "./q.jpg"])
    assert "./q.jpg is listed twice (rows 1 and 3)" in refused("identify", gallery, queries, "-o", tmp_path / "a.csv")


def test_embeddings_that_say_nothing_are_named(tmp_path, caplog):
    EmbeddingTable.read(lists(tmp_path, [[0, 0], [1, 2], [3, 3]], pa.list_(pa.float64())))
    (said,) = caplog.messages
    assert "2 of 3 embeddings say nothing of their pictures (1 all zeros, 1 one number throughout)" in said
    assert said.endswith("0.jpg (row 1), 2.jpg (row 3)")


def test_labels_that_are_numbers_are_as_they_would_be_written(tmp_path):
    images, rows = ["a", "b"], np.eye(2)
    for labels in np.array([7, 8]), np.array([7.0, 8.0]), np.array(["7", "8"]), np.array([b"7", b"8"]):
        read = EmbeddingTable.read(npz(tmp_path / "g.npz", image=np.array(images), label=labels, embedding=rows))
        assert read.labels == ["7", "8"]
        kind = pa.array(labels.tolist()).dictionary_encode()
        pq.write_table(pa.table({"image": images, "label": kind, "embedding": rows.tolist()}), tmp_path / "g.parquet")
        assert EmbeddingTable.read(tmp_path / "g.parquet").labels == ["7", "8"]
    pq.write_table(
        pa.table({"image": images, "label": [7.0, None], "embedding": rows.tolist()}), tmp_path / "g.parquet"
    )
    with pytest.raises(fieldguide.FieldguideError, match="row 2 has no value in 'label'"):
        EmbeddingTable.read(tmp_path / "g.parquet")


def test_a_npz_never_runs_what_it_holds(tmp_path):
    class Pickled:
        def __reduce__(self):
            return Path.touch, (tmp_path / "run",)

    images = np.array([Pickled(), Pickled()], object)
    path = npz(tmp_path / "g.npz", image=images, embedding=np.eye(2))
    with pytest.raises(fieldguide.FieldguideError, match="'image' holds Python objects, which are never loaded"):
        EmbeddingTable.read(path)
    assert not (tmp_path / "run").exists()


def test_a_npz_that_says_more_than_it_holds_takes_no_memory(tmp_path):
    path = npz(tmp_path / "g.npz", image=np.array(["a", "b"]), embedding=np.eye(2))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)})
    with zipfile.ZipFile(path, "w") as archive, io.BytesIO() as names:
        np.save(names, np.array(["a", "b"]))
        archive.writestr("image.npy", names.getvalue())
        archive.writestr("embedding.npy", header.getvalue() + bytes(32))
    with pytest.raises(fieldguide.FieldguideError, match=r"'embedding' says that it is of shape .* it is damaged"):
        EmbeddingTable.read(path)


def test_a_run_of_unnamed_embeddings_says_so_and_is_reported_by_them(done, refused, tmp_path):
    images = [f"{number}.jpg" for number in range(6)]
    gallery = foreign(tmp_path / "g.parquet", images, ["a", "b", "c"] * 2)
    queries = foreign(tmp_path / "q.parquet", images[:4])
    details = tmp_path / "d.parquet"
    outcome = done("identify", gallery, queries, "-o", tmp_path / "a.csv", "--details", details, *PLAIN)
    words = f"embeddings from {gallery} and {queries}, backbone not named"
    assert words in outcome.err
    assert words in pq.read_schema(details).metadata[b"fieldguide"].decode()

    run = read_report_data(details, gallery, queries, show=False)
    assert run.facts.made_of == words
    assert run.query_embeddings.matrix.tobytes() == EmbeddingTable.read(queries).matrix.tobytes()
    table = tmp_path / "q.csv"
    table.write_text("image\n" + "\n".join(images[:4]))
    assert f"was made of {words}: name these files" in refused("report", details, gallery, table)


def test_facts_name_the_backbone_of_the_files(files, done, tmp_path):
    done(
        "identify",
        *files,
        "-o",
        tmp_path / "a.csv",
        "--details",
        tmp_path / "d.parquet",
        *PLAIN,
        "--backbone",
        "efficientnet-lite2",
    )
    assert '"backbone": "efficientnet-lite0"' in pq.read_schema(tmp_path / "d.parquet").metadata[b"fieldguide"].decode()
