"""Draws the README's figures from the demo's pictures: python docs/figures.py"""

import tempfile
from pathlib import Path

import fieldguide
from fieldguide.pipelines.demo import make_task
from fieldguide.report.contamination import draw_contamination
from fieldguide.report.maps import draw_map_of_classes
from fieldguide.report.predictions import draw_predictions

HERE = Path(__file__).parent
LINES = 5  # queries

with tempfile.TemporaryDirectory() as name:
    folder = Path(name) / "demo"
    truth = make_task(folder)
    run = fieldguide.identify(folder / "gallery", folder / "queries").report_data(truth)
    rows = list(range(0, len(truth), len(truth) // LINES))[:LINES]
    answers = draw_predictions(run.ranking, rows, run.queries.sources, run.gallery.sources, truth)
    answers.savefig(HERE / "demo.jpg", dpi=100, pil_kwargs={"quality": 80})
    draw_map_of_classes(run.plane, run.ranking, run.gallery_codes).savefig(HERE / "map.png", dpi=110)
    figure = draw_contamination(run.ranking, run.facts.contamination, run.facts.interval)
    figure.savefig(HERE / "contamination.png", dpi=110)
