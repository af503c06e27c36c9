"""Boxes and masks: the part of a picture that they name is what is identified, and what is wrong with them is said."""

import io
import itertools
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import read_csv, write_csv
from drawing import FOREIGN, KNOWN, draw
from fieldguide import FieldguideError, ImageTable, PictureColumns
from fieldguide.embedding.cache import sign_file
from fieldguide.embedding.decoders import Decoders
from fieldguide.embedding.embedder import Embedder
from fieldguide.images.decoding import UnreadableError, open_picture, open_rgb
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.images.regions import BLANK
from fieldguide.pipelines.report_data import read_report_data
from fieldguide.records import read_gallery, read_queries
from fieldguide.records.columns import part_names
from fieldguide.records.image_table import Part
from fieldguide.records.regions import Box, Region

SIZE = 400, 300
PLACES = {"stripes": (10, 20), "dots": (150, 180), "rings": (290, 4)}  # where patterns of 96 pixels are in a scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    """A picture of three things, with much around them."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8))
    for kind, corner in PLACES.items():
        picture.paste(draw(kind, 50), corner)
    path = tmp_path_factory.mktemp("scenes") / "scene.png"
    picture.save(path)
    return path


def pixels(source, region=None, shortest=0) -> np.ndarray:
    return np.asarray(open_rgb(source if region is None else Part(source, region), shortest))


def tight(x: float, y: float, width: float, height: float, *, shares: bool = False, mask=None) -> Region:
    return Region(Box(x, y, width, height, shares), mask, margin=0)


def test_boxes_of_one_picture_are_queries_of_their_own(scene, few, done, tmp_path):
    boxes = [("image", "x", "y", "width", "height"), *(("scene.png", *place, 96, 96) for place in PLACES.values())]
    for kind in FOREIGN:
        draw(kind, 9).save(scene.parent / f"{kind}.png")
    rows = [*boxes, *((f"{kind}.png", "", "", "", "") for kind in FOREIGN)]
    queries = write_csv(scene.parent / "queries.csv", [tuple(map(str, row)) for row in rows])
    answers = tmp_path / "answers.csv"
    done("identify", few.gallery, queries, "-o", answers, "--margin", 0)
    header, *found = read_csv(answers)
    assert header == ["image", "label", "picture", "x", "y", "width", "height"]
    assert [row[0] for row in found] == ["scene.png#1", "scene.png#2", "scene.png#3", *(f"{k}.png" for k in FOREIGN)]
    assert [row[2:] for row in found] == [list(map(str, row)) for row in rows[1:]]
    assert [row[1].split()[0] for row in found[:3]] == list(PLACES)

    truth = write_csv(
        tmp_path / "truth.csv", [("image", "label"), *(("scene.png", kind) for kind in PLACES), ("blob.png", "-1")]
    )
    assert "top-1" in done("evaluate", answers, truth).out
    details = tmp_path / "details.parquet"
    done("identify", few.gallery, queries, "-o", answers, "--details", details)
    data = read_report_data(details, few.gallery, queries, truth=truth, show=False)
    assert list(data.queries.regions) == [0, 1, 2]
    assert data.truth == {**{f"scene.png#{n}": kind for n, kind in enumerate(PLACES, 1)}, "blob.png": "-1"}


