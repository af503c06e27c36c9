"""Embeddings in files: written by `fieldguide embed`, read by other tools, and taken in place of pictures."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fieldguide
from drawing import draw
from fieldguide.embedding import load_backbone, read_embeddings
from fieldguide.embedding.backbones import fingerprint

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
    embedded = fieldguide.read_embeddings(files[0])
    assert embedded.catalog.images[0] == "checks/0.png"
    assert embedded.catalog.labels[0] == "checks"
    assert embedded.embeddings.matrix.shape == (8, 1280)


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
    assert np.array(columns["embedding"], np.float32).tobytes() == read_embeddings(files[0]).embeddings.matrix.tobytes()


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
    assert read_embeddings(tmp_path / "e.parquet").catalog.images == ["good.png"]


def test_names_that_are_not_utf8_stay_apart(done, tmp_path):
    for number in 0xE8, 0xE9:
        draw("dots", number).save(tmp_path / os.fsdecode(b"caf%c.png" % number))
    done("embed", tmp_path, "-o", tmp_path / "e.parquet")
    assert read_embeddings(tmp_path / "e.parquet").catalog.images == ["caf\\xe8.png", "caf\\xe9.png"]


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
    assert "embeddings are written to a .parquet or a .npz" in refused("embed", few.queries, "-o", tmp_path / "e.csv")
    assert "there is no folder" in refused("embed", few.queries, "-o", tmp_path / "gone" / "e.npz")
    assert "0-blob.png is in no class" in refused("embed", few.queries, "--gallery", "-o", tmp_path / "e.npz")
    (tmp_path / "bad.png").touch()
    assert "none of the 1 pictures can be read (an empty file)" in refused(
        "embed", tmp_path / "bad.png", "-o", tmp_path / "e.npz"
    )
    assert [path.name for path in tmp_path.glob("e.*")] == ["e.unreadable.csv"]
