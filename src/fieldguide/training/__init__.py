"""From pictures to an adapted backbone: metric learning, SimCLR, and both together."""

from typing import TYPE_CHECKING

from fieldguide.training.configurations import CONFIGURATIONS, Configuration, configuration

if TYPE_CHECKING:
    from fieldguide.training.trained import Trained
    from fieldguide.training.trainer import train, train_on

__all__ = ["CONFIGURATIONS", "Configuration", "Trained", "configuration", "train", "train_on"]


def __getattr__(name: str) -> object:  # PyTorch is loaded with the first training, not before
    if name not in __all__:
        raise AttributeError(f"module 'fieldguide.training' has no attribute '{name}'")
    from fieldguide.training import trainer

    return getattr(trainer, name)