def test_the_embedding_of_a_box_is_that_of_what_is_cut_out_by_whatever_form(scene, tmp_path):
    x, y = PLACES["dots"]
    width, height = SIZE
    shares = x / width, y / height, 96 / width, 96 / height
    name = str(scene)
    pq.write_table(pa.table({"image": [name], "bbox": pa.array([[x, y, 96, 96]])}), tmp_path / "list.parquet")
    write_csv(tmp_path / "bbox.csv", [("image", "bbox"), (name, f"[{x}, {y}, 96, 96]")])
    write_csv(tmp_path / "shares.csv", [("image", "x", "y", "width", "height"), (name, *map(str, shares))])
    write_csv(tmp_path / "named.csv", [("image", "l", "t", "w", "h"), (name, *map(str, (x, y, 96, 96)))])
    numbers = pd.DataFrame({"image": [name], "x": [x], "y": [y], "width": [96], "height": [96.0]})
    lists = pd.DataFrame({"image": [name], "bbox": [[x, y, 96, 96]]})
    columns = PictureColumns(margin=0)
    own_names = PictureColumns(("l", "t", "w", "h"), margin=0)
    tables = [read_queries(tmp_path / file, columns=columns) for file in ("list.parquet", "bbox.csv", "shares.csv")]
    tables += [read_queries(tmp_path / "named.csv", columns=own_names)]
    tables += [ImageTable.from_images([scene], boxes=[(x, y, 96, 96)], margin=0)]
    tables += [ImageTable.from_images([scene.read_bytes()], boxes=[shares], margin=0)]
    tables += [ImageTable.from_images([np.asarray(Image.open(scene))], boxes=[shares], margin=0)]
    from fieldguide.records.given import unlabelled_pictures

    tables += [unlabelled_pictures(frame, columns=columns) for frame in (numbers, lists)]
    embedder = Embedder(show=False)
    wanted = embedder.embed(ImageTable.from_images([draw("dots", 50)])).matrix
    for cached in (False, True):
        embedder.cache = cached
        for table in tables:
            assert embedder.embed(table).matrix.tobytes() == wanted.tobytes()
    assert (embedder.embed(ImageTable.from_images([scene])).matrix != wanted).any()
    assert read_queries(tmp_path / "bbox.csv", columns=PictureColumns(())).regions == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_in_the_picture_as_people_see_it(orientation, tmp_path):
    whole = Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole.save(tmp_path / "turned.png", exif=exif)
    upright = pixels(tmp_path / "turned.png")
    assert upright.shape[:2] == ((40, 60) if orientation < 5 else (60, 40))
    seen = pixels(tmp_path / "turned.png", tight(3, 7, 20, 10))
    assert (seen == upright[7:17, 3:23]).all()
    in_memory = Image.open(io.BytesIO((tmp_path / "turned.png").read_bytes()))
    assert (pixels(in_memory, tight(3, 7, 20, 10)) == seen).all()
    mask = np.zeros(upright.shape[:2], np.uint8)
    mask[9:, 5:] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    masked = pixels(tmp_path / "turned.png", tight(3, 7, 20, 10, mask=tmp_path / "mask.png"))
    assert (masked[2:, 2:] == seen[2:, 2:]).all()
    assert (masked[:2] == BLANK).all()
    assert (masked[:, :2] == BLANK).all()


@given(
    box=st.tuples(st.floats(-50, 90), st.floats(-50, 60), st.floats(0.01, 200), st.floats(0.01, 200)),
    margin=st.sampled_from([0, 0.1, 3]),
)
def test_any_box_shows_the_pixels_that_it_touches_or_says_that_it_lies_outside(box, margin):
    whole = np.arange(40 * 60 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 60, 3)
    x, y, width, height = box
    region = Region(Box(*box), margin=margin)
    if min(x + width, 60) - max(x, 0) < 1e-6 or min(y + height, 40) - max(y, 0) < 1e-6:
        with pytest.raises(UnreadableError, match="lies outside the picture, which has 60 × 40 pixels"):
            pixels(whole, region)
        return
    seen = pixels(whole, region)
    left, top = (max(at - margin * length, 0) for at, length in ((x, width), (y, height)))
    right, bottom = (min(at + (1 + margin) * length, end) for at, length, end in ((x, width, 60), (y, height, 40)))
    assert abs(seen.shape[1] - (np.ceil(right) - np.floor(left))) <= 1
    assert abs(seen.shape[0] - (np.ceil(bottom) - np.floor(top))) <= 1


def test_a_jpeg_is_decoded_as_large_as_its_box_needs(tmp_path):
    drawn = draw("rings", 3).resize((480, 480), Image.Resampling.BICUBIC)
    whole = Image.new("RGB", (3200, 2400), "grey")
    whole.paste(drawn, (1600, 800))
    whole.save(tmp_path / "large.jpg", quality=95)
    seen = pixels(tmp_path / "large.jpg", tight(1600, 800, 480, 480), shortest=100)
    assert 100 <= seen.shape[0] <= 240
    near = np.asarray(drawn.resize(seen.shape[1::-1], Image.Resampling.BOX), np.float32)
    assert np.abs(seen - near).mean() < 6


def test_a_box_in_a_picture_of_100_megapixels_costs_what_the_picture_costs(tmp_path):
    whole = Image.new("1", (12_500, 8_000))
    whole.paste(1, (9_000, 4_000, 9_100, 4_100))
    whole.save(tmp_path / "large.png")
    steps = Preprocessing(32, 32, (0, 0, 0), (1, 1, 1))
    with Decoders(steps, 64, 60.0) as decoders:  # as for any picture whose decoder may take too long
        seen, _ = decoders(tmp_path / "large.png", tight(9_000, 4_000, 100, 100))
        with pytest.raises(UnreadableError, match="lies outside the picture, which has 12500 × 8000 pixels"):
            decoders(tmp_path / "large.png", tight(12_600, 0, 5, 5))
    assert (seen == 255).all()


