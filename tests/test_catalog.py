"""Galleries and lists of queries: what is in them comes back unchanged, what is wrong with them is said."""

import os
import shutil
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conftest import read_csv
from drawing import KNOWN, draw
from fieldguide import FieldguideError
from fieldguide.records import read_both, read_gallery, read_queries

# Any text there is, with more than its share of what upsets spreadsheets; lone surrogates are not text
TEXT = st.one_of(
    st.sampled_from(
        ["007", "1e5", "NA", "nan", "True", "None", "null", "1_000", " a", "a ", '"', "'", "a,b", "é", "\r\n"]
    ),
    st.text(st.sampled_from(string.digits + "eE.,-+\"' \t\r\n;"), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
).filter(lambda text: not text.isspace())


@st.composite
def galleries(draw_from):
    """Rows of image and label; each picture once, however its path is written."""
    images = draw_from(st.lists(TEXT, min_size=1, max_size=12, unique=True))
    assume(len({os.path.normpath(image) for image in images}) == len(images))
    labels = draw_from(
        st.lists(TEXT.filter(lambda label: label.strip() != "-1"), min_size=len(images), max_size=len(images))
    )
    return list(zip(images, labels, strict=True))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@given(rows=galleries())
def test_any_text_comes_back_unchanged_and_in_order(rows, kind, place, table):
    file = table(place / f"gallery.{kind}", [("label", "image"), *((label, image) for image, label in rows)])
    gallery = read_gallery(file)
    assert gallery.images == [image for image, _ in rows]
    assert gallery.labels == [unicodedata.normalize("NFC", label).strip() for _, label in rows]
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


def put(folder: Path, *names: str) -> Path:
    """Make empty files; an empty name is a folder's alone."""
    for name in names:
        place = folder / name
        (place if name.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            place.touch()
    return folder


def test_what_is_hidden_or_a_systems_own_is_passed_over_without_a_word(tmp_path, caplog):
    """Bins, thumbnails of a NAS, what a Mac's archives and desktops leave behind."""
    put(tmp_path, "a/1.png", "a/.2.png", "a/._1.png", ".trash/a.png", "a/Thumbs.db", "desktop.ini", "a/Icon\r")
    for name in "@eaDir", "#recycle", "$RECYCLE.BIN", "@Recycle", "lost+found", "__MACOSX", "System Volume Information":
        put(tmp_path, f"{name}/a/SYNOPHOTO_THUMB_M.jpg", f"a/{name}/1.png/x.jpg")
    assert read_queries(tmp_path).images == ["a/1.png"]
    assert read_queries(tmp_path).passed_over == {}
    assert read_gallery(tmp_path).labels == ["a"]
    assert caplog.messages == []


# --- links ---------------------------------------------------------------------------------------------------------


def test_linked_folders_are_followed(tmp_path, caplog):
    gallery = put(tmp_path, "gallery/real/0.jpg", "store/deep/1.jpg", "store/2.jpg", "hidden/.kept/3.jpg") / "gallery"
    (gallery / "linked").symlink_to(tmp_path / "store")
    (gallery / "kept").symlink_to("../hidden/.kept")
    found = read_gallery(gallery)
    assert found.images == ["kept/3.jpg", "linked/2.jpg", "linked/deep/1.jpg", "real/0.jpg"]
    assert found.labels == ["kept", "linked", "linked", "real"]
    (tmp_path / "alias").symlink_to(gallery)
    assert read_queries(tmp_path / "alias").images == found.images
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("link", "target", "said"),
    [
        ("q/a/round", "q", "which holds it: round in a circle"),
        ("q/a/round", "q/a", "which holds it: round in a circle"),
        ("q/a/up", ".", "which holds it: round in a circle"),
        ("q/twin", "q/a", "which is read already"),
        ("outside/round", "outside", "which holds it: round in a circle"),
    ],
)
def test_circles_of_links_are_found_and_named(link, target, said, tmp_path, caplog):
    put(tmp_path, "q/a/1.png", "outside/2.png", "z.png")
    (tmp_path / "q" / "other").symlink_to(tmp_path / "outside")
    (tmp_path / link).symlink_to(tmp_path / target)
    assert read_queries(tmp_path / "q").images == ["a/1.png", "other/2.png"]
    (line,) = caplog.messages
    assert said in line
    assert Path(link).name in line


def test_links_that_lead_nowhere_are_named(tmp_path):
    put(tmp_path, "a/1.png")
    (tmp_path / "b").symlink_to("/not/mounted")
    (tmp_path / "a" / "2.png").symlink_to("gone.png")
    gallery = read_gallery(tmp_path)
    assert gallery.images == ["a/1.png", "a/2.png"]  # the second is found unreadable, as any picture that is gone
    assert gallery.passed_over == {"b": "a link to /not/mounted, which is not there"}


# --- what is no picture by its name --------------------------------------------------------------------------------


def test_what_is_passed_over_by_name_has_a_reason_and_notes_have_none(tmp_path):
    wrong = {
        "a/IMG_1.CR2": "a camera's raw file: export it as JPEG or TIFF",
        "b.nef": "a camera's raw file: export it as JPEG or TIFF",
        "clip.MP4": "a film: save its frames as pictures",
        "leaf.svg": "a drawing of lines: export it as PNG",
        "more.zip": "an archive: unpack it",
        "plate.pdf": "a document: save its pages or pictures as JPEG or PNG",
        "scan.xyz": "not a picture by its ending .xyz: if it is one, convert it to JPEG or PNG",
        "IMG_0007": "its name has no ending: if it is a picture, give it one, such as .jpg",
    }
    put(tmp_path, "1.png", *wrong, "1.json", "notes.txt", "a/labels.csv", "1.xmp", "README", "LICENSE.md")
    queries = read_queries(tmp_path)
    assert queries.images == ["1.png"]
    assert queries.passed_over == wrong
    for name in ["1.png", "IMG_0007"]:
        (tmp_path / name).unlink()
    with pytest.raises(FieldguideError, match=r"holds no pictures to identify. There is a/IMG_1.CR2 \(a camera's raw"):
        read_queries(tmp_path)


# --- names in two Unicode forms, spaces at their ends --------------------------------------------------------------


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD"), ("NFD", "NFD")])
def test_names_match_in_either_unicode_form(on_disk, in_table, place, table):
    folder = place / f"{on_disk}-{in_table}"
    names = ["Müsli/Äpfel 1.png", "Crème/ö.png", "Crème/plain.png"]
    put(folder, *(unicodedata.normalize(on_disk, name) for name in names))
    rows = [(unicodedata.normalize(in_table, name), unicodedata.normalize(in_table, name[:5])) for name in names]
    gallery = read_gallery(table(folder / "g.csv", [("image", "label"), *rows]))
    assert gallery.images == [name for name, _ in rows], "answers have the user's names"
    assert all(path.exists() for path in gallery.paths)
    assert gallery.labels == ["Müsli", "Crème", "Crème"]
    assert read_gallery(folder).labels == ["Crème", "Crème", "Müsli"]


def test_a_class_in_both_unicode_forms_is_one(tmp_path, table):
    put(tmp_path / "g", "Cafe\u0301/1.png", "Caf\u00e9/2.png")
    assert read_gallery(tmp_path / "g").shots() == {"Caf\u00e9": 2}
    rows = [("1.png", "Cafe\u0301"), ("2.png", "Caf\u00e9"), ("3.png", "\u00a0Caf\u00e9 ")]
    assert read_gallery(table(tmp_path / "g.csv", [("image", "label"), *rows])).shots() == {"Caf\u00e9": 3}


def test_spaces_around_names_do_no_harm(tmp_path, table):
    put(tmp_path, "a.png", "b .png ", " c/d.png", "e/f.png")
    rows = [("a.png ", "x"), ("b .png ", "x "), ("\u00a0c/d.png", "\u00a0y"), ("e\\f.png", "y")]
    gallery = read_gallery(table(tmp_path / "g.csv", [("image ", " label"), *rows]))
    assert gallery.paths == [tmp_path / name for name in ("a.png", "b .png ", " c/d.png", "e/f.png")]
    assert gallery.images == [name for name, _ in rows]
    assert gallery.labels == ["x", "x", "y", "y"]


def test_labels_that_look_alike_are_named(tmp_path, table, caplog):
    rows = [("1.png", "Panthera leo"), ("2.png", "Panthera\u00a0leo"), ("3.png", "panthera  leo"), ("4.png", "lion")]
    assert len(read_gallery(table(tmp_path / "g.csv", [("image", "label"), *rows])).shots()) == 4
    (line,) = caplog.messages
    assert "'Panthera leo' and 'Panthera\\xa0leo' and 'panthera  leo' are different classes by their case or" in line


# --- tables of spreadsheets ----------------------------------------------------------------------------------------

SPREADSHEETS = {
    "semicolons": 'image;label\r\n"a;1,5.png";007\r\nb.png;"x; y"\r\n',
    "tabs": "image\tlabel\na;1,5.png\t007\nb.png\tx; y\n",
    "quotes that are wrong by commas": '"image";"label"\n"a;1,5.png";"007"\n"b.png";"x; y"\n',
    "Excel's word for the separator": 'sep=;\nimage;label\n"a;1,5.png";007\nb.png;"x; y"\n',
    "empty rows and columns": '\n,,,\nimage,label,,\n"a;1,5.png",007,,\n,,,\n , ,,\nb.png,x; y\n,,,,,\n',
    "a mark and UTF-16": "\ufeffimage\tlabel\r\na;1,5.png\t007\r\nb.png\tx; y\r\n".encode("utf-16-le"),
    "UTF-16 without a mark": 'image;label\n"a;1,5.png";007\nb.png;"x; y"\n'.encode("utf-16-le"),
    "UTF-16 the other way": '\ufeffimage,label\n"a;1,5.png",007\nb.png,x; y\n'.encode("utf-16-be"),
}


@pytest.mark.parametrize("case", SPREADSHEETS)
def test_tables_are_read_as_spreadsheets_write_them(case, tmp_path):
    content = SPREADSHEETS[case]
    (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    gallery = read_gallery(tmp_path / "t.csv")
    assert gallery.images == ["a;1,5.png", "b.png"]
    assert gallery.labels == ["007", "x; y"]
    assert read_queries(tmp_path / "t.csv").images == gallery.images


def test_empty_rows_of_a_parquet_are_passed_over(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"image": ["a.png", None, " "], "label": ["a", None, ""]}), tmp_path / "g.parquet")
    assert read_gallery(tmp_path / "g.parquet").images == ["a.png"]


