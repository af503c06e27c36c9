"""From pictures to an adapted backbone: metric learning, SimCLR, and both together."""

from typing import TYPE_CHECKING

from fieldguide.learning.configurations import CONFIGURATIONS, Configuration, configuration

if TYPE_CHECKING:
    from fieldguide.learning.training import Frozen, Trained, train, train_on

__all__ = ["CONFIGURATIONS", "Configuration", "Frozen", "Trained", "configuration", "train", "train_on"]


def __getattr__(name: str) -> object:  # PyTorch is loaded with the first training, not before
    if name not in __all__:
        raise AttributeError(f"module 'fieldguide.learning' has no attribute '{name}'")
    from fieldguide.learning import training

    return getattr(training, name)
