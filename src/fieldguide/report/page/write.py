"""Put summary, data, thumbnails and figures into one file of HTML."""

import base64
import io
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.core.files import written_whole
from fieldguide.core.machine import cores
from fieldguide.core.outputs import REPORT
from fieldguide.core.progress import progress
from fieldguide.report.data import ReportData
from fieldguide.report.figures import FigureSpec, draw_all
from fieldguide.report.page.json_data import page_data
from fieldguide.report.page.summary import describe, expect, histogram, summarise
from fieldguide.report.pictures import thumbnail

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
LIBRARY = HERE / "plotly" / "plotly-gl2d.min.js"
CHUNK = 256  # thumbnails that the browser decodes from text together
# pictures, up to which thumbnails have this side: about 15 MB of photographs at most. Few can be looked at large
SIDES = ((600, 320), (1_200, 224), (3_000, 144), (8_000, 112), (20_000, 80), (50_000, 56))
LEAST_SIDE = 32
INCH = 108  # pixels on the page: words are of one size in all figures
IN_THE_PAGE = ("map-classes",)  # the page's own map shows it better


@dataclass(frozen=True)
class Drawn:
    """A figure as the page shows it, and how large, in pixels."""

    spec: FigureSpec
    source: str
    width: int
    height: int


def write_page(
    data: ReportData,
    path: Path,
    figures: "Iterable[tuple[FigureSpec, Figure]] | None" = None,
    *,
    show: bool = True,
) -> None:
    """Write the page of a run.

    Parameters
    ----------
    data : of n queries
    path : of the file; it appears whole or not at all
    figures : as `draw_all` gives them, where they serve for more than the page; the page draws its own unless given
    show : whether to show progress

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    REPORT.check(path)
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    if figures is None:
        figures = draw_all(data, without=IN_THE_PAGE)
    page = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    parts = page.get_template("page.html").generate(
        title=f"What {len(data.ranking):,} picture{'s' * (len(data.ranking) > 1)} show{'s' * (len(data.ranking) == 1)}",
        description=describe(data),
        expectation=expect(data),
        tiles=summarise(data),
        histogram=histogram(data),
        has_truth=data.truth is not None,
        has_probability=bool(histogram(data)),
        figures=(_drawn(spec, figure) for spec, figure in figures if spec.name not in IN_THE_PAGE),
        data=_json(page_data(data, path)),
        thumbnails=_thumbnails(data, show),
        chunk=CHUNK,
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
        library=LIBRARY.read_text(encoding="utf-8"),
    )
    with written_whole(path) as scratch, scratch.open("w", encoding="utf-8") as file:
        file.writelines(parts)


def _json(data: object) -> str:
    """Give JSON that no label can break out of: in ASCII, and with no `<` for a closing tag to begin with."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _thumbnails(data: ReportData, show: bool) -> Iterator[str]:
    """Give thumbnails in base64, a line each, in chunks: gallery first, then queries; an empty line for unreadable."""
    sources = [*data.gallery.sources, *data.queries.sources]
    side = next((side for most, side in SIDES if len(sources) <= most), LEAST_SIDE)
    with ThreadPoolExecutor(cores()) as pool, progress("thumbnails", len(sources), show=show) as advance:
        pictures = pool.map(partial(thumbnail, side=side), sources)
        while chunk := list(islice(pictures, CHUNK)):
            yield "\n".join(base64.b64encode(picture).decode() for picture in chunk)
            for _ in chunk:
                advance()


def _drawn(spec: FigureSpec, figure: "Figure") -> Drawn:
    """Draw a figure into a data URL: pictures as WebP, lines as SVG, which stays sharp and small."""
    file = io.BytesIO()
    kind = "webp" if spec.pictures else "svg"
    figure.savefig(file, format=kind, dpi=130)
    mime = "image/webp" if spec.pictures else "image/svg+xml"
    width, height = (round(inches * INCH) for inches in figure.get_size_inches())
    return Drawn(spec, f"data:{mime};base64,{base64.b64encode(file.getvalue()).decode()}", width, height)
