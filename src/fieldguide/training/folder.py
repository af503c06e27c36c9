"""The folder of a training: claimed before it, holding its checkpoints while it runs, a trained backbone after it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.backbones.adapted import CARD
from fieldguide.core.errors import FieldguideError
from fieldguide.core.files import written_whole
from fieldguide.training.configurations import Configuration
from fieldguide.training.trained import Trained

CHECKPOINTS = "training"  # the subfolder of checkpoints, gone when training is done
PLAN = "plan.json"


def claim(folder: Path, configuration: Configuration, backbone: Backbone) -> None:
    """Make a folder for a training, or find that it is of the same one, broken off.

    Raises
    ------
    FieldguideError : it holds something else, or cannot be written.
    """
    if (folder / CARD).exists():
        raise FieldguideError(f"{folder} holds a trained backbone: name another folder, or remove that one")
    path = folder / CHECKPOINTS / PLAN
    try:
        if folder.is_dir() and any(folder.iterdir()) and not path.exists():
            raise FieldguideError(f"{folder} holds something else: name a new or empty folder for the training")
        plan = {
            "configuration": asdict(configuration),
            "backbone": backbone.name,
            "fingerprint": fingerprint(backbone),
        }
        if path.exists():
            if _read_plan(path) != json.loads(json.dumps(plan)):
                raise FieldguideError(
                    f"{folder} holds another training that was broken off: name another folder, or remove it"
                )
            return
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FieldguideError(f"{folder} cannot be written: {error.strerror or error}") from error
    with written_whole(path) as scratch:
        scratch.write_text(json.dumps(plan))


def checkpoint_of(folder: Path, run: str) -> Path:
    """Give the place of a run's checkpoint, its folder made."""
    place = folder / CHECKPOINTS
    place.mkdir(parents=True, exist_ok=True)
    return place / f"{run}.pt"


def clear_checkpoints(folder: Path) -> None:
    """Remove what only a training that is broken off needs; curves that were logged stay."""
    for path in (*(folder / CHECKPOINTS).glob("*.pt"), folder / CHECKPOINTS / PLAN):
        path.unlink(missing_ok=True)


def card_of(trained: Trained) -> dict[str, Any]:
    """Give what the folder says of a training."""
    return {
        "summary": trained.summary,
        "configuration": asdict(trained.configuration),
        "frozen": trained.frozen,
        "held_out": list(trained.held_out),
        "for_default": trained.backbone.for_default,
        "recognised": trained.recognised,
        "epochs": [{"loss": epoch.loss, **asdict(epoch.spread)} for epoch in trained.epochs[1:]],
    }


def _read_plan(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None  # of no training that could go on
