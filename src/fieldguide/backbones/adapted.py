"""A trained backbone, kept in a folder: a base, its weights tuned or not, and a head on top."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from fieldguide.backbones.backbone import Backbone, fingerprint
from fieldguide.backbones.weights import load_weights
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.files import written_whole
from fieldguide.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

    from fieldguide.backbones.head import Head

CARD = "adapter.json"
WEIGHTS = "adapter.safetensors"
EPOCHS = "epochs"  # the subfolder with heads as they were on the way
BLOCK_ROWS = 4096  # that go through a head together


@dataclass(frozen=True)
class Adapted:
    """A backbone that training left: a base with a head, or the base alone where training did not help.

    Attributes
    ----------
    folder : where card and weights lie
    base : the backbone it started from
    widths, centred, bias : of the head, as in `HeadShape`; no widths where the base is kept as it was
    tuned : whether the folder holds the base's weights too
    for_default : whether the default recognizer, which bends the space itself, gains by it too
    """

    folder: Path
    base: Backbone
    widths: tuple[int, ...] = ()
    centred: bool = False
    bias: bool = False
    tuned: bool = False
    for_default: bool = False

    @property
    def name(self) -> str:
        """The folder, as the user wrote it."""
        return str(self.folder)

    @property
    def head_alone(self) -> bool:
        """Whether its embeddings follow from the base's."""
        return bool(self.widths) and not self.tuned

    @property
    def dim(self) -> int:
        """How many numbers are in an embedding."""
        return self.widths[-1] if self.widths else self.base.dim

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes the network's input: as for the base."""
        return self.base.preprocessing

    @property
    def pooling(self) -> str:
        """The base's, and the head's shape."""
        shape = f", head {self.widths}{' of centred powers' * self.centred}{', tuned' * self.tuned}"
        return self.base.pooling + (shape if self.widths else "")

    def weights(self) -> Sequence[Path]:
        """Give the base's files, and the trained weights if there are any.

        Raises
        ------
        BackboneError : the folder has none.
        """
        if not self.widths:
            return self.base.weights()
        path = self.folder / WEIGHTS
        if not path.is_file():
            raise BackboneError(f"{self.folder} has no {WEIGHTS}: train again, or copy the whole folder")
        return [*self.base.weights(), path]

    def network(self) -> "nn.Module":
        """Build base and head as one network, in evaluation mode."""
        from torch import nn

        base = self.base.network()
        if not self.widths:
            return base
        head = self.head()
        if self.tuned:
            self._fill(base, "base.")
        return nn.Sequential(base, head).eval()

    def head(self) -> "Head":
        """Build the head alone."""
        head = self._blank_head()
        self._fill(head, "head.")
        return head.eval()

    def heads_by_epoch(self) -> "dict[int, Head]":
        """Build the head as it was after some epochs, 0 the start; none where the base was tuned, or kept as it was."""
        heads = {}
        for epoch, path in sorted((int(path.stem), path) for path in (self.folder / EPOCHS).glob("*.safetensors")):
            head = self._blank_head()
            _fill(head, load_weights(path), path)
            heads[epoch] = head.eval()
        return heads

    def _blank_head(self) -> "Head":
        import torch

        from fieldguide.backbones.head import Head, HeadShape

        with torch.random.fork_rng(devices=[]):  # layers draw weights before their own are loaded
            return Head(HeadShape(self.widths, self.centred, self.bias))

    def adapt(self, rows: Floats) -> Floats:
        """Give embeddings (n, dim) for the base's (n, base.dim), where the head alone was trained."""
        import torch

        if not self.widths:
            return rows
        head = self.head()
        with torch.inference_mode():
            blocks = [torch.from_numpy(rows[start : start + BLOCK_ROWS]) for start in range(0, len(rows), BLOCK_ROWS)]
            parts = [head(block).numpy() for block in blocks]
        return np.concatenate([np.empty((0, self.dim), np.float32), *parts])

    def _fill(self, network: "nn.Module", prefix: str) -> None:
        """Give a network those of the folder's weights whose names begin with `prefix`."""
        path = self.folder / WEIGHTS
        tensors = load_weights(path)
        own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        _fill(network, own, path)


def takes(name: str) -> bool:
    """Say whether a name is a folder that training left."""
    return (Path(name) / CARD).is_file()


def load(name: str, load_base: Callable[[str], Backbone]) -> Adapted:
    """Give the backbone that training left in a folder.

    Parameters
    ----------
    name : the folder
    load_base : gives the backbone that training started from by its name

    Raises
    ------
    BackboneError : the card cannot be read, the weights are missing, or the base is not the one it was trained on.
    """
    folder = Path(name)
    path = folder / CARD
    try:
        card = json.loads(path.read_text())
        base_name, base_fingerprint, head = card["base"], card["base_fingerprint"], card["head"]
        shape = {"widths": tuple(map(int, head["widths"])), "centred": head["centred"], "bias": head["bias"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{path} is no card of a trained backbone ({error!r}): train again") from error
    base = load_base(base_name)
    if fingerprint(base) != base_fingerprint:
        raise BackboneError(f"{folder} was trained on another {base_name} than is installed here: train again")
    backbone = Adapted(folder, base, **shape, tuned=bool(card["tuned"]), for_default=bool(card.get("for_default")))
    backbone.weights()
    return backbone


def is_trained(backbone: Backbone) -> TypeGuard[Adapted]:
    """Whether training changed a backbone."""
    return isinstance(backbone, Adapted) and bool(backbone.widths)


def save_epoch(folder: Path, epoch: int, head: "nn.Module") -> None:
    """Write a head as it is after an epoch into the folder of a training."""
    from safetensors.torch import save_file

    path = folder / EPOCHS / f"{epoch}.safetensors"
    path.parent.mkdir(exist_ok=True)
    with written_whole(path) as scratch:
        save_file({name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}, scratch)


def _fill(network: "nn.Module", tensors: dict[str, Any], path: Path) -> None:
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise BackboneError(
            f"{path} does not fit its card, {CARD}: copy the whole folder again, or train again"
        ) from error


def save_adapted(backbone: Adapted, tensors: dict[str, Any], card: dict[str, Any]) -> None:
    """Write card and weights; the card last, as it is what makes the folder a backbone.

    Parameters
    ----------
    backbone : its shape
    tensors : `head.…` and, if tuned, `base.…`; none where the base is kept as it was
    card : what else to write down
    """
    from safetensors.torch import save_file

    if tensors:
        with written_whole(backbone.folder / WEIGHTS) as path:
            save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, path)
    head = {"widths": backbone.widths, "centred": backbone.centred, "bias": backbone.bias}
    known = {"base": backbone.base.name, "base_fingerprint": fingerprint(backbone.base), "head": head}
    with written_whole(backbone.folder / CARD) as path:
        path.write_text(json.dumps({**known, "tuned": backbone.tuned, **card}, indent=2) + "\n")
