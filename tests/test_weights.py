"""Weights from disk: every way in is given a pickle that would write a file, and none is run."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checkpoints import save
from fieldguide import FieldguideError
from fieldguide.backbones import adapted, efficientnet_lite, load_backbone
from fieldguide.backbones.weights import load_weights

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")


class Opens:
    """What unpickling it runs: a file is made."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.fixture
def trap(tmp_path):
    """Write a pickle that makes a file when it is run; after the test there must be none."""
    made = tmp_path / "made-by-the-pickle"

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"weight": torch.zeros(2), "other": Opens(made)}, path)

    write(tmp_path / "sprung.pt")
    torch.load(tmp_path / "sprung.pt", weights_only=False)["other"].close()
    assert made.exists()  # so that it is one
    made.unlink()
    yield write
    assert not made.exists()


# --- the one door --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending", ["bin", "pt", "pth", "ckpt", "tar", "pth.tar", "pkl", "npy", "joblib", "safetensors"]
)
def test_a_pickle_is_not_run_by_whatever_name(ending, trap, tmp_path):
    path = tmp_path / f"weights.{ending}"
    trap(path)
    with pytest.raises(FieldguideError, match="damaged") as error:
        load_weights(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("within", [None, "state_dict", "model", "model_ema"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_are_found_in_checkpoints_of_a_training(within, prefix, tmp_path):
    weights = {f"{prefix}layer.weight": torch.arange(3.0)}
    torch.save({within: weights, "epoch": 3} if within else weights, tmp_path / "w.pth")
    assert load_weights(tmp_path / "w.pth")["layer.weight"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ([1, 2], "holds no weights by name, but list"),
        ({}, "holds no weights by name"),
        ({"epoch": 3, "w": torch.zeros(1)}, "holds more than weights: 'epoch' is int"),
    ],
)
def test_a_file_that_holds_no_weights_says_so(held, said, tmp_path):
    torch.save(held, tmp_path / "w.pt")
    with pytest.raises(FieldguideError, match=said):
        load_weights(tmp_path / "w.pt")


def test_a_missing_or_damaged_file_is_one_line(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"no weights")
    (tmp_path / "w.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "folder.pt").mkdir()
    for name, said in {
        "w.pt": "is not opened",
        "w.safetensors": "cannot be opened",
        "none.pt": "cannot be read",
        "none.safetensors": "cannot be read|No such file",
        "folder.pt": "cannot be read",
    }.items():
        with pytest.raises(FieldguideError, match=said):
            load_weights(tmp_path / name)


# --- each kind of backbone -----------------------------------------------------------------------------------------


def tiny() -> Any:
    """A network for pictures of 8 pixels, in place of timm's and open_clip's."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))


def fake_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As timm 1.0.16 does it: weights that it is handed are taken, those of a folder opened as the pickle wants."""

    def create_model(name: str, pretrained: bool, num_classes: int, pretrained_cfg_overlay: Any = None) -> Any:
        network, told = tiny(), {"input_size": [3, 8, 8], **(pretrained_cfg_overlay or {})}
        network.pretrained_cfg = network.default_cfg = told
        if pretrained and told.get("source", "local-dir") == "local-dir":
            network.load_state_dict(torch.load(Path(name.removeprefix("local-dir:")) / "pytorch_model.bin", "cpu"))
        elif pretrained:
            network.load_state_dict(told["state_dict"])
        return network

    module = ModuleType("timm")
    module.create_model = create_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", module)


@pytest.fixture
def timm_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # what `torch.load` did before PyTorch 2.6
    fake_timm(monkeypatch)
    folder = tmp_path / "timm"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architecture": "tiny", "input_size": [3, 8, 8]}))
    return folder


def test_timm_opens_no_file(timm_folder, trap):
    trap(timm_folder / "pytorch_model.bin")
    backbone = load_backbone(f"timm:{timm_folder}")
    with pytest.raises(
        FieldguideError, match=r"pytorch_model\.bin is not opened.*a pickle that holds more than weights"
    ):
        backbone.network()


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors"])
def test_timm_is_handed_the_weights(file, timm_folder):
    weights = {name: value + 1 for name, value in tiny().state_dict().items()}
    if file.endswith(".bin"):
        torch.save(weights, timm_folder / file)
    else:
        safetensors.save_file(weights, timm_folder / file)
    backbone = load_backbone(f"timm:{timm_folder}")
    network = backbone.network()
    assert backbone.dim == 4
    assert all((network.state_dict()[name] == value).all() for name, value in weights.items())
    assert "state_dict" not in network.pretrained_cfg

    torch.save({"other": torch.zeros(1)}, timm_folder / "pytorch_model.bin")
    (timm_folder / "model.safetensors").unlink(missing_ok=True)
    with pytest.raises(FieldguideError, match="cannot be opened"):
        load_backbone(f"timm:{timm_folder}").network()


@pytest.fixture
def open_clip_folder(monkeypatch, tmp_path):
    """A checkpoint, and an open_clip that would open the folder's pickle first."""

    def create_model(name: str, precision: str, device: str, load_weights: bool = True, **_: bool) -> Any:
        whole = torch.nn.Module()
        whole.visual = tiny()
        if load_weights:
            torch.load(Path(name.removeprefix("local-dir:")) / "a.pth", weights_only=False)
        return whole

    module, convert = ModuleType("open_clip"), ModuleType("open_clip.convert")
    module.create_model, module.convert = create_model, convert  # type: ignore[attr-defined]
    convert.convert_state_dict = lambda whole, weights: weights  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "open_clip", module)
    monkeypatch.setitem(sys.modules, "open_clip.convert", convert)
    folder = tmp_path / "open_clip"
    folder.mkdir()
    said = {"model_cfg": {"embed_dim": 4, "vision_cfg": {"image_size": 8}}}
    (folder / "open_clip_config.json").write_text(json.dumps(said))
    weights = {f"visual.{name}": value + 1 for name, value in tiny().state_dict().items()}
    safetensors.save_file({**weights, "logit_scale": torch.ones(1)}, folder / "open_clip_model.safetensors")
    return folder


def test_open_clip_opens_no_file(open_clip_folder, trap):
    trap(open_clip_folder / "a.pth")
    network = load_backbone(f"open_clip:{open_clip_folder}").network()
    assert all((network.state_dict()[name] == value + 1).all() for name, value in tiny().state_dict().items())

    trap(open_clip_folder / "open_clip_model.safetensors")
    with pytest.raises(FieldguideError, match=r"open_clip_model\.safetensors cannot be opened"):
        load_backbone(f"open_clip:{open_clip_folder}").network()


def test_timm_itself_as_far_as_it_is_installed(trap, tmp_path):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    whole = timm.create_model("resnet18", num_classes=3).eval()
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18", "num_classes": 3}))
    torch.save(whole.state_dict(), tmp_path / "pytorch_model.bin")
    pictures = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        own = whole.forward_head(whole.forward_features(pictures), pre_logits=True)
        assert (load_backbone(f"timm:{tmp_path}").network()(pictures) == own).all()
    trap(tmp_path / "pytorch_model.bin")
    with pytest.raises(FieldguideError, match="is not opened"):
        load_backbone(f"timm:{tmp_path}").network()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    pytest.importorskip("transformers")
    return save("clip", tmp_path_factory.mktemp("clip"))


@pytest.fixture
def checkpoint(clip, tmp_path):
    return Path(shutil.copytree(clip, tmp_path / "checkpoint"))


def test_huggingface_takes_no_pickle_by_another_name(checkpoint, trap):
    trap(checkpoint / "model.safetensors")
    with pytest.raises(FieldguideError, match=r"model\.safetensors cannot be opened"):
        load_backbone(str(checkpoint)).network()


def test_huggingface_looks_for_no_other_weights(checkpoint, trap):
    """A LoRA's folder names another base; a configuration, code to run."""
    plain = load_backbone(str(checkpoint)).network().state_dict()
    trap(checkpoint / "pytorch_model.bin")
    trap(checkpoint / "adapter_model.bin")
    adapter = {"base_model_name_or_path": "someone/else", "peft_type": "LORA", "target_modules": ["q_proj"]}
    (checkpoint / "adapter_config.json").write_text(json.dumps(adapter))
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoConfig": "evil.Config"}}))
    (checkpoint / "evil.py").write_text(f"open({str(checkpoint.parent / 'made-by-the-pickle')!r}, 'w')\n")
    network = load_backbone(str(checkpoint)).network().state_dict()
    assert all((network[name] == value).all() for name, value in plain.items())


@pytest.mark.parametrize("shard", ["../outside.safetensors", "/tmp/outside.safetensors", "pytorch_model.bin"])
def test_an_index_that_names_files_elsewhere_is_refused(shard, checkpoint, trap):
    trap(checkpoint / "pytorch_model.bin")
    (checkpoint / "model.safetensors").rename(checkpoint.parent / "outside.safetensors")
    index = {"weight_map": {"visual_projection.weight": shard}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FieldguideError, match="which is no safetensors of this folder"):
        load_backbone(str(checkpoint))


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}'])
def test_a_broken_index_is_one_line(index, checkpoint):
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "model.safetensors.index.json").write_text(index)
    with pytest.raises(FieldguideError, match=r"index\.json cannot be read"):
        load_backbone(str(checkpoint))


