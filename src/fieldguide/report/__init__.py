"""From rankings to figures. Needs the extra `report`."""

from fieldguide.report.predictions import draw_predictions

__all__ = ["draw_predictions"]