# --- where relative paths start ------------------------------------------------------------------------------------


def test_relative_paths_may_start_in_other_folders(tmp_path, table):
    """Kaggle's train.csv beside train/, and test.csv beside test/."""
    put(tmp_path, "train/1.png", "train/2.png", "test/3.png")
    train = table(tmp_path / "train.csv", [("image", "label"), ("1.png", "a"), ("2.png", "b")])
    test = table(tmp_path / "test.csv", [("image",), ("gone.png",), ("3.png",)])
    roots = [tmp_path / "train", tmp_path / "test"]
    assert read_gallery(train, image_root=roots).paths == [tmp_path / "train/1.png", tmp_path / "train/2.png"]
    assert read_queries(test, image_root=roots).paths == [tmp_path / "test/gone.png", tmp_path / "test/3.png"]
    assert read_gallery(train, image_root=str(tmp_path / "train")).images == ["1.png", "2.png"]
    beside = table(tmp_path / "train" / "t.csv", [("image",), ("1.png",)])
    assert read_queries(beside, image_root=tmp_path / "test").paths == [tmp_path / "train/1.png"]
    with pytest.raises(FieldguideError, match=r"no such folder: .*gone, where --image-root says that pictures are"):
        read_queries(test, image_root=tmp_path / "gone")


