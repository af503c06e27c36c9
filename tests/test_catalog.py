"""Galleries and lists of queries: what is in them comes back unchanged, what is wrong with them is said."""

import os
import string
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drawing import draw
from fieldguide import FieldguideError
from fieldguide.catalog import read_gallery, read_queries

# Any text there is, with more than its share of what upsets spreadsheets; lone surrogates are not text
TEXT = st.one_of(
    st.sampled_from(
        ["007", "1e5", "NA", "nan", "True", "None", "null", "1_000", " a", "a ", '"', "'", "a,b", "é", "\r\n"]
    ),
    st.text(st.sampled_from(string.digits + "eE.,-+\"' \t\r\n;"), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)


@st.composite
def galleries(draw_from):
    """Rows of image and label; each picture once, however its path is written."""
    images = draw_from(st.lists(TEXT, min_size=1, max_size=12, unique=True))
    assume(len({os.path.normpath(image) for image in images}) == len(images))
    labels = draw_from(st.lists(TEXT.filter(lambda label: label != "-1"), min_size=len(images), max_size=len(images)))
    return list(zip(images, labels, strict=True))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@given(rows=galleries())
def test_any_text_comes_back_unchanged_and_in_order(rows, kind, place, table):
    file = table(place / f"gallery.{kind}", [("label", "image"), *((label, image) for image, label in rows)])
    gallery = read_gallery(file)
    assert list(zip(gallery.images, gallery.labels, strict=True)) == rows
    assert gallery.paths == [place / image for image, _ in rows]

    queries = read_queries(file)
    assert queries.images == [image for image, _ in rows]
    assert queries.labels is None


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@given(name=TEXT, other=TEXT)
def test_columns_may_have_any_name(name, other, kind, place, table):
    assume(name != other)
    file = table(place / f"named.{kind}", [(other, name), ("a", "b.png")])
    gallery = read_gallery(file, image_column=name, label_column=other)
    assert (gallery.images, gallery.labels) == (["b.png"], ["a"])


def test_a_table_of_a_spreadsheet_is_read(place):
    """A byte order mark, Windows line ends, quotes, an empty last line."""
    (place / "excel.csv").write_bytes('\ufeffimage,label\r\n"a,1.png",007\r\nb.png,"x\r\ny"\r\n\r\n'.encode())
    gallery = read_gallery(place / "excel.csv")
    assert gallery.images == ["a,1.png", "b.png"]
    assert gallery.labels == ["007", "x\r\ny"]


def test_tabs_separate_in_a_tsv(place):
    (place / "tabs.tsv").write_text("image\tlabel\na,b.png\t1e5\n")
    assert read_gallery(place / "tabs.tsv").labels == ["1e5"]


def test_parquet_of_other_types_becomes_the_text_one_would_write(place):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "image": pa.array(["a.png", "b.png"], pa.large_string()),
        "label": pa.array(["007", "1e5"]).dictionary_encode(),
        "number": pa.array([7, -3]),
    }
    pq.write_table(pa.table(columns), place / "types.parquet")
    assert read_gallery(place / "types.parquet").labels == ["007", "1e5"]
    assert read_gallery(place / "types.parquet", label_column="number").labels == ["7", "-3"]


def test_folders_come_in_the_order_of_their_names(tmp_path):
    for name in "b/2.png", "b/10.png", "a/z.jpg", "a b/x.webp", "007/1.TIF":
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    gallery = read_gallery(tmp_path)
    assert gallery.images == ["007/1.TIF", "a b/x.webp", "a/z.jpg", "b/10.png", "b/2.png"]
    assert gallery.labels == ["007", "a b", "a", "b", "b"]
    assert gallery.shots() == {"007": 1, "a b": 1, "a": 1, "b": 2}
    assert gallery.paths == [tmp_path / image for image in gallery.images]


def test_links_to_folders_are_not_followed_and_hidden_files_passed_over(tmp_path):
    (tmp_path / "a").mkdir()
    for name in "a/1.png", "a/.2.png", "a/._1.png":
        (tmp_path / name).touch()
    try:
        (tmp_path / "a" / "round").symlink_to(tmp_path)
    except OSError:
        pytest.skip("no links here")
    assert read_queries(tmp_path).images == ["a/1.png"]


def test_taking_rows_keeps_names_paths_and_labels_together(place, table):
    file = table(place / "take.csv", [("image", "label"), ("a.png", "x"), ("b.png", "y"), ("c.png", "z")])
    taken = read_gallery(file).take([2, 0])
    assert (taken.images, taken.labels) == (["c.png", "a.png"], ["z", "x"])
    assert taken.paths == [place / "c.png", place / "a.png"]
    assert read_queries(file).take([1]).labels is None


# --- errors --------------------------------------------------------------------------------------------------------

