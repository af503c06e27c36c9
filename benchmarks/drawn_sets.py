"""Labelled pictures that the benchmarks draw themselves: letters, flags, icons, textures and coats, by seed.

Each set is an iterator over (label, group, picture); pictures of a group share what is no mark of their class, such as
the designer of an icon. The same name always draws the same pictures. Nothing is read but what matplotlib and
scikit-image carry.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

SIDE = 160
Drawn = tuple[str, str, Image.Image]
PALETTE = ((200, 30, 40), (20, 60, 150), (250, 210, 40), (245, 245, 245), (20, 20, 20), (20, 130, 60), (240, 130, 30))
SCRIPTS = {  # look-alikes of another script left out
    "latin": "ABDEFGHJKLMNPQRSTUVWXYZabdefghijklmnqrtuy23456789ÆØÇÑßþðłđħŧŋ&@%$£§¶?!#",
    "east": "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθλμξπσφψωБГДЖЗИЛПУФЦЧШЩЪЫЭЮЯбвджклмтфцчшщъыэюя∂∇∫∞≈≠±×÷√",
}
PHOTOGRAPHS = (
    "brick",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "page",
    "moon",
    "coffee",
    "coins",
)


def seen(picture: Image.Image, rng: np.random.Generator, hard: float = 1.0) -> Image.Image:
    """Photograph a flat picture: light from one side, another brightness, blur and noise."""
    slope = np.linspace(-1, 1, SIDE)
    light = 1 + hard * (
        rng.normal(0, 0.12) * slope[:, None] + rng.normal(0, 0.12) * slope[None, :] + rng.normal(0, 0.1)
    )
    pixels = np.asarray(picture.convert("RGB"), float) * light[..., None]
    pixels = pixels + rng.normal(0, 6 * hard, pixels.shape)
    lit = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return lit.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.8 * hard)))


def clutter(rng: np.random.Generator, side: int = SIDE) -> np.ndarray:
    """Give a background (side, side, 3): one colour, with bumps of one size."""
    n = max(2, side // int(rng.integers(8, 50)))
    bumps = zoom(rng.standard_normal((n, n)), side / n, order=1, mode="nearest", grid_mode=True)[:side, :side]
    return rng.uniform(50, 190, 3) + 25 * bumps[..., None]


def letters(script: str, pictures: int = 10, seed: int = 0) -> Iterator[Drawn]:
    """Draw glyphs in the typefaces that matplotlib carries, turned, sheared, in some ink on some paper."""
    import matplotlib as mpl

    fonts = sorted((Path(mpl.get_data_path()) / "fonts" / "ttf").glob("DejaVuS*.ttf"))
    fonts = [font for font in fonts if "Display" not in font.name]
    for number, glyph in enumerate(SCRIPTS[script]):
        for shot, font in enumerate(np.random.default_rng([seed, number]).permutation(len(fonts))[:pictures]):
            rng = np.random.default_rng([seed, number, shot])
            paper = rng.uniform(150, 255, 3) if rng.random() < 0.7 else rng.uniform(0, 90, 3)
            ink = rng.uniform(0, 90, 3) if paper.mean() > 120 else rng.uniform(170, 255, 3)
            mask = Image.new("L", (SIDE, SIDE))
            ImageDraw.Draw(mask).text(
                tuple(SIDE / 2 + rng.normal(0, 6, 2)),
                glyph,
                fill=255,
                font=ImageFont.truetype(str(fonts[font]), int(rng.integers(70, 120))),
                anchor="mm",
            )
            lean = rng.normal(0, 0.12)
            mask = mask.rotate(rng.normal(0, 8)).transform(
                mask.size, Image.Transform.AFFINE, (1, lean, -lean * 80, 0, 1, 0)
            )
            sheet = Image.new("RGB", mask.size, _colour(paper))
            sheet.paste(_colour(ink), mask=mask)
            yield f"glyph-{ord(glyph):05x}", fonts[font].stem, seen(sheet, rng)


def flags(classes: int = 150, pictures: int = 8, seed: int = 0) -> Iterator[Drawn]:
    """Draw flags of few layouts and colours, seen askew before a background."""
    for number in range(classes):
        flag = _flag(np.random.default_rng([seed, number]))
        for shot in range(pictures):
            rng = np.random.default_rng([seed, number, shot])
            corners = np.array([(18, 35), (142, 35), (142, 125), (18, 125)]) + rng.normal(0, 9, (4, 2))
            askew = flag.transform((SIDE, SIDE), Image.Transform.PERSPECTIVE, _perspective(corners, flag.size))
            mask = Image.new("L", flag.size, 255).transform(
                (SIDE, SIDE), Image.Transform.PERSPECTIVE, _perspective(corners, flag.size)
            )
            scene = _picture(clutter(rng))
            scene.paste(askew, mask=mask)
            yield f"flag-{number:03}", "", seen(scene, rng, hard=1.5)


def _flag(rng: np.random.Generator) -> Image.Image:
    wide, high = 180, 120
    colours = [PALETTE[code] for code in rng.permutation(len(PALETTE))]
    flag = Image.new("RGB", (wide, high), colours[0])
    pen = ImageDraw.Draw(flag)
    n, layout = int(rng.integers(2, 4)), rng.integers(0, 6)
    if layout in (0, 1):
        for stripe in range(n):
            box = (0, stripe * high / n, wide, high) if layout else (stripe * wide / n, 0, wide, high)
            pen.rectangle(box, fill=colours[stripe])
    elif layout == 2:
        at = wide * rng.uniform(0.3, 0.5)
        pen.rectangle((at - 12, 0, at + 12, high), fill=colours[1])
        pen.rectangle((0, high / 2 - 12, wide, high / 2 + 12), fill=colours[1])
    elif layout == 3:
        pen.line((0, 0, wide, high), fill=colours[1], width=24)
        pen.line((0, high, wide, 0), fill=colours[1], width=24)
    elif layout == 4:
        pen.rectangle((0, high / 2, wide, high), fill=colours[1])
        pen.polygon([(0, 0), (wide * rng.uniform(0.3, 0.5), high / 2), (0, high)], fill=colours[2])
    else:
        pen.rectangle((0, 0, wide / 2, high / 2), fill=colours[1])
    if rng.random() < 0.6:
        x, y, radius = wide * rng.choice([0.25, 0.5, 0.75]), high * rng.choice([0.3, 0.5]), rng.uniform(12, 28)
        _shape(pen, str(rng.choice(SHAPES)), x, y, radius, {"fill": colours[3]})
    return flag


SHAPES = ("disc", "square", "triangle", "star", "ring", "diamond", "bar", "cross", "hexagon")


def icons(classes: int = 150, designers: int = 8, seed: int = 0) -> Iterator[Drawn]:
    """Draw compositions of four shapes, each by every designer: with own colours, outlines, sizes and paper."""
    for number in range(classes):
        own = np.random.default_rng([seed, number])
        parts = [(str(own.choice(SHAPES)), *own.uniform(40, 120, 2), own.uniform(14, 46)) for _ in range(4)]
        hues = own.integers(0, 4, 4)
        for designer in range(designers):
            style = np.random.default_rng([seed, 10**6, designer])
            colours, paper = style.uniform(20, 235, (4, 3)), style.uniform(180, 255, 3)
            outline, width, scale = style.random() < 0.5, int(style.integers(2, 8)), style.uniform(0.75, 1.15)
            rng = np.random.default_rng([seed, number, designer])
            sheet = Image.new("RGB", (SIDE, SIDE), _colour(paper))
            pen = ImageDraw.Draw(sheet)
            for (shape, x, y, radius), hue in zip(parts, hues, strict=True):
                fill = _colour(colours[hue])
                how = {"outline": fill, "width": width} if outline else {"fill": fill}
                moved = x + rng.normal(0, 4), y + rng.normal(0, 4)
                _shape(pen, shape, *moved, radius * scale * rng.uniform(0.9, 1.1), how)
            yield f"icon-{number:03}", f"designer-{designer}", seen(sheet, rng, hard=0.3)


def textures(pictures: int = 40, seed: int = 0) -> Iterator[Drawn]:
    """Cut patches of scikit-image's photographs, turned, of different scale and light."""
    from skimage import data

    for number, name in enumerate(PHOTOGRAPHS):
        photograph = Image.fromarray(getattr(data, name)()).convert("RGB")
        for shot in range(pictures):
            rng = np.random.default_rng([seed, number, shot])
            side = int(rng.uniform(0.25, 0.45) * min(photograph.size))
            x, y = (int(rng.integers(0, full - side)) for full in photograph.size)
            patch = photograph.crop((x, y, x + side, y + side)).resize((SIDE, SIDE))
            yield name, "", seen(patch.rotate(90 * int(rng.integers(0, 4))), rng)


