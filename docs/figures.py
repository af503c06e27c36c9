"""Draws the README's figures from the demo's pictures: python docs/figures.py"""

import tempfile
from pathlib import Path

from fieldguide.pipelines.demo import make_task
from fieldguide.pipelines.identify import Settings, identify_catalogs
from fieldguide.pipelines.report import run_of
from fieldguide.records import read_gallery, read_queries
from fieldguide.report.contamination import draw_contamination
from fieldguide.report.maps import draw_map_of_classes
from fieldguide.report.predictions import draw_predictions

HERE = Path(__file__).parent
LINES = 5  # queries

with tempfile.TemporaryDirectory() as name:
    folder = Path(name) / "demo"
    truth = make_task(folder)
    catalogs = read_gallery(folder / "gallery"), read_queries(folder / "queries")
    run = run_of(identify_catalogs(*catalogs, Settings()), truth)
    rows = list(range(0, len(truth), len(truth) // LINES))[:LINES]
    answers = draw_predictions(run.ranking, rows, run.queries.paths, run.gallery.paths, truth)
    answers.savefig(HERE / "demo.jpg", dpi=100, pil_kwargs={"quality": 80})
    draw_map_of_classes(run.plane, run.ranking, run.shot_codes).savefig(HERE / "map.png", dpi=110)
    figure = draw_contamination(run.ranking, run.facts.contamination, run.facts.interval)
    figure.savefig(HERE / "contamination.png", dpi=110)