GOOD = "image,label\na.png,a\n"
BAD_TABLES = {  # what the gallery holds, and what is said of it
    "no rows": ("image,label\n", "holds no pictures: a gallery needs at least one picture a class"),
    "nothing at all": ("", "has no column 'image'; it has none at all"),
    "no image column": ("file,label\na.png,a\n", "has no column 'image'; it has 'file', 'label'. Name yours with"),
    "no label column": ("image,class\na.png,a\n", "has no column 'label'; it has 'image', 'class'. Name yours with"),
    "the wrong separator": ("image;label\na.png;a\n", "has no column 'image'; it has 'image;label'"),
    "a column twice": ("image,label,label\na.png,a,b\n", "has the column 'label' more than once"),
    "the unknown label": ("image,label\na.png,a\nb.png,-1\n", "the label '-1' is also the unknown label; choose"),
    "two labels": ("image,label\na.png,a\nb.png,b\na.png,b\n", "a.png is under two labels, 'a' and 'b'"),
    "a picture twice": ("image,label\na.png,a\nb.png,b\na.png,a\n", "a.png is listed twice"),
    "a picture twice by another way": ("image,label\na.png,a\n./x/../a.png,a\n", "./x/../a.png is listed twice"),
    "a short row": ("image,label\na.png,a\nb.png\n", "line 3: 1 values where the header names 2 columns; quote"),
    "a long row": ("image,label\na.png,a, b\n", "line 2: 3 values where the header names 2 columns; quote"),
    "an open quote": ('image,label\na.png,"a\n', "not a CSV: unexpected end of data"),
    "no label": ("image,label\na.png,a\nb.png,\n", "row 2 has no value in column 'label'"),
    "no image": ("image,label\n,a\n", "row 1 has no value in column 'image'"),
    "Latin 1": ("image,label\na.png,é\n".encode("latin-1"), "is not UTF-8 (byte 18): save it as 'CSV UTF-8'"),
    "UTF-16": (GOOD.encode("utf-16"), "is not UTF-8 (byte 0): save it as 'CSV UTF-8'"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_what_is_wrong_with_a_gallery_is_said_in_a_line(case, refused, tmp_path):
    content, said = BAD_TABLES[case]
    gallery = tmp_path / "train.csv"
    gallery.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused("identify", gallery, tmp_path, "-o", tmp_path / "answers.csv")
    assert said in line
    assert str(gallery) in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.csv"]


BAD_QUERIES = {
    "no rows": ("image\n", "holds no pictures to identify"),
    "no image column": ("picture\na.png\n", "has no column 'image'; it has 'picture'"),
    "a picture twice": ("image\na.png\nb.png\na.png\n", "a.png is listed twice"),
    "a ragged row": ("image,label\na.png\n", "line 2: 1 values where the header names 2 columns"),
    "an empty name": ('image\n""\n', "row 1 has no value in column 'image'"),
}


@pytest.mark.parametrize("case", BAD_QUERIES)
def test_what_is_wrong_with_queries_is_said_in_a_line(case, few, refused, tmp_path):
    content, said = BAD_QUERIES[case]
    queries = tmp_path / "test.csv"
    queries.write_text(content)
    line = refused("identify", few.gallery, queries, "-o", tmp_path / "answers.csv")
    assert said in line
    assert str(queries) in line


@pytest.mark.parametrize("missing", ["gone", "gone.csv", "gone.parquet", "gone.png"])
def test_a_file_that_is_not_there_is_named(missing, few, refused, tmp_path):
    for line in (
        refused("identify", tmp_path / missing, few.queries),
        refused("identify", few.gallery, tmp_path / missing),
    ):
        assert "no such file" in line
        assert line.endswith(f": {tmp_path / missing}")


def test_a_gallery_that_is_no_gallery(few, refused, tmp_path):
    assert "holds no pictures: a gallery needs" in refused("identify", tmp_path, few.queries)
    assert "holds no pictures to identify" in refused("identify", few.gallery, tmp_path)

    draw("dots").save(tmp_path / "loose.png")
    line = refused("identify", tmp_path, few.queries)
    assert "loose.png is in no class; a gallery folder has one subfolder a class, with its pictures in it" in line
    line = refused("identify", tmp_path / "loose.png", few.queries)
    assert "a gallery is a folder with a subfolder a class, a .csv or a .parquet" in line


def test_a_class_folder_with_the_name_of_the_unknown_label(few, refused, tmp_path):
    line = refused("identify", few.gallery, few.queries, "--unknown", "rings", "-o", tmp_path / "a.csv")
    assert "the label 'rings' is also the unknown label; choose another with --unknown" in line


@pytest.mark.parametrize("content", [b"", b"no parquet", b"PAR1" + 20 * b"\0" + b"PAR1"])
def test_a_parquet_that_is_none(content, few, refused, tmp_path):
    (tmp_path / "train.parquet").write_bytes(content)
    line = refused("identify", tmp_path / "train.parquet", few.queries, "-o", tmp_path / "a.csv")
    assert f"{tmp_path / 'train.parquet'} cannot be read as Parquet: " in line


def test_a_parquet_without_the_column_or_with_a_hole_in_it(few, refused, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = tmp_path / "train.parquet"
    pq.write_table(pa.table({"image": ["a.png"], "class": ["a"]}), file)
    assert "has no column 'label'; it has 'image', 'class'" in refused("identify", file, few.queries)
    pq.write_table(pa.table({"image": ["a.png", "b.png"], "label": ["a", None]}), file)
    assert "row 2 has no value in column 'label'" in refused("identify", file, few.queries)


@given(content=st.binary(max_size=200) | st.text(st.sampled_from('image,lb"\n\r\t;é'), max_size=60).map(str.encode))
def test_no_file_at_all_ends_in_a_traceback(content, place):
    """Whatever is in it, a table is read or refused by an error that names it."""
    for kind in "csv", "parquet":
        file: Path = place / f"any.{kind}"
        file.write_bytes(content)
        try:
            read_gallery(file)
        except FieldguideError as error:
            assert str(file) in str(error)


@pytest.mark.parametrize("content", ['"im\nage",label\na.png,a\n', 'image,label\n"a\nb.png",a\n"a\nb.png",a\n'])
def test_an_error_is_one_line_even_if_what_it_names_has_two(content, few, refused, tmp_path):
    (tmp_path / "train.csv").write_text(content)
    refused("identify", tmp_path / "train.csv", few.queries, "-o", tmp_path / "a.csv")