def test_the_folder_where_pictures_are_is_suggested_and_then_works(few, done, refused, table, tmp_path):
    labels = {path.name: path.parent.name for path in few.gallery.rglob("0.png")}
    put(tmp_path, "train/", "pictures/")
    for path in few.gallery.rglob("0.png"):
        shutil.copy(path, tmp_path / "train" / f"{path.parent.name}.png")
    assert labels
    train = table(tmp_path / "train.csv", [("image", "label"), *((f"{kind}.png", kind) for kind in KNOWN)])
    words = "identify", train, few.queries, "-o", tmp_path / "a.csv", "--distractors", "none"
    line = refused(*words)
    assert "none of the 4 gallery pictures can be read (no such file); the first was looked for at " in line
    assert f"{tmp_path / 'stripes.png'}; it is in {tmp_path / 'train'}: add --image-root '{tmp_path / 'train'}'" in line
    assert f"; listed in {tmp_path / 'a.unreadable.csv'}" in line
    assert (tmp_path / "a.unreadable.csv").read_text().splitlines()[1] == "stripes.png,gallery,no such file"
    assert (
        "gallery: 4 classes, 4 pictures (1 a class); queries: 7" in done(*words, "--image-root", tmp_path / "train").out
    )
    assert not (tmp_path / "a.unreadable.csv").exists()


