"""From rankings to figures and a page. Needs the extra `report`."""

from fieldguide.report.data import ReportData
from fieldguide.report.figures import FIGURES, draw_all
from fieldguide.report.predictions import draw_predictions

__all__ = ["FIGURES", "ReportData", "draw_all", "draw_predictions"]
