"""COCO JSON: its annotations are pictures or boxes in them, and answers are written into them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldguide.core.errors import RecordsError
from fieldguide.records.listed import LABEL, Entry, box_of

PARTS = ("images", "annotations", "categories")
OWN = "fieldguide"  # the one key that answers add to an annotation


def coco_entries(
    source: Path, document: dict[str, Any], label: str, *, labelled: bool, encounter: str = ""
) -> list[Entry]:
    """List the annotations of a gallery, or of queries.

    Parameters
    ----------
    source : the file, for errors
    document : what it holds
    label : the key of annotations that holds the label; `LABEL` for the name of their category
    labelled : whether those with a label are wanted, or queries: all, if labels are categories, as every annotation has
        one; else those without a label; and the pictures without an annotation, whose places come after the last

    encounter : the key of images that holds the encounter, if they have it; empty for none

    Raises
    ------
    RecordsError : an annotation names no picture or category that is there, or its box is none.
    """
    images = _by_id(source, document, "images", "file_name")
    names = _by_id(source, document, "categories", "name")
    met = {image["id"]: _text(image.get(encounter)) for image in document["images"]}
    entries, seen = [], set()
    for place, annotation in enumerate(document["annotations"]):
        where = f"{source}: annotation {_get(annotation, 'id', place)}"
        image = _get(annotation, "image_id")
        if image not in images:
            raise RecordsError(f"{where} is of the picture {image}, which is not among the images")
        seen.add(image)
        category = _get(annotation, "category_id")
        if label == LABEL and labelled and category not in names:
            raise RecordsError(f"{where} is of the category {category}, which is not among the categories")
        given = names.get(category, "") if label == LABEL else _text(annotation.get(label))
        if bool(given) is not labelled and (labelled or label != LABEL):
            continue
        numbers = annotation.get("bbox")
        box = box_of(where, numbers, shares=False) if numbers else None
        entries.append(Entry(place, images[image], given if labelled else "", box, met[image]))
    if not labelled:
        rest, last = [number for number in images if number not in seen], len(document["annotations"])
        entries += [Entry(last + n, images[number], encounter=met[number]) for n, number in enumerate(rest)]
    return entries


def answered_coco(
    document: dict[str, Any],
    answers: dict[int, tuple[Sequence[str], float]],
    label: str,
    unknown: str,
) -> dict[str, Any]:
    """Give a document with answers in its annotations; all else that it holds stays.

    An annotation's label is the first of the answer, but where that is the unknown label and labels are no categories.
    Under the key `fieldguide` are all labels of the answer, its probability if there is one, and the category that the
    annotation had.

    Parameters
    ----------
    document : as it was read
    answers : by place, as `coco_entries` gives them, the labels, best first, and the probability of the first
    label : as in `coco_entries`
    unknown : the unknown label
    """
    annotations = [dict(one) for one in document["annotations"]]
    seen = {one["image_id"] for one in annotations}
    used = [one["id"] for one in annotations if isinstance(one.get("id"), int)]
    rest = [image for image in document["images"] if image["id"] not in seen]
    for n, image in enumerate(rest, 1):  # a place for answers to whole pictures
        if len(annotations) in answers:
            size = image.get("width"), image.get("height")
            box = {"bbox": [0, 0, *size]} if all(size) else {}
            annotations.append({"id": max(used, default=0) + n, "image_id": image["id"], **box})
    categories = list(document["categories"])
    numbers = {one["name"]: one["id"] for one in reversed(categories)}
    last = max([one["id"] for one in categories if isinstance(one["id"], int)], default=0)
    for place, (labels, probability) in answers.items():
        annotation, best = annotations[place], labels[0]
        own: dict[str, Any] = {"labels": list(labels)}
        if math.isfinite(probability):
            own["probability"] = round(probability, 4)
        if label != LABEL:
            if best != unknown:
                annotation[label] = best
        else:
            if best not in numbers:
                last += 1
                numbers[best] = last
                categories.append({"id": last, "name": best})
            if "category_id" in annotation:
                own["category_id"] = annotation["category_id"]
            annotation["category_id"] = numbers[best]
        if OWN in annotation:  # of an earlier run, before which it may have had another category
            own = {"category_id": annotation[OWN]["category_id"], **own} if "category_id" in annotation[OWN] else own
        annotation[OWN] = own
    return {**document, "annotations": annotations, "categories": categories}


def _by_id(source: Path, document: dict[str, Any], part: str, name: str) -> dict[Any, str]:
    found = {}
    for place, one in enumerate(document[part]):
        number, text = _get(one, "id"), _get(one, name)
        if number is None or not isinstance(text, str) or not text:
            raise RecordsError(f"{source}: entry {place + 1} of its {part} has no 'id' or no '{name}'")
        found[number] = text
    return found


def _get(entry: Any, key: str, default: object = None) -> Any:
    value = entry.get(key, default) if isinstance(entry, dict) else default
    return value if isinstance(value, str | int | float) else default


def _text(value: object) -> str:
    return "" if value is None else str(value)