def grains(classes: int = 60, pictures: int = 10, seed: int = 0) -> Iterator[Drawn]:
    """Draw band-passed noise; a class is its wavelength, direction, bandwidth, level and colours, all close by."""
    for number in range(classes):
        own = np.random.default_rng([seed, number])
        kind = {
            "wave": own.uniform(6, 40),
            "stretch": own.uniform(1, 3),
            "above": own.uniform(-0.8, 0.8),
            "turn": own.uniform(0, np.pi),
        }
        dark, light = own.uniform(20, 110, 3), own.uniform(130, 240, 3)
        for shot in range(pictures):
            rng = np.random.default_rng([seed, number, shot])
            share = coat(rng, **kind | {"turn": kind["turn"] + rng.normal(0, 0.1)})
            yield f"grain-{number:03}", "", seen(_picture(light + (dark - light) * share[..., None]), rng, hard=2)


def coat(
    rng: np.random.Generator, wave: float, stretch: float, above: float, turn: float = 0, side: int = SIDE
) -> np.ndarray:
    """Draw noise of one wavelength, pixels, cut at a level: (side, side), 0 to 1."""
    u, v = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))
    along, across = np.cos(turn) * u + np.sin(turn) * v, -np.sin(turn) * u + np.cos(turn) * v
    radius = np.hypot(along, across * stretch) + 1e-9
    band = np.exp(-(((radius - 1 / wave) / (0.25 / wave)) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((side, side))) * band).real
    return 1 / (1 + np.exp(-6 * (noise / noise.std() - above)))


