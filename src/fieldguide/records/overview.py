"""A line on what was read, and warnings of what in it is probably a mistake."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from fieldguide.records.folders import Listing
from fieldguide.records.image_table import ImageTable

log = logging.getLogger("fieldguide")

PARTS = {  # names of folders that divide pictures, and are no classes
    *("train", "training", "val", "valid", "validation", "test", "testing", "dev", "trainval", "gallery", "query"),
    *("queries", "images", "image", "pictures", "photos", "data", "dataset", "classes", "labelled", "labeled"),
}
NAMED = 3  # classes that a warning names, at most


def log_overview(gallery: ImageTable | None = None, queries: ImageTable | None = None) -> None:
    """Say what was read: `gallery: 54 classes, 162 pictures (1 to 5 a class); queries: 4,026`."""
    parts = []
    if gallery is not None:
        shots = gallery.shots()
        fewest, most = min(shots.values()), max(shots.values())
        each = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
        parts.append(f"gallery: {_count(len(shots), 'class')}, {_count(len(gallery), 'picture')} ({each} a class)")
        if gallery.distractors:
            parts.append(_count(len(gallery.distractors), "labelled distractor"))
    if queries is not None:
        parts.append(f"queries: {len(queries):,}")
    log.info("%s", "; ".join(parts))


def warn_of_folder(folder: Path, listing: Listing, labels: Sequence[str]) -> None:
    """Warn of what is probably wrong with a gallery folder: classes without pictures, a level too many.

    Parameters
    ----------
    listing : what is in the folder
    labels : (n_pictures,) the name of the folder that each picture's class is
    """
    classes = set(labels)
    if empty := [name for name in listing.folders if name not in classes]:
        log.warning(
            "%s: %s hold no pictures and are no classes: %s", folder, _count(len(empty), "folder"), names_of(empty)
        )
    inner = {tuple(image.split("/")[:2]) for image in listing.pictures if image.count("/") > 1}
    loose = any(image.count("/") == 1 for image in listing.pictures)
    if (
        not loose
        and len(inner) > len(classes)
        and (len(classes) == 1 or all(name.lower() in PARTS for name in classes))
    ):
        each = f"the class '{min(classes)}'" if len(classes) == 1 else f"one of the classes {names_of(sorted(classes))}"
        log.warning(
            "%s: every picture is of %s, with folders in it such as '%s': if these are the classes, name %s as the "
            "gallery",
            folder,
            each,
            min(inner)[1],
            folder / max(classes, key=labels.count),
        )
    elif len(classes) == 1 and len(labels) > 1:
        log.warning("%s: every picture is of the one class '%s'", folder, labels[0])


def warn_of_labels(source: str | os.PathLike[str], pictures: ImageTable) -> None:
    """Warn of labels that differ only in what is hardly seen: case, and spaces of several kinds or lengths."""
    by_spelling: dict[str, list[str]] = {}
    for label in pictures.shots():
        by_spelling.setdefault(" ".join(label.casefold().split()), []).append(label)
    if alike := [labels for labels in by_spelling.values() if len(labels) > 1]:
        pairs = " and ".join(repr(label) for label in alike[0])
        more = f", and {len(alike) - 1} other such" if len(alike) > 1 else ""
        log.warning("%s: %s are different classes by their case or spaces alone%s", source, pairs, more)


def warn_of_overlap(gallery_source: Path, queries_source: Path, gallery: ImageTable, queries: ImageTable) -> None:
    """Warn of pictures that are in gallery and queries, and of a queries' folder that is read as a class."""
    known = {(os.path.abspath(path), gallery.regions.get(row)) for row, path in enumerate(gallery.paths)}  # noqa: PTH100  a Path for each of a million is slow
    both = [
        image
        for row, (image, path) in enumerate(zip(queries.images, queries.paths, strict=True))
        if (os.path.abspath(path), queries.regions.get(row)) in known  # noqa: PTH100
    ]
    if not both:
        return
    count = f"{len(both):,} of {_count(len(queries), 'query')}"
    outer, inner = gallery_source.resolve(), queries_source.resolve()
    if outer == inner:
        log.warning("gallery and queries are the same, %s: each picture finds itself", outer)
    elif outer.is_dir() and inner.is_dir() and outer in inner.parents:
        name = inner.relative_to(outer).parts[0]
        log.warning(
            "%s lies in the gallery, where its pictures are of the class '%s': move it elsewhere", queries_source, name
        )
    else:
        are = (
            "is a gallery picture too and finds itself"
            if len(both) == 1
            else "are gallery pictures too and find themselves"
        )
        log.warning("%s %s: %s", count, are, names_of(both))


def names_of(names: Sequence[str]) -> str:
    """Name the first few: `'a', 'b', 'c' and 4 others`."""
    more = len(names) - NAMED
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + (
        f" and {more:,} {'other' if more == 1 else 'others'}" if more > 0 else ""
    )


def _count(n: int, what: str) -> str:
    plural = {"class": "classes", "query": "queries"}.get(what, f"{what}s")
    return f"{n:,} {what if n == 1 else plural}"
