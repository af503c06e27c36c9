"""Faster arithmetic: int8 calibrated on the user's pictures, refused where it harms them; half precisions."""

import sys

import numpy as np
import pytest

from checkpoints import save
from drawing import KINDS, draw
from fieldguide import FieldguideError
from fieldguide.backbones import load_backbone
from fieldguide.embedding import embed
from fieldguide.engines import start_engine
from fieldguide.records import ImageTable

pytest.importorskip("nncf")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Drawn pictures, seven kinds, and among them what is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(70):
        draw(KINDS[number % len(KINDS)], number).resize((240, 224 + number)).save(folder / f"{number:02}.png")
    (folder / "20.png").write_text("no picture")
    paths = sorted(folder.iterdir())
    return ImageTable([path.name for path in paths], paths)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A small network, drawn as for training: rounding does little to it."""
    return load_backbone(str(save("vit", tmp_path_factory.mktemp("vit"), spread=1)))


def test_int8_is_near_float32_and_the_same_every_time(catalog, backbone):
    exact = embed(catalog, backbone, show=False).matrix
    engines = [start_engine("auto", backbone, "int8", catalog.paths) for _ in range(2)]
    rounded, again = (embed(catalog, backbone, engine=engine, show=False).matrix for engine in engines)
    assert cosines(exact, rounded).mean() >= 0.995
    assert (rounded == again).all()
    assert not np.allclose(exact, rounded, atol=1e-4)  # or it was float32 all along
    assert engines[0].cache_key == engines[1].cache_key != start_engine("auto", backbone).cache_key
    other = start_engine("auto", backbone, "int8", catalog.paths[:8])
    assert other.cache_key != engines[0].cache_key  # other ranges, other numbers: embeddings are kept apart


class Fragile:
    """A backbone whose last step magnifies what rounding takes away."""

    def __init__(self, backbone) -> None:
        self.backbone = backbone
        self.pooling = "differences, cubed"

    def __getattr__(self, name):
        return getattr(self.backbone, name)

    def network(self):
        from torch import nn

        class Difference(nn.Module):
            def __init__(self, body) -> None:
                super().__init__()
                self.body = body

            def forward(self, pictures):
                features = self.body(pictures)
                return (features - features.mean(1, keepdim=True)) ** 9

        return Difference(self.backbone.network()).eval()


def test_int8_is_refused_where_it_harms(catalog, tmp_path):
    backbone = Fragile(load_backbone(str(save("vit", tmp_path / "vit", spread=6))))
    with pytest.raises(FieldguideError, match=r"int8 is too coarse .* mean cosine to float32 is -?0\.\d+, 0\.995"):
        start_engine("openvino", backbone, "int8", catalog.paths)


@pytest.mark.long
def test_int8_for_the_default_backbone(catalog):
    backbone = load_backbone("efficientnet-lite0")
    engine = start_engine("auto", backbone, "int8", catalog.paths)
    exact, rounded = (embed(catalog, backbone, engine=one, show=False).matrix for one in ("auto", engine))
    assert cosines(exact, rounded).mean() >= 0.995


def can_bfloat16(engine: str) -> bool:
    import openvino

    return engine == "torch" or "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_bfloat16_is_near_float32(name, catalog, backbone):
    few = ImageTable(catalog.images[:8], catalog.paths[:8])
    if not can_bfloat16(name):
        with pytest.raises(FieldguideError, match="this CPU has no arithmetic for bfloat16"):
            start_engine(name, backbone, "bfloat16")
        return
    engine = start_engine(name, backbone, "bfloat16")
    assert engine.cache_key.startswith(f"{name}-bfloat16")
    rounded, exact = (embed(few, backbone, engine=one, show=False).matrix for one in (engine, "torch"))
    assert rounded.dtype == np.float32
    assert 0.999 <= cosines(rounded, exact).min() < 1


def test_identify_in_int8(few, done, backbone, tmp_path):
    words = "--precision", "int8", "--backbone", backbone.name, "-o", tmp_path / "answers.csv"
    outcome = done("identify", few.gallery, few.queries, *words)
    assert outcome.complaints == []  # NNCF has much to say


WORDS = {
    "an unknown precision": (["--precision", "int4"], "unknown precision 'int4': choose one of float32, int8"),
    "int8 in PyTorch": (["--precision", "int8", "--engine", "torch"], "torch has no int8: take --engine openvino"),
    "float16 in OpenVINO": (
        ["--precision", "float16", "--engine", "openvino"],
        "the engine openvino has no float16: take --engine torch",
    ),
}


@pytest.mark.parametrize("case", WORDS)
def test_what_there_is_not_is_refused_in_a_line(case, few, refused, tmp_path):
    words, said = WORDS[case]
    assert said in refused("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *words)


def test_float16_needs_a_gpu():
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is one")
    with pytest.raises(FieldguideError, match="float16 needs a GPU"):
        start_engine("torch", load_backbone("efficientnet-lite0"), "float16")


def test_int8_without_its_package_or_any_picture(catalog, backbone, tmp_path, monkeypatch):
    with pytest.raises(FieldguideError, match="none of those tried can be read"):
        start_engine("openvino", backbone, "int8", [tmp_path / "gone.png"])
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(FieldguideError, match=r"pip install 'fieldguide\[int8\]'"):
        start_engine("openvino", backbone, "int8", catalog.paths)
