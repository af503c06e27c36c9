"""The page: one file that shows all of a run, to be opened anywhere, with no network."""

from fieldguide.report.page.write import write_page

__all__ = ["write_page"]
