"""COCO JSON and Camtrap DP: read as galleries and queries, answered, and written again without loss."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import read_csv, write_csv
from drawing import FOREIGN, KNOWN, draw
from fieldguide import FieldguideError, PictureColumns, identify
from fieldguide.records import read_gallery, read_queries
from fieldguide.records.regions import Box
from fieldguide.records.write_back import write_back

BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
HEADER = ("observationID", "mediaID", "eventID", "observationType", "individualID", *BOX, "observationComments")


def pictures_in(folder: Path, kinds=KNOWN, numbers=(1, 2, 3)) -> list[str]:
    names = [f"{kind}-{number}.png" for kind in kinds for number in numbers]
    for name in names:
        draw(name.split("-")[0], int(name.split("-")[1][0])).save(folder / name)
    return names


def kind_of(name: str) -> str:
    return name.split("-", maxsplit=1)[0]


def coco(path: Path, images: list[str], annotations: list[dict], categories=("animal", *KNOWN)) -> Path:
    document = {
        "info": {"year": 2020},
        "images": [{"id": n, "file_name": name, "width": 96, "height": 96} for n, name in enumerate(images)],
        "annotations": [{"id": 100 + n, **one} for n, one in enumerate(annotations)],
        "categories": [{"id": n, "name": name} for n, name in enumerate(categories)],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def camtrap(folder: Path, media: list[tuple[str, str]], observations: list[tuple[str, ...]], header=HEADER) -> Path:
    names = ("deployments", "media", "observations")
    resources = [{"name": name, "path": f"{name}.csv", "profile": "tabular-data-resource"} for name in names]
    path = folder / "datapackage.json"
    path.write_text(json.dumps({"name": "wood", "resources": resources}))
    write_csv(folder / "deployments.csv", [("deploymentID",), ("d1",)])
    write_csv(folder / "media.csv", [("mediaID", "filePath"), *media])
    write_csv(folder / "observations.csv", [header, *observations])
    return path


def seen(number: int, media: str, individual="", box=("", "", "", ""), kind="animal", comment="") -> tuple[str, ...]:
    return f"o{number}", media, "e1", kind, individual, *box, comment


def test_a_camtrap_package_names_its_own_unknown_animals(done, refused, tmp_path):
    known, queries = pictures_in(tmp_path), pictures_in(tmp_path, [*KNOWN, *FOREIGN], [4])
    media = [(f"m{n}", name) for n, name in enumerate([*known, *queries])]
    rows = [seen(n, f"m{n}", kind_of(name)) for n, name in enumerate(known)]
    rows += [seen(n, f"m{n}", box=("0", "0", "1", "1"), comment='"ä,\n') for n in range(len(known), len(media))]
    rows += [seen(900, "m0", kind="blank"), seen(901, "", KNOWN[0])]
    package = camtrap(tmp_path, media, rows)
    answers, again = tmp_path / "answers.csv", tmp_path / "again.csv"
    done("identify", package, package, "-o", answers, "--write-back", again)
    labels = {row[0]: row[1].split()[0] for row in read_csv(answers)[1:]}
    assert list(labels) == queries
    header, *written = read_csv(again)
    assert tuple(header) == HEADER
    column = HEADER.index("individualID")
    for before, after in zip(rows, written, strict=True):
        assert [*before[:column], *before[column + 1 :]] == [*after[:column], *after[column + 1 :]]
        name = dict(media).get(before[1])
        given = labels.get(name, "-1") if before[3] == "animal" and before[1] and not before[column] else "-1"
        assert after[column] == (before[column] if given == "-1" else given)
    assert sum(row[column] != "" for row in written) > len(known) + 1

    told = refused("identify", package, package, "-o", answers, "--write-back", tmp_path / "observations.csv")
    assert "observations.csv" in told
    told = refused("identify", package, tmp_path / queries[0], "-o", answers, "--write-back", again)
    assert "answers are written back into COCO JSON and Camtrap DP: leave --write-back away" in told


def test_coco_boxes_are_answered_and_stand_in_the_document(tmp_path):
    known, queries = pictures_in(tmp_path), pictures_in(tmp_path, [*KNOWN, *FOREIGN], [4])
    gallery = coco(
        tmp_path / "gallery.json",
        known,
        [{"image_id": n, "category_id": 1 + list(KNOWN).index(kind_of(name))} for n, name in enumerate(known)],
    )
    boxed = [{"image_id": n, "category_id": 0, "bbox": [0, 0, 96, 96], "iscrowd": 0} for n in range(len(queries) - 1)]
    asked = coco(tmp_path / "queries.json", queries, boxed)
    result = identify(gallery, asked, show=False)
    assert [answer.name for answer in result] == queries  # the last has no annotation: the whole picture
    out = tmp_path / "out.json"
    result.write_back(asked, out)
    before, after = json.loads(asked.read_text()), json.loads(out.read_text())
    assert after["images"] == before["images"]
    assert after["categories"][: len(before["categories"])] == before["categories"]
    name_of = {one["id"]: one["name"] for one in after["categories"]}
    assert [name_of[one["category_id"]] for one in after["annotations"]] == [answer.labels[0] for answer in result]
    for old, new in zip(before["annotations"], after["annotations"], strict=False):
        own = new.pop("fieldguide")
        assert old == {**new, "category_id": own["category_id"]}
        assert 0 <= own["probability"] <= 1
    assert after["annotations"][-1]["bbox"] == [0, 0, 96, 96]
    assert len({one["id"] for one in after["annotations"]}) == len(queries)
    assert list(read_gallery(out).labels) == [answer.labels[0] for answer in result if answer.labels[0] != "-1"]


def test_encounters_of_both(tmp_path):
    events = [seen(1, "m0"), seen(2, "m1"), seen(3, "m0", "Ann")]
    package = camtrap(tmp_path, [("m0", "a.png"), ("m1", "b.png")], events)
    assert list(read_queries(package).encounters or ()) == ["e1", "e1"]
    assert list(read_gallery(package).encounters or ()) == ["e1"]
    assert read_queries(package, columns=PictureColumns(encounter="")).encounters is None
    path = coco(tmp_path / "a.json", ["a.png", "b.png"], [{"image_id": 1, "category_id": 0}])
    assert read_queries(path).encounters is None
    document = json.loads(path.read_text())
    document["images"][0]["burst"] = 7
    path.write_text(json.dumps(document))
    table = read_queries(path, columns=PictureColumns(encounter="burst"))
    assert (list(table.images), list(table.encounters or ())) == (["b.png", "a.png"], ["", "7"])


def test_a_key_of_coco_annotations_holds_the_individual(tmp_path):
    path = coco(
        tmp_path / "a.json",
        ["a.png", "b.png", "c.png"],
        [
            {"image_id": 0, "category_id": 0, "who": "Ann", "bbox": [1, 2, 30, 40]},
            {"image_id": 0, "category_id": 0, "who": "Bob", "bbox": [50, 2, 30.5, 40]},
            {"image_id": 1, "category_id": 0},
            {"image_id": 1, "category_id": 0},
        ],
    )
    gallery = read_gallery(path, label_column="who")
    assert (list(gallery.images), list(gallery.labels or ())) == (["a.png#1", "a.png#2"], ["Ann", "Bob"])
    assert gallery.regions[1].box == Box(50, 2, 30.5, 40)
    queries = read_queries(path, label_column="who")
    assert list(queries.images) == ["b.png", "c.png"]
    assert queries.paths == [tmp_path / "b.png", tmp_path / "c.png"]
    write_back(path, tmp_path / "b.json", [(["Cid"], 0.5), (["-1"], float("nan"))], "who", "-1")
    *old, first, second, last = json.loads((tmp_path / "b.json").read_text())["annotations"]
    assert old == json.loads(path.read_text())["annotations"][:2]
    assert first == {"id": 102, "image_id": 1, "category_id": 0, "who": "Cid"} | {"fieldguide": first["fieldguide"]}
    assert first["fieldguide"] == second["fieldguide"] == {"labels": ["Cid"], "probability": 0.5}
    assert "who" not in last
    with pytest.raises(FieldguideError, match=r"a\.json has changed since its pictures were read: start again"):
        write_back(path, tmp_path / "c.json", [(["Cid"], 0.5)], "who", "-1")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
MORE = st.dictionaries(TEXT.map(lambda key: f"x{key}"), JSON, max_size=2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nothing_in_a_coco_document_is_lost(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("coco")
    numbers = data.draw(st.lists(st.integers(0, 3), max_size=5))
    boxes = st.lists(st.floats(0.1, 1e6) | st.integers(1, 99), min_size=4, max_size=4)
    document = {
        **data.draw(MORE),
        "images": [{**data.draw(MORE), "id": n, "file_name": f"{n}.png"} for n in range(4)],
        "annotations": [
            {**data.draw(MORE), "id": n, "image_id": image, "category_id": 7, "bbox": data.draw(boxes)}
            for n, image in enumerate(numbers)
        ],
        "categories": [{"id": 7, "name": "animal", **data.draw(MORE)}],
    }
    source, path = folder / "in.json", folder / "out.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    n = len(read_queries(source))
    write_back(source, path, [(["Ann", "-1"], 0.5)] * n, "label", "-1")
    after = json.loads(path.read_text(encoding="utf-8"))
    assert {one["category_id"] for one in after["annotations"]} == {8}
    after["annotations"] = after["annotations"][: len(numbers)]
    for one in after["annotations"]:
        one["category_id"] = one.pop("fieldguide")["category_id"]
    assert after["categories"].pop() == {"id": 8, "name": "Ann"}
    assert after == document


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["m0", "m1", ""]), st.sampled_from(["", "Ann"]), TEXT), max_size=5))
def test_nothing_in_observations_is_lost(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("camtrap")
    rows = [seen(n, media, individual, comment=comment) for n, (media, individual, comment) in enumerate(drawn)]
    rows.append(seen(99, "m0"))
    package = camtrap(folder, [("m0", "a.png"), ("m1", "b.png")], rows)
    n = len(read_queries(package))
    write_back(package, folder / "out.csv", [(["Bob"], 0.5)] * n, "label", "-1")
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        _, *after = csv.reader(file)
    column = HEADER.index("individualID")
    expected = [[*row[:column], row[column] or ("Bob" if row[1] else ""), *row[column + 1 :]] for row in rows]
    assert after == expected


PACKAGE = {"resources": [{"name": "media", "path": "https://x.org/media.csv"}]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "is neither COCO, which has lists of images, annotations and categories, nor the datapackage.json"),
        ('{"images": []}', "is neither COCO"),
        (json.dumps(PACKAGE), "the resource 'media' is not one .csv beside it, as Camtrap DP has it"),
    ],
)
def test_other_documents_are_refused(text, told, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FieldguideError, match=told):
        read_queries(path)


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ({"image_id": 5, "category_id": 0}, "annotation 100 is of the picture 5, which is not among the images"),
        ({"image_id": 0, "category_id": 9}, "annotation 100 is of the category 9, which is not among the categories"),
        ({"image_id": 0, "category_id": 0, "bbox": [1, 2, 3]}, "annotation 100: its box has 3 numbers"),
        ({"image_id": 0, "category_id": 0, "bbox": [1, 2, 0, 3]}, "annotation 100: its box is empty"),
        ({"image_id": 0, "category_id": 0, "bbox": [1, 2, "w", 3]}, "annotation 100: its box is not in numbers"),
        ({"image_id": 0, "category_id": 0, "bbox": [1, 2, None, 3]}, "its box .* is not four numbers"),
    ],
)
def test_wrong_annotations_are_named(annotation, told, tmp_path):
    with pytest.raises(FieldguideError, match=told):
        read_gallery(coco(tmp_path / "a.json", ["a.png"], [annotation]))


def test_wrong_entries_and_observations_are_named(tmp_path):
    with pytest.raises(FieldguideError, match="entry 1 of its images has no 'id' or no 'file_name'"):
        read_queries(coco(tmp_path / "a.json", [""], []))
    for media, row, header, told in [
        ([("m0", "a.png")], seen(1, "m5"), HEADER, "row 1 is of the file m5, which is not in media.csv"),
        (
            [("m0", "https://x.org/a")],
            seen(1, "m0"),
            HEADER,
            "its picture is at https://x.org/a: fetch it, and put its path",
        ),
        ([("m0", "a.png")], seen(1, "m0", box=("0", "0", "0", "1")), HEADER, "row 1: its box is empty"),
        ([("m0", "a.png")], seen(1, "m0"), ("x", *HEADER[1:4], "y", *HEADER[5:]), "no column 'individualID'"),
    ]:
        package = camtrap(tmp_path, media, [row], header)
        with pytest.raises(FieldguideError, match=told):
            read_queries(package)
    (tmp_path / "observations.csv").write_text('a,"b\n')
    with pytest.raises(FieldguideError, match=r"observations\.csv is no CSV in UTF-8"):
        read_queries(package)
    (tmp_path / "observations.csv").unlink()
    with pytest.raises(FieldguideError, match=r"observations\.csv cannot be read"):
        read_queries(package)
