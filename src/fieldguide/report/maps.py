"""The map: gallery and queries in the plane, coloured by class, by distractor rule, by confidence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition import Ranking
from fieldguide.report.data import confidence
from fieldguide.report.plane import Plane
from fieldguide.report.style import COLOUR_MAP, CYCLE, DISTRACTOR, GREY, INK, KNOWN, PALE, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = 40  # of classes on a map, at most
BESIDE = 0.03  # of the map, whose places go from -1 to 1: a label stands above what is as near to a class's middle
IN_A_LINE = 3  # maps beside each other
NEIGHBOURS = 7  # classes that a class's colour is to differ from


@styled
def draw_map_of_classes(plane: Plane, ranking: Ranking, gallery: Ints) -> "Figure":
    """Draw each query in the colour of its first answer.

    Colours repeat, as there are more classes than colours one can distinguish; classes that lie side by side differ.
    The largest classes are labelled where there is room.

    Parameters
    ----------
    plane : where pictures lie
    ranking : of the queries
    gallery : (n_gallery,) the code of each gallery picture's class
    """
    figure, axis = _map("Queries by their first answer", plane)
    first, unknown = ranking.codes[:, 0], ranking.is_unknown()
    colours = np.array(CYCLE)[class_colours(plane, gallery)]
    _draw_classes(axis, plane, colours[gallery], np.where(unknown, PALE, colours[first]), unknown)
    _explain_classes(figure)
    _label_classes(figure, axis, plane, ranking, gallery)
    return figure


@styled
def draw_map_of_rules(plane: Plane, verdicts: Mapping[str, Flags]) -> "Figure":
    """Draw which queries each rule calls distractors, side by side.

    Parameters
    ----------
    plane : where pictures lie
    verdicts : by the rule's name, (n,) whether a query is a distractor
    """
    from matplotlib.figure import Figure

    columns = 2 if len(verdicts) == 4 else min(len(verdicts), IN_A_LINE)
    lines = -(-len(verdicts) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.2 * lines * _height(plane) + 0.3), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    size = _size(len(plane.queries)) / 2
    read = ~np.isnan(plane.queries[:, 0])
    for axis, (name, distractor) in zip(axes, verdicts.items(), strict=False):
        _bare(axis, plane)
        _scatter(axis, plane.gallery, size, GREY)
        # in the order of the pictures: neither kind may lie over the other wherever both are
        _scatter(axis, plane.queries, size, np.where(distractor, DISTRACTOR, KNOWN))
        share = distractor[read].mean() if read.any() else 0.0  # a query that could not be read is neither
        axis.set_title(f"{name}: {share:.0%} none of these")
    for axis in axes[len(verdicts) :]:
        axis.set_axis_off()
    _explain(figure, (KNOWN, "known"), (DISTRACTOR, "none of these"), (GREY, "gallery"))
    return figure


@styled
def draw_map_of_confidence(plane: Plane, ranking: Ranking) -> "Figure":
    """Draw each query in a colour that says how sure its first answer is, the least sure on top."""
    sure = confidence(ranking)
    figure, axis = _map("How sure the first answer is", plane)
    order = np.argsort(-np.nan_to_num(sure))
    size = _size(len(sure))
    has_probabilities = not np.isnan(ranking.probability[:, 0]).all()
    points = axis.scatter(
        *plane.queries[order].T, s=size, c=sure[order], cmap=COLOUR_MAP, linewidths=0, rasterized=True
    )
    if has_probabilities:
        points.set_clim(0, 1)
    name = "probability of the first answer" if has_probabilities else "similarity of the first answer"
    figure.colorbar(points, ax=axis, shrink=0.6, label=name, pad=0.01).outline.set_visible(False)
    return figure


@styled
def draw_maps_by_epoch(planes: Mapping[int, Plane], gallery: Ints, queries: Ints) -> "Figure":
    """Draw the map at each stage of a training run. A class has the same colour in all of them.

    Parameters
    ----------
    planes : by epoch, where pictures lie
    gallery : (n_gallery,) the code of each gallery picture's class
    queries : (n,) the code of each query's class, below 0 for distractors
    """
    from matplotlib.figure import Figure

    columns = min(len(planes), IN_A_LINE)
    lines = -(-len(planes) // columns)
    figure = Figure(figsize=(3.2 * columns, 3.2 * lines + 0.3), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    colours = np.array(CYCLE)[class_colours(planes[max(planes)], gallery)]
    for axis, (epoch, plane) in zip(axes, planes.items(), strict=False):
        _bare(axis, plane, square=True)
        _draw_classes(axis, plane, colours[gallery], np.where(queries < 0, PALE, colours[queries]), queries < 0, 0.5)
        axis.set_title("at the start" if epoch == 0 else f"after epoch {epoch}")
    for axis in axes[len(planes) :]:
        axis.set_axis_off()
    _explain_classes(figure)
    return figure


def class_colours(plane: Plane, gallery: Ints) -> Ints:
    """(n_classes,) a colour's place in `CYCLE` for each class, another than those of the classes nearest on the map.

    Greedy, class after class: each takes the colour that is rarest among its neighbours, then rarest of all.
    """
    from sklearn.neighbors import NearestNeighbors

    centres = _centres(plane, gallery)
    k = min(NEIGHBOURS + 1, len(centres))
    beside = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors(centres, return_distance=False)
    colour = np.full(len(centres), -1)
    for code, others in enumerate(beside):
        taken = colour[others]
        near = np.bincount(taken[taken >= 0], minlength=len(CYCLE))
        ever = np.bincount(colour[colour >= 0], minlength=len(CYCLE))
        colour[code] = np.lexsort((ever, near))[0]
    return colour


def _centres(plane: Plane, gallery: Ints) -> Anything:
    """(n_classes, 2) the middle of each class's gallery pictures; that of the map if none of them could be read."""
    read, n = ~np.isnan(plane.gallery[:, 0]), int(gallery.max()) + 1
    sums = [np.bincount(gallery[read], weights=column, minlength=n) for column in plane.gallery[read].T]
    return np.stack(sums, axis=1) / np.maximum(np.bincount(gallery[read], minlength=n), 1)[:, None]