# --- what looks like a mistake -------------------------------------------------------------------------------------


def warnings_of(caplog, gallery: Path) -> list[str]:
    caplog.clear()
    read_gallery(gallery)
    return caplog.messages


def test_empty_classes_and_levels_too_many_are_named(tmp_path, caplog):
    put(tmp_path, "empty/a/1.png", "empty/b/", "empty/c/notes.txt", "empty/d/1.nef")
    assert "3 folders hold no pictures and are no classes: 'b', 'c', 'd'" in " ".join(
        warnings_of(caplog, tmp_path / "empty")
    )

    put(tmp_path, "level/train/a/1.png", "level/train/b/1.png")
    (line,) = warnings_of(caplog, tmp_path / "level")
    assert "every picture is of the class 'train', with folders in it such as 'a': if these are the classes" in line
    assert f"name {tmp_path / 'level' / 'train'} as the gallery" in line
    put(tmp_path, "level/val/a/2.png", "level/val/b/2.png")
    (line,) = warnings_of(caplog, tmp_path / "level")
    assert "every picture is of one of the classes 'train', 'val', with folders in it such as 'a'" in line

    put(tmp_path, "one/a/1.png", "one/a/2.png")
    assert "every picture is of the one class 'a'" in warnings_of(caplog, tmp_path / "one")[0]
    put(tmp_path, "sides/a/left/1.png", "sides/a/right/2.png", "sides/b/left/1.png", "sides/b/right/2.png")
    assert warnings_of(caplog, tmp_path / "sides") == []


def test_queries_in_the_gallery_are_named(tmp_path, caplog, table):
    gallery = put(tmp_path, "g/a/1.png", "g/b/2.png", "g/queries/3.png", "q/4.png") / "g"
    read_both(gallery, gallery / "queries")
    assert (
        "lies in the gallery, where its pictures are of the class 'queries': move it elsewhere" in caplog.messages[-1]
    )
    read_both(gallery, gallery)
    assert f"gallery and queries are the same, {gallery}: each picture finds itself" in caplog.messages[-1]
    both = table(tmp_path / "q.csv", [("image",), ("g/../g/a/1.png",), ("q/4.png",)])
    read_both(gallery, both)
    assert "1 of 2 queries is a gallery picture too and finds itself: 'g/../g/a/1.png'" in caplog.messages[-1]
    caplog.clear()
    read_both(gallery, tmp_path / "q")
    assert caplog.messages == ["gallery: 3 classes, 3 pictures (1 a class); queries: 1"]


