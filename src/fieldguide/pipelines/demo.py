"""A small task on real photographs, which come with scikit-image and scikit-learn: no download, a minute's work."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.errors import FieldguideError

if TYPE_CHECKING:
    from PIL import Image

KNOWN = [
    *("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "coins", "flower"),
    *("grass", "gravel", "hubble_deep_field", "moon", "motorcycle_left", "page", "rocket"),
]
DISTRACTORS = ["china", "clock_motion", "horse", "ihc", "microaneurysms", "retina", "text"]
SHOTS, QUERIES = 3, 8  # views of a scene
OURS = "made-by-fieldguide-demo"
WRITTEN = [OURS, "truth.csv", "answers.csv", "answers.unreadable.csv", "answers.parquet", "answers.png", "report.html"]


def run_demo(folder: Path) -> None:
    """Make the task in `folder`, identify its queries, score the answers and show them.

    Raises
    ------
    FieldguideError : the extra `demo` is not installed, or `folder` holds something else.
    """
    from fieldguide.evaluation.files import evaluate_files
    from fieldguide.pipelines.identify import Settings, identify_files
    from fieldguide.records.answers import Format

    truth = make_task(folder)
    answers, details, figure = folder / "answers.csv", folder / "answers.parquet", folder / "answers.png"
    print(f"fieldguide identify {folder / 'gallery'} {folder / 'queries'} -o {answers} --details {details}")
    result = identify_files(folder / "gallery", folder / "queries", answers, Settings(), details=details)
    print(f"distractors: {result.summary}")
    print(f"\nfieldguide evaluate {details} {folder / 'truth.csv'}")
    for score in evaluate_files(details, folder / "truth.csv", Format()).scores:
        print(score)

    from fieldguide.report import draw_predictions
    from fieldguide.report.page import write_page

    run, page = result.report_data(truth), folder / "report.html"
    rows = list(range(0, len(truth), len(truth) // 8))[:8]
    draw_predictions(run.ranking, rows, run.queries.paths, run.gallery.paths, truth).savefig(figure)
    words = f"{details} {folder / 'gallery'} {folder / 'queries'} --truth {folder / 'truth.csv'} -o {page}"
    print(f"\nfieldguide report {words}")
    write_page(run, page)
    print(f"\nthe answers: {answers}\nwhy: {details}\na look at some of them: {figure}\nall of it: {page}")


def make_task(folder: Path, *, seed: int = 0) -> dict[str, str]:
    """Write `gallery/`, `queries/` and `truth.csv`: views of scenes, most of them known, the rest distractors.

    Returns
    -------
    The true label of each query by its name, `-1` for distractors.
    """
    from fieldguide.records.answers import write_table

    if folder.exists() and not folder.is_dir():
        raise FieldguideError(f"{folder} is a file: name a new or empty folder for the demo")
    if folder.exists() and any(folder.iterdir()):
        if not (folder / OURS).exists():
            raise FieldguideError(f"{folder} holds something else: name a new or empty folder for the demo")
        if others := sorted(path for path in _files_of(folder) if not _may_be_ours(path.relative_to(folder))):
            raise FieldguideError(f"{others[0]} is not of the demo: move it, or name another folder for the demo")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / OURS).touch()
    except OSError as error:
        raise FieldguideError(f"{folder} cannot be written: {error.strerror or error}") from error
    rng = np.random.default_rng(seed)
    queries: list[tuple[str, Image.Image]] = []
    for name, scene in _scenes():
        known = name in KNOWN
        for shot in range(SHOTS if known else 0):
            _save(view(scene, rng), folder / "gallery" / name / f"{shot}.jpg", rng)
        queries += [(name if known else "-1", view(scene, rng)) for _ in range(QUERIES)]
    truth = {}
    for number, place in enumerate(rng.permutation(len(queries))):
        label, picture = queries[place]
        truth[f"{number:03}.jpg"] = label
        _save(picture, folder / "queries" / f"{number:03}.jpg", rng)
    write_table(folder / "truth.csv", ("image", "label"), truth.items())
    return truth


def _files_of(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir() and not path.name.startswith("."))


def _may_be_ours(path: Path) -> bool:
    """Whether a demo writes a file of that name, relative to its folder, so that the next one may overwrite it."""
    match path.parts:
        case [name]:
            return name in WRITTEN
        case ["gallery", scene, name]:
            return scene in KNOWN and name in {f"{shot}.jpg" for shot in range(SHOTS)}
        case ["queries", name]:
            return name in {f"{number:03}.jpg" for number in range(QUERIES * len(KNOWN + DISTRACTORS))}
    return False


def view(scene: "Image.Image", rng: np.random.Generator) -> "Image.Image":
    """Photograph a scene anew: from another side, nearer or farther, in other light, not quite in focus."""
    from PIL import Image, ImageEnhance, ImageFilter

    width, height = scene.size
    scale = rng.uniform(0.55, 0.95)
    left, top = rng.uniform(0, 1 - scale, 2)
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) * scale + (left, top)
    corners = np.clip(corners + rng.normal(0, 0.05, corners.shape), 0, 1) * (width, height)
    picture = scene.transform((320, 240), Image.Transform.QUAD, tuple(corners.ravel()), Image.Resampling.BICUBIC)
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.6, 1.4))
    picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.7, 1.3))
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.5, 1.5))
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))


def _scenes() -> Iterator[tuple[str, "Image.Image"]]:
    """Give the photographs by name. Read as files, as scikit-image would download some that it has as functions."""
    try:
        import skimage
        import sklearn
    except ImportError:
        raise FieldguideError("the demo's photographs are not installed: pip install 'fieldguide[demo]'") from None
    from fieldguide.images.decoding import open_rgb

    folders = [Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images"]
    files = {path.stem: path for folder in folders for path in sorted(folder.iterdir())}
    for name in KNOWN + DISTRACTORS:
        if name not in files:
            raise FieldguideError(f"this scikit-image has no photograph '{name}': pip install 'scikit-image==0.26.0'")
        yield name, open_rgb(files[name])


def _save(picture: "Image.Image", path: Path, rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=int(rng.integers(40, 91)))
