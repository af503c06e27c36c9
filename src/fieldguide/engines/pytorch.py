"""PyTorch: the reference that every other engine must agree with, and the engine for GPUs."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING

from fieldguide.backbones import Backbone
from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.machine import cores

if TYPE_CHECKING:
    from torch import nn


class TorchEngine:
    """Runs a backbone in PyTorch, on a GPU (NVIDIA's, AMD's or Apple's) where there is one.

    Parameters
    ----------
    backbone : what to run
    precision : `float32`, or `bfloat16` or `float16` for what autocast holds to be safe in it

    Raises
    ------
    BackboneError : float16 on a CPU, which has no arithmetic for it.
    """

    batch = 32

    def __init__(self, backbone: Backbone, precision: str = "float32") -> None:
        import torch

        gpu = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else None
        self.device = gpu or "cpu"
        if precision == "float16" and not gpu:
            raise BackboneError("float16 needs a GPU, and PyTorch finds none: take --precision float32 or bfloat16")
        self.cache_key = "-".join(filter(None, ["torch", gpu, precision]))
        self.type = None if precision == "float32" else getattr(torch, precision)
        self.network = with_normalisation(backbone).to(self.device)
        if gpu == "cuda":
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as tensor cores like it
        self.lock = Lock()  # PyTorch spreads one batch over all cores; two at once would fight for them

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (n, size, size, 3) pixels to (n, dim)."""
        import torch

        autocast = torch.autocast(self.device, self.type) if self.type else nullcontext()
        threads = all_cores() if self.device == "cpu" else nullcontext()
        with self.lock, threads, torch.inference_mode(), autocast:
            embeddings: Floats = self.network(torch.from_numpy(pictures).to(self.device)).float().cpu().numpy()
        return embeddings


@contextmanager
def all_cores() -> Iterator[None]:
    """Let PyTorch use the cores that this process may use; how many it uses otherwise is the program's own choice."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def with_normalisation(backbone: Backbone) -> "nn.Module":
    """Build the backbone's network with bytes (n, size, size, 3) for input: the normalisation is inside.

    Its first weights are drawn before they are replaced; the program's random numbers stay as they would be without.
    """
    import torch
    from torch import nn

    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with torch.random.fork_rng(devices=[]):  # layers draw weights before their own are loaded
                self.body = backbone.network()
            steps = backbone.preprocessing
            self.register_buffer("mean", torch.tensor(steps.mean).view(1, 3, 1, 1))
            self.register_buffer("scale", torch.tensor(steps.scale).view(1, 3, 1, 1))

        def forward(self, pictures):  # type: ignore[no-untyped-def]
            return self.body((pictures.permute(0, 3, 1, 2).float() - self.mean) / self.scale)

    with torch.random.fork_rng(devices=[]):
        return Normalised().eval()