def test_the_packages_own_weights_are_read_the_same_way(trap, tmp_path, monkeypatch):
    backbone = efficientnet_lite.load("efficientnet-lite0")
    trap(tmp_path / "efficientnet-lite0.pth")
    monkeypatch.setattr(type(backbone), "weights", lambda self: [tmp_path / "efficientnet-lite0.pth"])
    with pytest.raises(FieldguideError, match=r"efficientnet-lite0\.pth is not opened"):
        backbone.network()


@pytest.mark.parametrize("tuned", [False, True], ids=["a head", "LoRA, added to the base's weights"])
def test_trained_backbones_take_no_pickle(tuned, trap, tmp_path):
    base = efficientnet_lite.load("efficientnet-lite0")
    trained = adapted.Adapted(tmp_path / "trained", base, widths=(1280, 2), tuned=tuned)
    trained.folder.mkdir()
    head = {"head.layers.0.weight": torch.zeros(2, 1280), "head.centre": torch.zeros(1280)}
    adapted.save_adapted(trained, head, {})
    if not tuned:
        load_backbone(str(trained.folder)).network()
    trap(trained.folder / adapted.WEIGHTS)
    trap(trained.folder / adapted.EPOCHS / "0.safetensors")
    backbone = load_backbone(str(trained.folder))
    assert isinstance(backbone, adapted.Adapted)
    for opened in backbone.network, backbone.head, backbone.heads_by_epoch:
        with pytest.raises(FieldguideError, match=r"\.safetensors cannot be opened"):
            opened()
    safetensors.save_file({"head.layers.0.weight": torch.zeros(3, 1280)}, trained.folder / adapted.WEIGHTS)
    with pytest.raises(FieldguideError, match="does not fit its card"):
        backbone.head()
