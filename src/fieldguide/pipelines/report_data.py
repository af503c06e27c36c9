"""All that a report is drawn from, gathered from what a run left on disk."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldguide.backbones import Backbone, load_backbone
from fieldguide.backbones.adapted import EPOCHS, load
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import AnswersError, RecordsError
from fieldguide.embedding import EmbeddingTable, is_embeddings
from fieldguide.embedding.embedder import Embedder, Pictures, pictures_of
from fieldguide.engines import installed
from fieldguide.evaluation.truth import read_truth
from fieldguide.pipelines.missing_pictures import (
    refuse_if_all_are_missing,
    refuse_if_none_was_read,
    warn_of_missing,
    with_missing,
)
from fieldguide.records import read_both, read_gallery, read_queries
from fieldguide.records.answers import Format
from fieldguide.records.places import Roots
from fieldguide.records.tables import PARQUET
from fieldguide.report import ReportData
from fieldguide.report.details import RunFacts, read_details
from fieldguide.report.leaderboard import read_leaderboard
from fieldguide.report.trained import read_training, trained_folder

log = logging.getLogger("fieldguide")


def read_report_data(
    details: Path,
    gallery: Path,
    queries: Path,
    *,
    form: Format | None = None,
    truth: Path | None = None,
    leaderboard: Path | None = None,
    training: Path | None = None,
    layout: str = "t-sne",
    engine: str | None = None,
    show: bool = True,
    image_root: Roots = None,
) -> ReportData:
    """Gather all that a report draws on. Pictures whose embeddings are not stored are embedded by the run's backbone.

    Pictures that are no longer there have no place on the map, and a word instead of a picture; a warning names them.

    Parameters
    ----------
    details : what `identify --details` wrote
    gallery, queries : what it was written of
    form : columns and unknown label, as in that run
    truth : a table of true labels
    leaderboard : recipes beside each other, a JSON object a line
    training : the folder of a trained backbone; that of the run itself unless given
    layout : how the map is laid out, as in `lay_out`
    engine : what runs the backbone; the run's own, in its precision, unless given
    image_root : folders that relative paths in tables may be relative to, instead of to the table
    show : whether to show progress

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    form = form or Format()
    if is_embeddings(gallery) or is_embeddings(queries):
        return report_data_of_embeddings(
            *(details, gallery, queries),
            form=form,
            truth=truth,
            leaderboard=leaderboard,
            layout=layout,
            engine=engine,
            show=show,
        )
    columns = {"image_column": form.image_column, "label_column": form.label_column, "unknown": form.unknown}
    gallery_pictures, query_pictures = read_both(
        gallery, queries, **columns, image_root=image_root, columns=form.columns
    )
    if details.is_file() and details.suffix.lower() not in PARQUET:
        raise AnswersError(
            f"{details}: a report is made of details, not of answers: name the Parquet file of identify --details"
        )
    gallery_pictures = with_missing(gallery_pictures, gallery, details, "nearest")
    query_pictures = with_missing(query_pictures, queries, details, "image")
    classes = sorted(gallery_pictures.shots())
    ranking, facts = read_details(details, classes, gallery_pictures.images, query_pictures.images, form.unknown)
    if not facts.names_backbone:
        raise RecordsError(f"{details} was made of {facts.backbone}: name these files, not pictures")
    labels = None if truth is None else true_labels(truth, ranking.names, form)
    if labels and not {*classes, form.unknown}.intersection(labels.values()):
        log.warning("no true label of %s is a class of %s: every query counts as none of these", truth, gallery)
    training = training or trained_folder(facts.backbone)
    rows, history = read_leaderboard(leaderboard), read_training(training)
    for pictures, source in (gallery_pictures, gallery), (query_pictures, queries):
        refuse_if_all_are_missing(pictures, source)

    def embedded(backbone: str | Backbone) -> tuple[Floats, EmbeddingTable]:
        # As `identify` embeds, so that what it kept is found: the gallery first, as int8 is calibrated by it
        embedder = Embedder(backbone, engine or engine_of(facts), facts.precision or "float32", show=show)
        gallery_table = embedder.embed(gallery_pictures, "gallery")
        query_table = embedder.embed(query_pictures, "queries")
        refuse_if_none_was_read(gallery_pictures, gallery_table, gallery)
        refuse_if_none_was_read(query_pictures, query_table, queries)
        matrix = np.full((len(gallery_pictures), gallery_table.matrix.shape[1]), np.nan, np.float32)
        matrix[gallery_table.rows] = gallery_table.matrix
        return matrix, query_table

    gallery_embeddings, query_embeddings = embedded(facts.backbone)
    warn_of_missing(gallery_pictures, np.flatnonzero(np.isnan(gallery_embeddings).any(axis=1)).tolist(), gallery)
    warn_of_missing(query_pictures, sorted(query_embeddings.unreadable), queries)
    return ReportData(
        *(ranking, facts, gallery_pictures, query_pictures, gallery_embeddings, query_embeddings),
        truth=labels,
        leaderboard=rows,
        training=history,
        layout=layout,
        stages=read_stages(training, embedded),
    )


