"""The map: gallery and queries in the plane, coloured by class, by distractor rule, by confidence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition import Ranking
from fieldguide.report.plane import Plane
from fieldguide.report.run import sureness
from fieldguide.report.style import CYCLE, DISTRACTOR, INK, KNOWN, PALE, SURENESS, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = 40  # of classes on a map, at most
NEIGHBOURS = 7  # classes that a class's colour is to differ from


@styled
def draw_map_of_classes(plane: Plane, ranking: Ranking, gallery: Ints) -> "Figure":
    """Draw each query in the colour of its first answer.

    Colours repeat, as there are more classes than colours one can tell apart; classes that lie side by side differ.
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
    size = _size(len(first))
    axis.scatter(*plane.queries[unknown].T, s=size, c=PALE, linewidths=0, rasterized=True)
    axis.scatter(*plane.queries[~unknown].T, s=size, c=colours[first[~unknown]], linewidths=0, rasterized=True)
    axis.scatter(*plane.gallery.T, s=3 * size, c=colours[gallery], edgecolors=INK, linewidths=0.5, rasterized=True)
    axis.plot([], [], "o", color=PALE, label="none of these")
    axis.plot([], [], "o", color="white", markeredgecolor=INK, markeredgewidth=0.5, label="gallery")
    axis.legend(loc="lower left", handletextpad=0.1)
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

    figure = Figure(figsize=(3.2 * len(verdicts), 3.6), layout="constrained")
    size = _size(len(plane.queries)) / 2
    axes = figure.subplots(1, len(verdicts), squeeze=False)[0]
    for axis, (name, distractor) in zip(axes, verdicts.items(), strict=True):
        _bare(axis)
        axis.scatter(*plane.queries[~distractor].T, s=size, c=KNOWN, linewidths=0, rasterized=True, label="known")
        axis.scatter(
            *plane.queries[distractor].T, s=size, c=DISTRACTOR, linewidths=0, rasterized=True, label="distractor"
        )
        axis.scatter(*plane.gallery.T, s=size, c=INK, linewidths=0, rasterized=True, label="gallery")
        axis.set_title(f"{name}: {distractor.mean():.0%} distractors")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, markerscale=3)
    return figure


@styled
def draw_map_of_confidence(plane: Plane, ranking: Ranking) -> "Figure":
    """Draw each query in a colour that says how sure its first answer is, the least sure on top."""
    sure = sureness(ranking)
    figure, axis = _map("How sure the first answer is", plane)
    order = np.argsort(-np.nan_to_num(sure))
    size = _size(len(sure))
    axis.scatter(*plane.gallery.T, s=size, c=PALE, linewidths=0, rasterized=True)
    points = axis.scatter(*plane.queries[order].T, s=size, c=sure[order], cmap=SURENESS, linewidths=0, rasterized=True)
    has_probabilities = not np.isnan(ranking.probability[:, 0]).all()
    name = "probability of the first answer" if has_probabilities else "similarity of the first answer"
    figure.colorbar(points, ax=axis, shrink=0.6, label=name, pad=0.01).outline.set_visible(False)
    return figure


@styled
def draw_maps_by_epoch(planes: Mapping[int, Floats], codes: Ints) -> "Figure":
    """Draw the map at each checkpoint of a training run.

    Parameters
    ----------
    planes : by epoch, (n, 2) places of pictures
    codes : (n,) their classes; below 0 for distractors
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(planes), 3.2), layout="constrained")
    colours = np.array([*CYCLE, PALE])[np.where(codes < 0, len(CYCLE), codes % len(CYCLE))]
    for axis, (epoch, points) in zip(figure.subplots(1, len(planes), squeeze=False)[0], planes.items(), strict=True):
        _bare(axis)
        axis.scatter(*points.T, s=_size(len(points)) / 2, c=colours, linewidths=0, rasterized=True)
        axis.set_title(f"epoch {epoch}")
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
    sums = np.stack([np.bincount(gallery, weights=column) for column in plane.gallery.T], axis=1)
    return sums / np.bincount(gallery)[:, None]


def _label_classes(figure: Any, axis: Any, plane: Plane, ranking: Ranking, gallery: Ints) -> None:
    """Write the largest classes' labels at the middle of their queries; leave out what would cover another."""
    first = ranking.codes[:, 0]
    counts = np.bincount(first[first >= 0], minlength=len(ranking.classes))
    figure.draw_without_rendering()  # the layout decides how large the axis is
    axis.set(xlim=axis.get_xlim(), ylim=axis.get_ylim())
    taken: list[Any] = []
    for code in np.argsort(-counts, kind="stable")[: 4 * LABELS]:
        own = plane.queries[first == code]
        own = own[~np.isnan(own[:, 0])] if counts[code] else plane.gallery[gallery == code]
        middle = own[np.argmin(np.linalg.norm(own - np.median(own, axis=0), axis=1))]
        text = axis.annotate(
            shown(str(ranking.classes[code]), 18),
            middle,
            (0, 4),  # above the middle of its queries, so as not to hide them
            textcoords="offset points",
            fontsize=6,
            ha="center",
            va="bottom",
            color=INK,
        )
        text.set_bbox({"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6})
        box = text.get_window_extent().expanded(1.05, 1.15)
        inside = axis.bbox.contains(box.x0, box.y0) and axis.bbox.contains(box.x1, box.y1)
        if not inside or len(taken) == LABELS or any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)


def _map(title: str, plane: Plane) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    width, height = np.nanmax(plane.queries, axis=0) - np.nanmin(plane.queries, axis=0)
    figure = Figure(figsize=(6.4, float(np.clip(6.4 * height / max(width, 1e-9), 3, 7))), layout="constrained")
    axis = figure.subplots()
    _bare(axis)
    axis.set_title(title)
    return figure, axis


def _bare(axis: Any) -> None:
    """Take away axes and numbers: on such a map only nearness means something."""
    axis.set(xticks=[], yticks=[])
    axis.set_aspect("equal")
    axis.margins(0.07)  # room for labels
    axis.spines[:].set_visible(False)


def _size(n: int) -> float:
    """Give an area for n points, square points: smaller the more there are."""
    return float(np.clip(24_000 / max(n, 1), 2, 24))
