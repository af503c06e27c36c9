"""What a trained backbone's folder says of its training, for curves and maps by epoch."""

import json
from pathlib import Path
from typing import Any

from fieldguide.backbones.adapted import CARD, takes
from fieldguide.core.errors import RecordsError


def trained_folder(backbone: str) -> Path | None:
    """Give the folder of a trained backbone; None of any other."""
    return Path(backbone) if takes(backbone) else None


def read_training(folder: Path | None) -> list[dict[str, Any]]:
    """Read what a trained backbone's card says of each epoch, from 0, the start, on; nothing of no folder.

    Raises
    ------
    RecordsError : the folder has no such card, or it says nothing of epochs.
    """
    if folder is None:
        return []
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        epochs, held_out = [{}, *card["epochs"]], card["held_out"]
    except OSError as error:
        raise RecordsError(f"{path} cannot be read: {error.strerror}: name the folder of a trained backbone") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RecordsError(f"{path} says nothing of epochs: name the folder of a trained backbone") from error
    scores = [{"held-out mAP@5": score} for score in held_out]
    return [
        {"epoch": number}
        | (scores[number] if number < len(scores) else {})
        | (epochs[number] if number < len(epochs) else {})
        for number in range(max(len(epochs), len(scores)))
    ]
