"""A report of a run: from what lies on disk, or straight from the run, to figures and a page."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.answers import Format, read_details
from fieldguide.arrays import Floats
from fieldguide.catalog import read_both
from fieldguide.catalog.places import Roots
from fieldguide.catalog.tables import read_columns
from fieldguide.catalog.text import normal_form
from fieldguide.embedding import Embeddings, embed, load_backbone, open_store, start_engine
from fieldguide.embedding.backbones import Backbone
from fieldguide.embedding.backbones.adapted import CARD, EPOCHS, takes
from fieldguide.embedding.backbones.adapted import load as load_adapted
from fieldguide.errors import AnswersError, CatalogError, FieldguideError
from fieldguide.evaluation import match_truth
from fieldguide.files import check_writable, written_whole
from fieldguide.report import Run, draw_all

if TYPE_CHECKING:
    from fieldguide.identification import Identification


def check_report(path: Path, inputs: Sequence[Path | None] = ()) -> None:
    """Refuse, before hours of work, a report that could not be written after it.

    Raises
    ------
    FieldguideError : the extra `report` is not installed, or `path` cannot be written or is one of the inputs.
    """
    if any(find_spec(name) is None for name in ("jinja2", "matplotlib")):
        raise FieldguideError("what reports need is not installed: pip install 'fieldguide[report]'")
    check_writable(path)
    if path.resolve() in [other.resolve() for other in inputs if other]:
        raise FieldguideError(f"{path} cannot be written: it would overwrite another file of this run")


def run_of(result: "Identification", truth: Mapping[str, str] | None = None) -> Run:
    """Give what a report draws on, straight from an identification; with the true labels by name, if they are known."""
    parts = result.ranking, result.facts, result.gallery, result.queries, result.shots, result.asked
    return Run(*parts, truth, training=read_training(trained_folder(result.facts.backbone)))


def read_run(
    details: Path,
    gallery: Path,
    queries: Path,
    *,
    form: Format | None = None,
    truth: Path | None = None,
    board: Path | None = None,
    training: Path | None = None,
    layout: str = "t-sne",
    engine: str = "auto",
    show: bool = True,
    image_root: Roots = None,
) -> Run:
    """Gather all that a report draws on. Pictures whose embeddings are not stored are embedded by the run's backbone.

    Parameters
    ----------
    details : what `identify --details` wrote
    gallery, queries : what it was written of
    form : columns and unknown label, as in that run
    truth : a table of true labels
    board : a leaderboard, a JSON object a line
    training : the folder of a trained backbone; that of the run itself unless given
    layout : how the map is laid out, as in `lay_out`
    engine, show : as in `embed`
    image_root : folders that relative paths in tables may be relative to, instead of to the table

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    form = form or Format()
    columns = {"image_column": form.image_column, "label_column": form.label_column, "unknown": form.unknown}
    known, asked = read_both(gallery, queries, **columns, image_root=image_root)
    classes = sorted(known.shots())
    ranking, facts = read_details(details, classes, known.images, asked.images, form.unknown)
    labels = None if truth is None else read_truth(truth, ranking.names, form)
    training = training or trained_folder(facts.backbone)
    rows, history = read_json_lines(board), read_training(training)

    def embedded(backbone: Backbone) -> tuple[Embeddings, Embeddings]:
        runner = start_engine(engine, backbone)
        store = open_store(backbone, runner)
        shots = embed(known, backbone, engine=runner, store=store, what="gallery", show=show)
        return shots, embed(asked, backbone, engine=runner, store=store, what="queries", show=show)

    shots, embeddings = embedded(load_backbone(facts.backbone))
    if shots.unreadable:
        place = np.full(len(known) + 1, -1)
        place[shots.rows] = np.arange(len(shots.rows))
        ranking.nearest[:] = place[ranking.nearest]  # the last of `place` is for -1
    return Run(
        *(ranking, facts, known.take(shots.rows), asked, shots.matrix, embeddings),
        truth=labels,
        board=rows,
        training=history,
        layout=layout,
        stages=read_stages(training, embedded),
    )


def read_stages(
    folder: Path | None, embedded: Callable[[Backbone], tuple[Embeddings, Embeddings]]
) -> dict[int, tuple[Floats, Embeddings]]:
    """Give by epoch what a training run made of gallery and queries; nothing of no folder or one without such heads.

    Parameters
    ----------
    folder : of a trained backbone
    embedded : gives gallery and queries as a backbone sees them
    """
    if folder is None or not (folder / EPOCHS).is_dir():
        return {}
    import torch

    trained = load_adapted(str(folder))
    shots, asked = embedded(trained.base)
    stages = {}
    with torch.inference_mode():
        for epoch, head in trained.heads_by_epoch().items():
            known, other = (head(torch.from_numpy(rows)).numpy() for rows in (shots.matrix, asked.matrix))
            stages[epoch] = known, replace(asked, matrix=other)
    return stages


def read_truth(path: Path, names: Sequence[str], form: Format) -> dict[str, str]:
    """Read the true label of each query by the name it has in the run.

    Raises
    ------
    CatalogError : the file or a column is missing.
    AnswersError : a picture is not among the queries.
    """
    images, labels = read_columns(path, [form.image_column, form.label_column])
    if len(set(images)) != len(images):
        raise AnswersError(f"{path}: a picture is listed twice")
    truth = dict(zip(images, map(normal_form, labels), strict=True))  # as those of the gallery are
    return {names[place]: label for place, label in match_truth(names, truth)}


def read_json_lines(path: Path | None) -> list[dict[str, Any]]:
    """Read a JSON object a line; nothing of no file.

    Raises
    ------
    CatalogError : there is no such file, or a line is no JSON object.
    """
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line or "{}")
        except ValueError as error:
            raise CatalogError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise CatalogError(f"{path}, line {number}: not a JSON object")
        records += [record] if record else []
    return records


def trained_folder(backbone: str) -> Path | None:
    """Give the folder of a trained backbone; None of any other."""
    return Path(backbone) if takes(backbone) else None


def read_training(folder: Path | None) -> list[dict[str, Any]]:
    """Read what a trained backbone's card says of each epoch, from 0, the start, on; nothing of no folder.

    Raises
    ------
    CatalogError : the folder has no such card, or it says nothing of epochs.
    """
    if folder is None:
        return []
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        epochs, held_out = [{}, *card["epochs"]], card["held_out"]
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}: name the folder of a trained backbone") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CatalogError(f"{path} says nothing of epochs: name the folder of a trained backbone") from error
    scores = [{"held-out mAP@5": score} for score in held_out]
    return [
        {"epoch": number}
        | (scores[number] if number < len(scores) else {})
        | (epochs[number] if number < len(epochs) else {})
        for number in range(max(len(epochs), len(scores)))
    ]


def write_figures(run: Run, folder: Path) -> list[Path]:
    """Write every figure that the run has something for, those of lines as SVG, those of pictures as PNG.

    Raises
    ------
    FieldguideError : the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FieldguideError(f"{folder} cannot be made: {error.strerror}") from error
    paths = []
    for entry, figure in draw_all(run):
        path = folder / f"{entry.name}.{'png' if entry.pictures else 'svg'}"
        with written_whole(path) as scratch:
            figure.savefig(scratch, dpi=200)
        paths.append(path)
    return paths
