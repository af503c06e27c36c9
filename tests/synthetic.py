"""A run of any size without a backbone: embeddings about class centres, and small pictures of one colour each."""

import colorsys
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from fieldguide import TransductiveClassifier
from fieldguide.embedding import EmbeddingTable
from fieldguide.records import ImageTable
from fieldguide.report import ReportData
from fieldguide.report.details import RunFacts

DIM, SHOTS, NOISE = 32, 3, 1.15  # so noisy that some classes are mistaken for others


def make_run(
    folder: Path,
    *,
    classes: int,
    queries: int,
    truth: bool = True,
    contamination: float = 0.3,
    labels: list[str] | None = None,
    names: list[str] | None = None,
    side: int = 24,
    paint: Callable[[float, int], Image.Image] | None = None,
    seed: int = 0,
) -> ReportData:
    """Make gallery and queries in `folder`, and answer them by the default recognizer.

    Parameters
    ----------
    classes, queries : how many
    truth : whether the run knows it
    contamination : share of distractors, of as many foreign classes as a third of the known ones
    labels, names : of the classes, and of the first queries, where they matter
    side : of the pictures, pixels
    paint : draws a picture of a hue, a class each; of one colour unless given
    """
    rng = np.random.default_rng(seed)
    paint = paint or paint_plain
    labels = sorted(labels or [f"class-{code:04}" for code in range(classes)])
    foreign = max(1, classes // 3)
    centres = rng.normal(size=(classes + foreign, DIM))
    of_shots = np.repeat(np.arange(classes), SHOTS)
    distractor = rng.random(queries) < contamination
    of_queries = np.where(distractor, classes + rng.integers(0, foreign, queries), rng.integers(0, classes, queries))

    def embeddings(of: np.ndarray) -> np.ndarray:
        return (centres[of] + NOISE * rng.normal(size=(len(of), DIM))).astype(np.float32)

    shots, asked = embeddings(of_shots), embeddings(of_queries)
    shot_names = [f"shot-{row}.png" for row in range(len(of_shots))]
    query_names = [*(names or []), *(f"query-{row:05}.png" for row in range(len(names or []), queries))]
    gallery = ImageTable(shot_names, [folder / name for name in shot_names], [labels[code] for code in of_shots])
    paths = [folder / f"query-{row:05}.png" for row in range(queries)]
    painted: dict[int, Path] = {}
    for path, code in zip([*gallery.paths, *paths], [*of_shots, *of_queries], strict=True):
        if code in painted:
            shutil.copyfile(painted[code], path)
        else:
            paint(code / (classes + foreign), side).save(path)
            painted[code] = path
    recognizer = TransductiveClassifier(seed=seed).fit(shots, np.array(gallery.labels))
    ranking = recognizer.rank(asked).named(query_names, "-1")
    facts = RunFacts(
        *("transductive", "synthetic", seed, ranking.rejection_summary),
        ranking.contamination,
        ranking.contamination_interval,
    )
    known = {
        name: "-1" if code >= classes else labels[code] for name, code in zip(query_names, of_queries, strict=True)
    }
    pictures = ImageTable(query_names, paths)
    return ReportData(
        ranking,
        facts,
        gallery,
        pictures,
        shots,
        EmbeddingTable(pictures, range(queries), asked),
        known if truth else None,
    )


def paint_plain(hue: float, side: int) -> Image.Image:
    """Paint a picture of one colour: a test can tell from a pixel which picture is shown."""
    return Image.new("RGB", (side, side), tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.8, 0.9)))
