"""Ways of training by name: the report's, which lose against frozen embeddings, and ours, which may not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fieldguide.core.errors import FieldguideError

METRIC_LOSSES = ("supcon", "triplet", "proxy-anchor", "multi-similarity", "arcface")
STARTS = ("whitening", "identity", "random")


@dataclass(frozen=True)
class Configuration:
    """All that decides a training, but pictures and backbone.

    Attributes
    ----------
    approach : `metric` learns from labels, `simclr` from two views of each picture, `hybrid` from both
    start : the head's first weights: `identity` is the frozen embedding itself, `whitening` the within-class
        whitening of the gallery, `random` what the report had
    widths : what comes out of each layer of a head from random weights
    tune : `head`, `full`, `last:N` blocks of the backbone or `lora`; the head is trained with them
    loss : one of `METRIC_LOSSES`; simclr has its own
    margin : of the triplet loss, in Euclidean distance of unit rows
    temperature : of NT-Xent and of supervised contrastive loss
    self_weight : of NT-Xent beside the labels' loss, in the hybrid
    stay : weight of the penalty for leaving the embedding it started from, 1 - cosine
    epochs, batch : as usual; a batch holds `shots` pictures a class
    lr, weight_decay : of AdamW
    warm_up : share of the steps in which the rate rises; 0 for a constant rate, else it falls along a cosine after it
    clip : longest gradient; 0 for no limit
    views : augmented views of each picture that the head learns from; 0 for the pictures themselves
    folds : parts into which classes are cut, each held out once, to decide how long to train and whether at all;
        0 to train all epochs whatever comes of it
    precision : `no`, `bf16` or `fp16`
    log : `tensorboard` or `trackio`, or nothing
    seed : of everything random
    """

    approach: str
    start: str = "whitening"
    widths: tuple[int, ...] = (128,)
    tune: str = "head"
    loss: str = "supcon"
    margin: float = 0.2
    temperature: float = 0.1
    self_weight: float = 0.0
    stay: float = 1.0
    epochs: int = 10
    batch: int = 128
    shots: int = 2
    lr: float = 1e-4
    weight_decay: float = 1e-4
    warm_up: float = 0.1
    clip: float = 1.0
    views: int = 3
    folds: int = 3
    precision: str = "no"
    log: str | None = None
    seed: int = 0

    def with_changes(self, **changes: Any) -> "Configuration":
        """Give the same with what is not None changed.

        Raises
        ------
        FieldguideError : a value that means nothing.
        """
        changed = replace(self, **{name: value for name, value in changes.items() if value is not None})
        changed.check()
        return changed

    def check(self) -> None:
        """Refuse values that mean nothing.

        Raises
        ------
        FieldguideError : the text says which.
        """
        _among("--loss", self.loss, METRIC_LOSSES)
        _among("--start", self.start, STARTS)
        _among("--precision", self.precision, ("no", "bf16", "fp16"))
        if self.log is not None:
            _among("--log", self.log, ("tensorboard", "trackio"))
        kind, _, count = self.tune.partition(":")
        blocks = count.isdecimal() and int(count) > 0
        if not (blocks if kind == "last" else self.tune in ("head", "full", "lora")):
            raise FieldguideError(f"--tune is head, full, lora or last:N with N at least 1, not '{self.tune}'")
        if self.epochs < 1 or self.batch < 2 or self.seed < 0 or self.views < 0 or not self.lr > 0:
            raise FieldguideError(
                "training needs --epochs from 1 on, --batch from 2 on, --lr above 0, --seed and --views from 0 on"
            )


def _among(option: str, value: str, values: Sequence[str]) -> None:
    if value not in values:
        raise FieldguideError(f"{option} is one of {', '.join(values)}, not '{value}'")


_REPORT = Configuration(
    "metric", "random", loss="triplet", margin=1.0, batch=32, lr=1e-4, epochs=20, stay=0, weight_decay=0, warm_up=0,
    clip=0, views=0, folds=0,
)  # fmt: skip

CONFIGURATIONS: dict[str, Configuration] = {
    "metric": Configuration("metric"),
    "simclr": Configuration("simclr", start="identity", lr=1e-5),
    "hybrid": Configuration("hybrid", self_weight=0.3),
    # the report's: its rate and head are known for metric learning, and taken to be the same for SimCLR
    "metric-report": _REPORT,
    "metric-report-512": replace(_REPORT, widths=(512, 128)),
    "simclr-report": replace(_REPORT, approach="simclr", temperature=0.5, epochs=10, views=3),
}


def configuration(name: str) -> Configuration:
    """Give a configuration by its name.

    Raises
    ------
    FieldguideError : there is none of that name.
    """
    if name not in CONFIGURATIONS:
        raise FieldguideError(f"unknown training '{name}': choose one of {', '.join(CONFIGURATIONS)}")
    return CONFIGURATIONS[name]