def engine_of(facts: RunFacts) -> str:
    """Give the engine of a run; another that has the same numbers, nearly, where its own is not installed here."""
    same = facts.engine is not None and (facts.precision != "float32" or installed(facts.engine))
    return facts.engine if facts.engine and same else "auto"


def report_data_of_embeddings(
    details: Path,
    gallery: Path,
    queries: Path,
    *,
    form: Format,
    truth: Path | None = None,
    leaderboard: Path | None = None,
    layout: str = "t-sne",
    engine: str | None = None,
    show: bool = True,
) -> ReportData:
    """Gather what a report draws on where gallery or queries or both are files of embeddings: these are not made anew.

    Parameters
    ----------
    details, gallery, queries, form, truth, leaderboard, layout, engine, show : as in `read_report_data`

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    columns = {"image_column": form.image_column}
    gallery_input: Pictures = (
        EmbeddingTable.read(gallery)
        if is_embeddings(gallery)
        else read_gallery(
            gallery, **columns, label_column=form.label_column, unknown=form.unknown, columns=form.columns
        )
    )
    query_input: Pictures = (
        EmbeddingTable.read(queries)
        if is_embeddings(queries)
        else read_queries(queries, **columns, columns=form.columns)
    )
    gallery_pictures, query_pictures = pictures_of(gallery_input), pictures_of(query_input)
    if gallery_pictures.labels is None:
        raise RecordsError(f"{gallery} has no labels, which a gallery needs: fieldguide embed --gallery keeps them")
    ranking, facts = read_details(
        details, sorted(gallery_pictures.shots()), gallery_pictures.images, query_pictures.images, form.unknown
    )
    labels = None if truth is None else true_labels(truth, ranking.names, form)
    if not facts.names_backbone and not (is_embeddings(gallery) and is_embeddings(queries)):
        raise RecordsError(f"{details} was made of {facts.backbone}: name these files, not pictures")
    embedder = Embedder(facts.backbone, engine or engine_of(facts), facts.precision or "float32", show=show)
    embedder.check_same(gallery_input, query_input)
    gallery_table = embedder.embed(gallery_input, "gallery")
    query_table = embedder.embed(query_input, "queries")
    if gallery_table.unreadable:
        place = np.full(len(gallery_pictures) + 1, -1)
        place[gallery_table.rows] = np.arange(len(gallery_table.rows))
        ranking.nearest[:] = place[ranking.nearest]  # the last of `place` is for -1
    return ReportData(
        *(ranking, facts, gallery_table.readable, query_pictures, gallery_table.matrix, query_table),
        truth=labels,
        leaderboard=read_leaderboard(leaderboard),
        layout=layout,
    )


def true_labels(path: Path, names: Sequence[str], form: Format) -> dict[str, str]:
    """Read the true label of each query by the name it has in the run; errors as in `read_truth`."""
    return {names[row]: label for row, label in read_truth(path, names, form.image_column, form.label_column)}


def read_stages(
    folder: Path | None, embedded: Callable[[Backbone], tuple[Floats, EmbeddingTable]]
) -> dict[int, tuple[Floats, EmbeddingTable]]:
    """Give by epoch what a training run made of gallery and queries; nothing of no folder or one without such heads.

    Parameters
    ----------
    folder : of a trained backbone
    embedded : gives gallery and queries as a backbone sees them
    """
    if folder is None or not (folder / EPOCHS).is_dir():
        return {}
    import torch

    trained = load(str(folder), load_backbone)
    gallery_embeddings, query_table = embedded(trained.base)
    stages = {}
    with torch.inference_mode():
        for epoch, head in trained.heads_by_epoch().items():
            of_gallery, of_queries = (
                head(torch.from_numpy(rows)).numpy() for rows in (gallery_embeddings, query_table.matrix)
            )
            stages[epoch] = of_gallery, replace(query_table, matrix=of_queries)
    return stages
