"""From rankings to figures and a page. Needs the extra `report`."""

from fieldguide.report.figures import FIGURES, draw_all
from fieldguide.report.predictions import draw_predictions
from fieldguide.report.run import ReportData

__all__ = ["FIGURES", "ReportData", "draw_all", "draw_predictions"]