def _label_classes(figure: Any, axis: Any, plane: Plane, ranking: Ranking, gallery: Ints) -> None:
    """Write the largest classes' labels at the middle of their queries; leave out what would cover another."""
    from matplotlib.patheffects import withStroke

    first = ranking.codes[:, 0]
    counts = np.bincount(first[first >= 0], minlength=len(ranking.classes))
    figure.draw_without_rendering()  # the layout decides how large the axis is
    taken: list[Any] = []
    for code in np.argsort(-counts, kind="stable")[: 4 * LABELS]:
        own = _placed(plane.queries[first == code])
        own = own if len(own) else _placed(plane.gallery[gallery == code])
        if not len(own):
            continue
        middle = own[np.argmin(np.linalg.norm(own - np.median(own, axis=0), axis=1))]
        beside = own[np.abs(own - middle).max(axis=1) < BESIDE]
        text = axis.annotate(
            shown(str(ranking.classes[code]), 18),
            (middle[0], beside[:, 1].max()),
            (0, 3),  # above its queries, so as not to hide them
            textcoords="offset points",
            fontsize=6,
            ha="center",
            va="bottom",
            color=INK,
        )
        text.set_path_effects([withStroke(linewidth=1.6, foreground="white")])
        box = text.get_window_extent().expanded(1.05, 1.15)
        inside = axis.bbox.contains(box.x0, box.y0) and axis.bbox.contains(box.x1, box.y1)
        if not inside or len(taken) == LABELS or any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)


def _placed(points: Floats) -> Floats:
    return points[~np.isnan(points[:, 0])]


def _map(title: str, plane: Plane) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 6.4 * _height(plane) + 0.3), layout="constrained")
    axis = figure.subplots()
    _bare(axis, plane)
    axis.set_title(title)
    return figure, axis


def _draw_classes(
    axis: Any, plane: Plane, gallery: Anything, queries: Anything, under: Flags, scale: float = 1
) -> None:
    """Draw pictures in the colours given: queries as dots, those `under` the others first; gallery with an edge."""
    size = scale * _size(len(queries))
    for rows in under, ~under:
        _scatter(axis, plane.queries[rows], size, queries[rows])
    # so large that each shows among the queries, so small that thousands leave these their place
    _scatter(axis, plane.gallery, float(np.clip(scale * _size(4 * len(gallery)), size, 3 * size)), gallery, edge=0.4)


def _scatter(axis: Any, points: Floats, size: float, colours: Any, edge: float = 0) -> None:
    axis.scatter(*points.T, s=size, c=colours, edgecolors=INK, linewidths=edge, rasterized=True)


def _explain_classes(figure: "Figure") -> None:
    _explain(figure, (PALE, "none of these"), ("white", "gallery"))


def _explain(figure: "Figure", *marks: tuple[str, str]) -> None:
    """Say below the maps what colours mean."""
    from matplotlib.lines import Line2D

    dots = [
        Line2D([], [], marker="o", linestyle="", color=colour, markeredgecolor=INK if colour == "white" else colour)
        for colour, _ in marks
    ]
    figure.legend(dots, [words for _, words in marks], loc="outside lower center", ncols=len(marks), handletextpad=0.1)


def _bare(axis: Any, plane: Plane, *, square: bool = False) -> None:
    """Take away axes and numbers, as on such a map only nearness means something; all that lies on it fits in.

    Maps of different shapes beside each other are all `square`, so that their titles are in line.
    """
    axis.set(xticks=[], yticks=[])
    axis.set_aspect("equal")
    low, high = _bounds(plane)
    if square:
        low, high = (low + high - (high - low).max()) / 2, (low + high + (high - low).max()) / 2
    room = 0.05 * (high - low).max()  # for labels
    axis.set(xlim=(low[0] - room, high[0] + room), ylim=(low[1] - room, high[1] + room))
    axis.spines[:].set_visible(False)


def _bounds(plane: Plane) -> tuple[Anything, Anything]:
    points = np.concatenate([plane.gallery, plane.queries])
    return np.nanmin(points, axis=0), np.nanmax(points, axis=0)


def _height(plane: Plane) -> float:
    """Give how high a map is against its width, within reason."""
    low, high = _bounds(plane)
    width, height = high - low
    return float(np.clip(height / max(width, 1e-9), 0.5, 1.1))


def _size(n: int) -> float:
    """Give an area for n points, square points: smaller the more there are."""
    return float(np.clip(24_000 / max(n, 1), 2, 24))
