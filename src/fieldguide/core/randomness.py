"""Random numbers that follow from a seed, while the caller's own generators stay where they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators within the block, and put them back after it, errors or not.

    Libraries draw from them and take no other: kornia and peft from PyTorch's, samplers of pytorch-metric-learning from
    NumPy's.

    Parameters
    ----------
    seed : from 0 on
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  the very state that libraries share
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
