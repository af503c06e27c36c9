"""Pictures are read as a viewer shows them: cut short, of many bits, of telephones and cameras."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from conftest import read_csv
from drawing import draw
from fieldguide.backbones import load_backbone
from fieldguide.images.decoding import UnreadableError, open_rgb
from fieldguide.records import read_queries

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)
PHOTO = draw("noise").resize((400, 300), Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def pixels(path: Path, shortest: int = 0) -> np.ndarray:
    return np.asarray(open_rgb(path, shortest)).astype(int)


# --- cut short -----------------------------------------------------------------------------------------------------

KINDS_CUT: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
    "photo.jpg": (PHOTO, "jpeg", {}),
    "grey.jpg": (PHOTO.convert("L"), "jpeg", {}),
    "progressive.jpg": (PHOTO, "jpeg", {"progressive": True}),
    "photo.png": (PHOTO, "png", {}),
    "photo.gif": (PHOTO, "gif", {}),
    "photo.webp": (PHOTO, "webp", {}),
    "lossless.webp": (PHOTO, "webp", {"lossless": True}),
    "photo.tif": (PHOTO, "tiff", {}),
    "photo.bmp": (PHOTO, "bmp", {}),
    "16 bits.tif": (Image.fromarray(np.asarray(PHOTO.convert("L")).astype(np.uint16) * 257), "tiff", {}),
}


@pytest.mark.parametrize("name", KINDS_CUT)
@pytest.mark.parametrize("shortest", [0, 60])
def test_what_lost_its_end_is_read_as_far_as_it_goes(name, shortest, tmp_path):
    picture, kind, options = KINDS_CUT[name]
    content = encoded(picture, kind, **options)
    path = tmp_path / name
    path.write_bytes(content)
    whole = pixels(path, shortest)
    for lost in 2, 40, len(content) // 50:
        path.write_bytes(content[:-lost])
        read = pixels(path, shortest)
        assert (np.abs(read - whole).max(2) > 8).mean() < 0.1, lost
    assert not ImageFile.LOAD_TRUNCATED_IMAGES

    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableError, match="truncated"):
        open_rgb(path, shortest)


def test_one_warning_a_run_names_what_is_cut_short(few, done, tmp_path):
    (tmp_path / "queries").mkdir()
    for name in "a.jpg", "b.jpg", "c.jpg":
        (tmp_path / "queries" / name).write_bytes(encoded(PHOTO, "jpeg")[: -2 if name < "c" else None])
    words = "identify", few.gallery, tmp_path / "queries", "--recipe", "cosine", "--distractors", "none"
    outcome = done(*words, "-o", tmp_path / "a.csv")
    (line,) = [line for line in outcome.complaints if "cut short" in line]
    assert line.endswith("2 pictures are cut short and were read as far as they go: a.jpg, b.jpg")
    _, *rows = read_csv(tmp_path / "a.csv")
    assert [name for name, _ in rows] == ["a.jpg", "b.jpg", "c.jpg"]
    assert not (tmp_path / "a.unreadable.csv").exists()


def test_a_class_whose_only_shot_lost_two_bytes_is_used(few, done, tmp_path):
    for kind in "dots", "rings":
        (tmp_path / "gallery" / kind).mkdir(parents=True)
        (tmp_path / "gallery" / kind / "1.jpg").write_bytes(encoded(draw(kind), "jpeg")[:-2])
    words = "identify", tmp_path / "gallery", few.queries, "--recipe", "cosine", "--distractors", "none"
    done(*words, "-o", tmp_path / "a.csv")
    answers = dict(read_csv(tmp_path / "a.csv")[1:])
    assert answers["0-dots.png"].split()[0] == "dots"
    assert answers["0-rings.png"].split()[0] == "rings"


# --- of many bits --------------------------------------------------------------------------------------------------

RAMP = np.linspace(0, 1, 256)[None].repeat(20, axis=0)
RAMP8 = np.arange(256)[None].repeat(20, axis=0)
ENDS: dict[str, Callable[[], np.ndarray]] = {
    "12 bits.png": lambda: np.rint(RAMP * 4095).astype(np.uint16),
    "12 bits.tif": lambda: np.rint(RAMP * 4095).astype(np.uint16),
    "14 bits.tif": lambda: np.rint(RAMP * 16383).astype(np.uint16),
    "16 bits.png": lambda: np.rint(RAMP * 65535).astype(np.uint16),
    "16 bits, big end first.tif": lambda: np.rint(RAMP * 65535).astype(">u2"),
    "12 bits, big end first.tif": lambda: np.rint(RAMP * 4095).astype(">u2"),
    "thermal, hundredths of a kelvin.tif": lambda: np.rint(27315 + RAMP * 5000).astype(np.uint16),
    "thermal, degrees.tif": lambda: (-5 + RAMP * 40).astype(np.float32),
    "0 to 1.tif": lambda: RAMP.astype(np.float32),
    "a bit above 1.tif": lambda: (RAMP * 1.01).astype(np.float32),
    "0 to 255.tif": lambda: (RAMP * 255).astype(np.float32),
    "tiny.tif": lambda: (RAMP * 1e-6).astype(np.float32),
    "signed.tif": lambda: np.rint(RAMP * 60000 - 30000).astype(np.int16),
    "signed, 32 bits.tif": lambda: np.rint(RAMP * 1e6 - 5e5).astype(np.int32),
    "heights.tif": lambda: np.rint(RAMP * 1e6).astype(np.int32),
}


@pytest.mark.parametrize("name", ENDS)
def test_greyscale_of_many_bits_goes_from_black_to_white(name, tmp_path):
    path = tmp_path / name
    write_deep(path, ENDS[name]())
    assert np.abs(pixels(path)[..., 0] - RAMP8).max() <= 1


def write_deep(path: Path, values: np.ndarray, **tags: object) -> None:
    if path.suffix == ".png":
        Image.fromarray(values).save(path)
        return
    import tifffile

    order = ">" if values.dtype.byteorder == ">" else "<"
    tifffile.imwrite(path, values, byteorder=order, photometric="minisblack", **tags)


@pytest.mark.parametrize("name", ["12 bits.tif", "thermal, degrees.tif"])
def test_a_large_one_has_the_range_of_the_whole(name, tmp_path, monkeypatch):
    write_deep(tmp_path / "a.tif", ENDS[name]().repeat(4, axis=0))
    whole = pixels(tmp_path / "a.tif")
    monkeypatch.setattr("fieldguide.images.decoding.LARGE", 100)
    monkeypatch.setattr("fieldguide.images.decoding.BAND", 2000)
    assert (pixels(tmp_path / "a.tif", 80) == whole).all()


def test_nan_is_black_and_infinity_and_no_data_do_not_count(tmp_path):
    values = (10 + RAMP * 20).astype(np.float32)
    values[3, 100], values[4, 100], values[5, 100] = np.nan, np.inf, -np.inf
    values[6, 100] = -9999
    write_deep(tmp_path / "a.tif", values, extratags=[(42113, "s", 0, "-9999", True)])
    read = pixels(tmp_path / "a.tif")[..., 0]
    assert read[3:7, 100].tolist() == [0, 255, 0, 0]
    assert np.abs(read[:3] - RAMP8[:3]).max() <= 1


@pytest.mark.parametrize("value", [np.nan, 0.5, 7.0])
def test_a_float_picture_of_one_value_is_one_grey(value, tmp_path):
    write_deep(tmp_path / "a.tif", np.full((9, 9), value, np.float32))
    assert np.unique(pixels(tmp_path / "a.tif")).tolist() == [{0.5: 128, 7.0: 7}.get(value, 0)]


def test_a_tiff_of_16_bits_a_channel(tmp_path):
    import tifffile

    values = np.zeros((8, 8, 3), np.uint16)
    values[:, :4], values[:, 4:] = np.array(RED) * 257, np.array(BLUE) * 257
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert [open_rgb(tmp_path / "a.tif").getpixel(place) for place in [(1, 1), (6, 1)]] == [RED, BLUE]


# --- of telephones, cameras and programs ---------------------------------------------------------------------------

# Four quarters, red, green, blue and white, of 96 × 64; written by pillow-heif, whose encoder the project does not have
HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERA"
    "AAEAAQAAAAABegABAAAAAAAAAN0AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAA"
    "AHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCBBZbq"
    "SSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgA"
    "AAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAOVtZGF0AAAA2SgBrwng4wybUR///ei+//9uY9D/WtWB5k8i/0vMt/wJiP/oz72EUfe3rTUMMwcLGvTIHSGZ"
    "HBopWZgg/SA/C40ll6YM1z9DR4zpowGWbJmXm3kJqcJZAaop5F7fTPed9q16dnsDz/c/xGJP/+kN7x/S6v//vnotI1v6l6de9Ui94Qg91H3ZBSxFGKhK"
    "m8T+J+B/2A3I81+0u0rSabmeXgsMt4dpnGkd/RKXlLAk8+euv91Aird0eT/6SCI+T8Z7rqfGjb2aFUl3qEpXoa3yD0l7hUbbf/+Bz/w="
)


def test_telephones_pictures_in_a_folder_are_read(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(base64.b64decode(HEIC))
    (tmp_path / "IMG_2.heif").write_bytes(base64.b64decode(HEIC))
    (tmp_path / "by another name.jpg").write_bytes(base64.b64decode(HEIC))
    PHOTO.save(tmp_path / "a.avif")
    PHOTO.save(tmp_path / "stereo.mpo", save_all=True, append_images=[draw("dots")])
    catalog = read_queries(tmp_path)
    assert catalog.images == ["IMG_1.HEIC", "IMG_2.heif", "a.avif", "by another name.jpg", "stereo.mpo"]
    for path in catalog.paths[:2]:
        assert pixels(path)[8, 8] == pytest.approx(RED, abs=4)
        assert pixels(path)[56, 88] == pytest.approx(WHITE, abs=4)
    assert np.abs(pixels(catalog.paths[4]) - np.asarray(PHOTO).astype(int)).mean() < 6


def test_a_spoilt_heic_has_a_reason(tmp_path):
    (tmp_path / "a.heic").write_bytes(base64.b64decode(HEIC)[:-100])
    with pytest.raises(UnreadableError):
        open_rgb(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", ["webp", "tif", "avif", "mpo"])
def test_other_formats_are_turned_upright_too(suffix, tmp_path):
    stored = np.zeros((64, 32, 3), np.uint8)  # upright it lies, with red at the left
    stored[:32], stored[32:] = BLUE, RED
    exif = Image.Exif()
    exif[0x0112] = 6  # the viewer turns it clockwise
    Image.fromarray(stored).save(tmp_path / f"a.{suffix}", exif=exif)
    read = pixels(tmp_path / f"a.{suffix}")
    assert read.shape == (32, 64, 3)
    assert read[16, 10] == pytest.approx(RED, abs=8)
    assert read[16, 54] == pytest.approx(BLUE, abs=8)


def test_a_cmyk_jpeg_of_photoshop_is_not_inverted(tmp_path):
    cmyk = Image.new("RGB", (32, 32), (200, 60, 30)).convert("CMYK")
    content = encoded(cmyk, "jpeg", quality=95)
    assert b"Adobe" in content
    (tmp_path / "a.jpg").write_bytes(content)
    assert open_rgb(tmp_path / "a.jpg").getpixel((9, 9)) == pytest.approx((200, 60, 30), abs=8)


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff"])
def test_any_shape_has_an_embedding(size, kind, tmp_path):
    Image.new("RGB", size, RED).save(tmp_path / f"a.{kind}")
    square = load_backbone("efficientnet-lite0").preprocessing(open_rgb(tmp_path / f"a.{kind}", 448))
    assert np.abs(square.astype(int) - RED).max() <= 3
