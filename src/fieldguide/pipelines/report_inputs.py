"""What a report is made of beside pictures: the true labels, and a leaderboard."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldguide.core.errors import AnswersError, RecordsError
from fieldguide.evaluation import match_truth
from fieldguide.records.answers import Format
from fieldguide.records.tables import read_columns
from fieldguide.records.text import normal_form


def read_truth(path: Path, names: Sequence[str], form: Format) -> dict[str, str]:
    """Read the true label of each query by the name it has in the run.

    Raises
    ------
    RecordsError : the file or a column is missing.
    AnswersError : it is not of these queries.
    """
    images, labels = read_columns(path, [form.image_column, form.label_column])
    if len(set(images)) != len(images):
        raise AnswersError(f"{path}: a picture is listed twice")
    truth = dict(zip(images, map(normal_form, labels), strict=True))  # as those of the gallery are
    try:
        matched = {names[place]: label for place, label in match_truth(names, truth)}
    except AnswersError as error:
        raise AnswersError(f"{path}: {error}: is it of these queries?") from error
    if not matched:
        raise AnswersError(f"{path}: none of its pictures is among the queries")
    return matched


def read_json_lines(path: Path | None) -> list[dict[str, Any]]:
    """Read a JSON object a line; nothing of no file.

    Raises
    ------
    RecordsError : there is no such file, or a line is no JSON object.
    """
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line or "{}")
        except ValueError as error:
            raise RecordsError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise RecordsError(f"{path}, line {number}: not a JSON object")
        records += [record] if record else []
    return records