def test_what_is_kept_is_of_the_box_and_of_its_mask(scene, tmp_path):
    mask = tmp_path / "mask.png"
    Image.new("L", SIZE, 255).save(mask)
    regions = [tight(0, 0, 50, 50), tight(0, 0, 50, 51), Region(Box(0, 0, 50, 50), None, 0.1), tight(0, 0, 0.5, 0.5)]
    regions += [tight(0, 0, 0.5, 0.5, shares=True), Region(mask=mask), tight(0, 0, 50, 50, mask=mask)]

    def contents() -> list[bytes]:
        with open_picture(scene) as file:
            return [sign_file(scene, file, region).content for region in (None, *regions)]

    before = contents()
    assert len({*before}) == len(before)
    assert before[0] == blake2b(scene.read_bytes(), digest_size=16).digest()  # as it was before there were regions
    Image.new("L", SIZE, 254).save(mask)
    changed = [one != other for one, other in zip(before, contents(), strict=True)]
    assert changed == [False] * 6 + [True] * 2


def test_a_second_run_knows_the_boxes_of_the_first(scene, done, tmp_path):
    rows = [("image", "x", "y", "width", "height"), *((str(scene), *map(str, (*p, 90, 91))) for p in PLACES.values())]
    queries = write_csv(tmp_path / "queries.csv", rows)
    first = done("embed", queries, "-o", tmp_path / "first.npz")
    again = done("embed", queries, "-o", tmp_path / "again.npz")
    assert "known" not in first.err
    assert "3 known" in again.err or "embedding" not in again.err
    one, other = (np.load(tmp_path / f"{name}.npz") for name in ("first", "again"))
    assert (one["embedding"] == other["embedding"]).all()
    assert one["image"].tolist() == [f"{scene}#{number}" for number in (1, 2, 3)]


def masked(tmp_path: Path, mask: Image.Image) -> np.ndarray:
    whole = Image.new("RGB", (80, 60), "red")
    mask.save(tmp_path / "mask.png")
    return pixels(whole, Region(mask=tmp_path / "mask.png"))