def coats(difficulty: float, classes: int = 150, pictures: int = 8, seed: int = 0) -> Iterator[Drawn]:
    """Draw animals that differ by their coats.

    Parameters
    ----------
    difficulty : 0, where coats differ in colour and coarseness and are seen from one side, to 1, where they differ in
        the places of their spots alone, and are bent, turned and half hidden
    """
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(float)
    for number in range(classes):
        own = np.random.default_rng([seed, number])
        vary = 1 - difficulty
        fur = coat(own, 22 * np.exp(vary * own.normal(0, 0.5)), 1 + vary * own.uniform(0, 2), vary * own.normal(0, 0.7))
        dark = np.array([66.0, 52, 40]) + vary * own.normal(0, 25, 3)
        light = np.array([205.0, 178, 150]) + vary * own.normal(0, 25, 3)
        for shot in range(pictures):
            rng = np.random.default_rng([seed, number, shot])
            half = rng.uniform(0.36, 0.44) * SIDE, rng.uniform(0.24, 0.32) * SIDE
            turn, (cx, cy) = rng.normal(0, 0.05 + 0.2 * difficulty), SIDE / 2 + rng.normal(0, 4, 2)
            u = (np.cos(turn) * (x - cx) + np.sin(turn) * (y - cy)) / half[0]
            v = (-np.sin(turn) * (x - cx) + np.cos(turn) * (y - cy)) / half[1]
            body = u**2 + v**2 < 1
            bends = [0.06 * difficulty * zoom(rng.standard_normal((4, 4)), SIDE / 4, order=3) for _ in range(2)]
            places = [
                (np.arcsin(np.clip(along, -0.999, 0.999)) / np.pi + 0.5 + difficulty * rng.uniform(-far, far) + bend)
                * SIDE
                for along, far, bend in zip((v, u), (0.08, 0.16), bends, strict=True)
            ]
            share = map_coordinates(fur, places, order=1, mode="mirror")[..., None]
            skin = (light + (dark - light) * share) * np.clip(0.9 - 0.3 * v, 0.4, 1.3)[..., None]
            scene = _picture(np.where(body[..., None], skin, clutter(rng) if difficulty > 0.15 else 120.0))
            pen = ImageDraw.Draw(scene)
            for _ in range(rng.integers(0, 1 + round(3 * difficulty))):
                pen.line(
                    tuple(rng.integers(0, SIDE, 4).tolist()), _colour(rng.uniform(30, 160, 3)), int(rng.integers(2, 8))
                )
            yield f"animal-{number:03}", "", seen(scene, rng, hard=0.5 + difficulty)