def test_pictures_with_the_unknown_label_are_labelled_distractors(tmp_path, table):
    """As in the whales' own train.csv."""
    rows = [("1.png", "w_1"), ("2.png", "new_whale"), ("3.png", "w_2"), ("4.png", "new_whale ")]
    file = table(tmp_path / "train.csv", [("image", "label"), *rows])
    gallery = read_gallery(file, unknown="new_whale")
    assert (gallery.images, gallery.labels) == (["1.png", "3.png"], ["w_1", "w_2"])
    assert gallery.distractors.images == ["2.png", "4.png"]
    assert read_gallery(file).distractors is None


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
    "the wrong separator": ("image:label\na.png:a\n", "has no column 'image'; it has 'image:label'"),
    "an empty column": ("image,label\na.png,\xa0\n", "row 1 has no value in column 'label'"),
    "a column twice": ("image,label,label\na.png,a,b\n", "has the column 'label' more than once"),
    "the unknown label alone": ("image,label\na.png,-1\nb.png,-1\n", "all 2 pictures have the unknown label '-1'"),
    "two labels": ("image,label\na.png,a\nb.png,b\na.png,b\n", "a.png is under two labels, 'a' and 'b'"),
    "a picture twice": ("image,label\na.png,a\nb.png,b\na.png,a\n", "a.png is listed twice"),
    "a picture twice by another way": ("image,label\na.png,a\n./x/../a.png,a\n", "./x/../a.png is listed twice"),
    "a short row": ("image,label\na.png,a\nb.png\n", "line 3: 1 values where the header names 2 columns; quote"),
    "a long row": ("image,label\na.png,a, b\n", "line 2: 3 values where the header names 2 columns; quote"),
    "an open quote": ('image,label\na.png,"a\n', "not a CSV: unexpected end of data"),
    "no label": ("image,label\na.png,a\nb.png,\n", "row 2 has no value in column 'label'"),
    "no image": ("image,label\n,a\n", "row 1 has no value in column 'image'"),
    "Latin 1": ("image,label\na.png,é\n".encode("latin-1"), "is not UTF-8 (byte 18): save it as 'CSV UTF-8'"),
    "Windows-1252": (
        "image,label\na.png,a\nb.png,Müsli €\n".encode("cp1252"),
        "is not UTF-8 (byte 27): save it as 'CSV UTF-8', or convert it, "
        "from Windows-1252 if line 3 is to read b.png,Müsli €",
    ),
    "UTF-16 cut": (GOOD.encode("utf-16")[:-1], "is not UTF-16 (byte 40): save it as 'CSV UTF-8'"),
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
    assert "a gallery is a folder with a subfolder a class, a .csv, a .parquet, or a .json in COCO's form" in line


def test_a_spreadsheet_is_refused_with_the_way_out(few, refused, tmp_path):
    (tmp_path / "t.xlsx").touch()
    for line in refused("identify", tmp_path / "t.xlsx", few.queries), refused("embed", tmp_path / "t.xlsx"):
        assert "t.xlsx is a spreadsheet, which is not read: save it as 'CSV UTF-8'" in line


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


def test_a_broken_picture_is_not_said_to_have_no_reader(tmp_path, few, done):
    folder = tmp_path / "queries"
    folder.mkdir()
    draw("dots").save(folder / "a.png")
    draw("dots").save(folder / "broken.avif")
    content = (folder / "broken.avif").read_bytes()
    (folder / "broken.avif").write_bytes(content[:-100])
    (folder / "page.jxl").write_text("no picture")
    done("embed", folder, "-o", tmp_path / "e.npz")
    reasons = {name: reason for name, _, reason in read_csv(tmp_path / "e.unreadable.csv")}
    assert "broken.avif" in reasons
    assert "no reader" not in reasons["broken.avif"]
    assert reasons["page.jxl"].endswith("no reader of this format is installed: convert it to JPEG or PNG")