@pytest.mark.parametrize("size", [(80, 60), (160, 120), (27, 20), (8, 6)])
@pytest.mark.parametrize("white", [1, 255])
def test_a_mask_blanks_the_background_in_whatever_size_of_the_same_shape(size, white, tmp_path):
    mask = Image.new("L", size)
    mask.paste(white, (0, 0, size[0] // 2, size[1]))
    seen = masked(tmp_path, mask)
    assert (seen[:, :36] == (255, 0, 0)).all()
    assert (seen[:, 44:] == BLANK).all()


@pytest.mark.parametrize(
    ("size", "white", "reason"),
    [
        ((60, 80), 255, "its mask has 60 × 80 pixels, another shape than the picture's 80 × 60"),
        ((80, 80), 255, "its mask has 80 × 80 pixels, another shape than the picture's 80 × 60"),
        ((80, 60), 0, "its mask says that all of it is background"),
    ],
)
def test_a_mask_that_cannot_be_one_is_a_reason(size, white, reason, tmp_path):
    with pytest.raises(UnreadableError) as error:
        masked(tmp_path, Image.new("L", size, white))
    assert str(error.value) == reason


def test_masks_are_read_from_tables_and_a_broken_one_stops_nothing(scene, done, refused, few, tmp_path):
    Image.new("L", SIZE, 255).save(tmp_path / "all.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for kind in KNOWN:
        draw(kind, 3).save(tmp_path / f"{kind}.png")
    rows = [("image", "mask"), (str(scene), "all.png"), ("dots.png", "broken.png"), ("rings.png", "")]
    queries = write_csv(tmp_path / "queries.csv", rows)
    done("identify", few.gallery, queries, "-o", tmp_path / "answers.csv")
    assert [row[0] for row in read_csv(tmp_path / "answers.csv")] == ["image", str(scene), "dots.png", "rings.png"]
    _, listed = read_csv(tmp_path / "answers.unreadable.csv")
    assert listed[0] == "dots.png"
    assert listed[2].startswith(f"its mask {tmp_path / 'broken.png'}: not a picture in a known format")
    write_csv(queries, [*rows, ("stripes.png", "gone.png")])
    assert refused("identify", few.gallery, queries) == (
        f"fieldguide: {queries}: row 4: no such mask: {tmp_path / 'gone.png'}; name the column of masks with "
        "--mask-column, or say --mask-column none"
    )
    assert len(read_queries(queries, columns=PictureColumns(mask="")).regions) == 0


BOX = "image", "x", "y", "width", "height"
WRONG = {
    "negative": ([BOX, ("a", "1", "1", "5", "5"), ("b", "1", "1", "-5", "5")], "row 2: the box 1, 1, -5, 5 has a "),
    "empty": ([BOX, ("a", "1", "1", "0", "5")], "row 1: the box 1, 1, 0, 5 is empty"),
    "no number": ([BOX, ("a", "nan", "1", "5", "5")], "row 1: the box nan, 1, 5, 5 has a number that is none"),
    "infinite": ([BOX, ("a", "1", "1", "inf", "5")], "row 1: the box 1, 1, inf, 5 has a number that is none"),
    "words": ([BOX, ("a", "1", "left", "5", "5")], "row 1: the box '1, left, 5, 5' is not four numbers, x, y"),
    "a hole": ([BOX, ("a", "1", "", "5", "5")], "row 1: the box '1, , 5, 5' is not four numbers"),
    "another unit": (
        [BOX, ("a", "10", "10", "50", "50"), ("b", "0.1", "0.1", "0.5", "0.5")],
        "row 2: the box 0.1, 0.1, 0.5, 0.5 is in shares from 0 to 1, where other rows are in pixels",
    ),
    "tiny": ([BOX, ("a", "10", "10", "0.5", "0.5")], "row 1: the box 10, 10, 0.5, 0.5 is smaller than a pixel"),
    "three": ([("image", "bbox"), ("a", "1 2 3")], "row 1: the box '1, 2, 3' has 3 numbers: x, y, width and height"),
    "twice": ([BOX, ("a", "1", "1", "5", "5"), ("a", "1", "1", "5", "5")], "a#2 is listed twice"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_box_is_said_in_a_line_with_its_row(case, few, refused, tmp_path):
    rows, said = WRONG[case]
    queries = write_csv(tmp_path / "queries.csv", rows)
    error = refused("identify", few.gallery, queries)
    assert error.startswith(f"fieldguide: {queries}: {said}")


def test_a_box_outside_its_picture_stops_nothing(scene, few, done, tmp_path):
    rows = [BOX, (str(scene), "10", "20", "96", "96"), (str(scene), "900", "20", "96", "96")]
    queries = write_csv(tmp_path / "queries.csv", rows)
    done("identify", few.gallery, queries, "-o", tmp_path / "answers.csv")
    assert read_csv(tmp_path / "answers.unreadable.csv")[1] == [
        f"{scene}#2",
        "queries",
        "its box 900, 20, 96, 96 lies outside the picture, which has 400 × 300 pixels",
    ]
    assert read_csv(tmp_path / "answers.csv")[2][1] == "-1"


def test_options_that_say_nothing_sensible_are_refused(few, refused):
    def said(*words):
        return refused("identify", few.gallery, few.queries, *words)

    assert said("--box-columns", "x,y") == (
        "fieldguide: --box-columns names 2 columns, x, y: a box has four, x,y,width,height, or one with all of them"
    )
    assert said("--margin", "-1") == "fieldguide: --margin is a share of the box's sides, 0 or more, not -1.0"


def test_a_named_column_must_be_there(few, refused, tmp_path):
    queries = write_csv(tmp_path / "queries.csv", [("image",), ("a",)])
    assert refused("identify", few.gallery, queries, "--box-columns", "box") == (
        f"fieldguide: {queries} has no column 'box', which an option names"
    )


def test_two_labels_in_one_picture_are_two_shots_and_one_box_has_one(tmp_path):
    rows = [(*BOX, "label"), ("a", "1", "1", "5", "5", "ape"), ("a", "9", "1", "5", "5", "bee")]
    gallery = read_gallery(write_csv(tmp_path / "gallery.csv", rows))
    assert (gallery.images, gallery.labels) == (["a#1", "a#2"], ["ape", "bee"])
    taken = gallery.take([1])
    assert taken.regions[0] == gallery.regions[1]
    with pytest.raises(FieldguideError, match="a#3 is under two labels, 'ape' and 'cat'"):
        read_gallery(write_csv(tmp_path / "gallery.csv", [*rows, ("a", "1", "1", "5", "5", "cat")]))


def test_boxes_in_python_are_checked():
    for boxes, said in (
        ([(1, 2, 3)], "the box of picture 0 has 3 numbers"),
        ([(1, 2, 0, 3)], "the box of picture 0 is empty"),
        ([], "there are 0 boxes for 1 pictures"),
    ):
        with pytest.raises(ValueError, match=said):
            ImageTable.from_images([np.zeros((4, 4, 3), np.uint8)], boxes=boxes)


@given(st.lists(st.sampled_from(["a", "a#1", "a#2", "b", "a#1#1"]), max_size=8))
def test_names_of_parts_are_unique_and_a_lone_one_keeps_its_own(images):
    names = part_names(images)
    assert len({*names}) == len(names)
    for image, name in zip(images, names, strict=True):
        assert name == image if images.count(image) == 1 else name.startswith(f"{image}#")


def test_a_picture_with_and_without_a_box_is_no_repeat_of_itself(scene, caplog, tmp_path):
    rows = [(*BOX, "label"), (str(scene), "", "", "", "", "ape"), (str(scene), "1", "1", "5", "5", "ape")]
    gallery = read_gallery(write_csv(tmp_path / "gallery.csv", rows))
    assert list(itertools.chain(gallery.regions)) == [1]
