"""What came of a training."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldguide.backbones.adapted import Adapted
from fieldguide.training.checkpoint import Epoch
from fieldguide.training.configurations import Configuration


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Attributes
    ----------
    backbone : what `--backbone` with the folder gives
    configuration : how it was trained
    frozen : held-out mAP@5 of the frozen embedding, by plain cosine; None where nothing was held out
    held_out : the same by epoch, from 0, the start, on; empty where nothing was held out
    epochs : those of the last run, on all classes
    kept_frozen : whether training could not help, so that the folder is the backbone as it was
    summary : the above in a sentence
    recognised : share of held-out pictures that the default recognizer names, frozen and trained; None where it was
        not evaluated, as of a head
    """

    backbone: Adapted
    configuration: Configuration
    frozen: float | None = None
    held_out: Sequence[float] = ()
    epochs: Sequence[Epoch] = ()
    kept_frozen: bool = False
    summary: str = ""
    recognised: tuple[float, float] | None = None