def near_copy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Make another picture of the same burst: a crop a little shifted, in slightly other light."""
    wide, high = picture.size
    left, top, right, bottom = rng.uniform(0, 0.05, 4)
    crop = picture.convert("RGB").crop(
        (int(left * wide), int(top * high), int((1 - right) * wide), int((1 - bottom) * high))
    )
    light = rng.uniform(0.9, 1.1)
    return crop.resize(picture.size).point(lambda value: min(255, round(value * light)))


def _colour(rgb: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in np.clip(rgb, 0, 255))


def _picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(gaussian_filter(pixels, (0.5, 0.5, 0)), 0, 255).astype(np.uint8))


def _perspective(corners: np.ndarray, size: tuple[int, int]) -> list[float]:
    """Give PIL's eight numbers of the map from the corners seen to those of a picture of a size."""
    wide, high = size
    rows, flat = [], [(0, 0), (wide, 0), (wide, high), (0, high)]
    for (x, y), (u, v) in zip(corners, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.linalg.solve(np.array(rows), np.array(flat, float).ravel()).tolist()


def _shape(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, radius: float, how: dict[str, Any]) -> None:
    box = (x - radius, y - radius, x + radius, y + radius)
    sides = {"triangle": 3, "diamond": 4, "hexagon": 6}
    if shape == "disc":
        pen.ellipse(box, **how)
    elif shape == "ring":
        pen.ellipse(box, outline=how.get("fill", how.get("outline")), width=max(3, int(radius / 3)))
    elif shape == "square":
        pen.rectangle(box, **how)
    elif shape == "bar":
        pen.rectangle((x - radius, y - radius / 4, x + radius, y + radius / 4), **how)
    elif shape == "cross":
        pen.rectangle((x - radius, y - radius / 4, x + radius, y + radius / 4), **how)
        pen.rectangle((x - radius / 4, y - radius, x + radius / 4, y + radius), **how)
    else:
        n = 10 if shape == "star" else sides[shape]
        reach = [radius * (0.45 if shape == "star" and corner % 2 else 1) for corner in range(n)]
        angles = -np.pi / 2 + 2 * np.pi * np.arange(n) / n
        corners = [(x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(reach, angles, strict=True)]
        pen.polygon(corners, **how)


DRAWN: dict[str, Callable[[], Iterator[Drawn]]] = {
    "letters-latin": partial(letters, "latin"),
    "letters-east": partial(letters, "east"),
    "flags-0": partial(flags, seed=0),
    "flags-1": partial(flags, seed=1),
    "icons-0": partial(icons, seed=0),
    "icons-1": partial(icons, seed=1),
    "textures": partial(textures),
    "grains-0": partial(grains, seed=0),
    "grains-1": partial(grains, seed=1),
    **{f"coats-{10 * d:.0f}": partial(coats, d, seed=round(100 * d)) for d in (0.0, 0.3, 0.5, 0.7, 0.9)},
}
