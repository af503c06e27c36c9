"""Checkpoints of the Hugging Face hub as backbones: the same numbers as transformers', or a line that says why not."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from checkpoints import CHECKPOINTS, embed_by_transformers, save
from drawing import KINDS, draw
from fieldguide import FieldguideError
from fieldguide.backbones import fingerprint, load_backbone, processor
from fieldguide.embedding import embed
from fieldguide.engines import ENGINES
from fieldguide.images.decoding import open_rgb
from fieldguide.records import ImageTable

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A checkpoint of each family."""
    return {family: save(family, tmp_path_factory.mktemp(family)) for family in CHECKPOINTS}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Pictures of many shapes and modes, as files."""
    folder = tmp_path_factory.mktemp("shapes")
    shapes = [(96, 96), (150, 100), (100, 151), (640, 427), (55, 80), (64, 64), (33, 300), (301, 40), (20, 20)]
    for number, (size, kind) in enumerate(zip(shapes, KINDS * 2, strict=False)):
        draw(kind, number).resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    draw("rings", 1).resize((120, 90)).convert("L").save(folder / "grey.png")
    draw("dots", 1).resize((90, 120)).convert("CMYK").save(folder / "cmyk.jpg")
    draw("checks", 1).resize((90, 121)).convert("P").save(folder / "palette.gif")
    paths = sorted(folder.iterdir())
    return ImageTable([path.name for path in paths], paths)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_embeddings_are_those_of_transformers(family, folders, catalog):
    """Processor and network, on pictures of every shape and mode."""
    backbone = load_backbone(str(folders[family]))
    ours = embed(catalog, backbone, engine="torch", show=False).matrix
    theirs = embed_by_transformers(family, folders[family], [open_rgb(path) for path in catalog.paths])
    assert ours.shape == (len(catalog), CHECKPOINTS[family].dim) == (len(catalog), backbone.dim)
    assert cosines(ours, theirs).min() >= 0.9999
    centre = theirs.mean(0)  # what all pictures have in common proves nothing
    assert cosines(ours - centre, theirs - centre).min() >= 0.999


# An engine runs the network alone; two of the families are the network of another behind another processor
@pytest.mark.parametrize("family", [family for family in CHECKPOINTS if family not in ("clip-new", "siglip2")])
def test_engines_agree_on_checkpoints(family, folders, catalog):
    backbone = load_backbone(str(folders[family]))
    torch = embed(catalog, backbone, engine="torch", show=False).matrix
    for engine in ENGINES.keys() - {"torch"}:
        assert cosines(torch, embed(catalog, backbone, engine=engine, show=False).matrix).min() >= 0.9999, engine


def test_a_wrong_step_of_the_preprocessing_would_show(folders, catalog):
    backbone = load_backbone(str(folders["clip"]))
    theirs = embed_by_transformers("clip", folders["clip"], [open_rgb(path) for path in catalog.paths])
    steps = backbone.preprocessing
    wrong = {
        "filter": replace(steps, filter="bilinear"),
        "squash": replace(steps, squash=True),
        "crop": replace(steps, shorter_side=70),
        "mean": replace(steps, mean=(127.5,) * 3),
    }
    for step, other in wrong.items():
        embeddings = embed(catalog, replace(backbone, preprocessing=other), engine="torch", show=False).matrix
        assert cosines(embeddings, theirs).min() < 0.9999, step


@pytest.mark.parametrize("kind", sorted(processor.DEFAULTS.keys() - {"DINOv3ViT"}))  # whose class needs torchvision
def test_what_a_processor_leaves_unsaid_is_filled_in_as_transformers_does(kind):
    import transformers

    theirs = getattr(transformers, f"{kind}ImageProcessorPil")()
    for name, value in processor.DEFAULTS[kind].items():
        own = getattr(theirs, name)
        if isinstance(value, dict):
            assert {key: side for key, side in dict(own).items() if side is not None} == value, name
        else:
            assert own == pytest.approx(value) if name != "resample" else int(own) == value, name


def test_identify_takes_a_folder_for_a_backbone(few, done, folders, tmp_path):
    outcome = done(
        *("identify", few.gallery, few.queries, "--backbone", folders["clip"], "-o", tmp_path / "answers.csv")
    )
    assert outcome.complaints == []
    assert "7 queries" in outcome.out


# --- the fingerprint -----------------------------------------------------------------------------------------------


def test_the_fingerprint_follows_content_and_not_the_folder(folders, tmp_path):
    prints = {family: fingerprint(load_backbone(str(folder))) for family, folder in folders.items()}
    assert len(set(prints.values())) == len(prints)
    moved = tmp_path / "moved"
    shutil.copytree(folders["clip"], moved)
    assert fingerprint(load_backbone(str(moved))) == prints["clip"]

    (moved / "preprocessor_config.json").write_text(json.dumps(CHECKPOINTS["clip"].processor | {"resample": 2}))
    assert fingerprint(load_backbone(str(moved))) != prints["clip"]
    backbone = load_backbone(str(folders["clip"]))
    assert (
        fingerprint(replace(backbone, family=replace(backbone.family, pooling="attention pooling"))) != prints["clip"]
    )


def test_a_checkpoint_in_several_files_is_one(folders, tmp_path, catalog):
    from transformers import CLIPModel

    CLIPModel.from_pretrained(folders["clip"]).save_pretrained(tmp_path, max_shard_size="200KB")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(CHECKPOINTS["clip"].processor))
    backbone = load_backbone(str(tmp_path))
    assert len(backbone.weights()) > 2
    whole, parts = (
        embed(catalog, one, engine="torch", show=False).matrix
        for one in (load_backbone(str(folders["clip"])), backbone)
    )
    assert (whole == parts).all()
    backbone.weights()[1].unlink()
    with pytest.raises(FieldguideError, match="lacks model-00001-of"):
        load_backbone(str(tmp_path))


def test_weights_of_half_precision_are_run_in_float32(folders, tmp_path, catalog):
    import torch
    from transformers import Dinov2Model

    Dinov2Model.from_pretrained(folders["dinov2"], dtype=torch.bfloat16).save_pretrained(tmp_path)
    shutil.copy(folders["dinov2"] / "preprocessor_config.json", tmp_path)
    network = load_backbone(str(tmp_path)).network()
    assert {weights.dtype for weights in network.parameters()} == {torch.float32}


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.fixture
def spoilt(folders, tmp_path):
    """A copy of a checkpoint to spoil."""
    shutil.copytree(folders["clip"], tmp_path / "spoilt")
    return tmp_path / "spoilt"


def edited(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_projection(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


PROCESSOR = "preprocessor_config.json"
SPOILT = {
    "no weights": (
        only_a_pickle,
        "has no model.safetensors (a .bin or .pt is a pickle, can run code and is not opened)",
    ),
    "cut weights": (cut, "cannot be opened"),
    "weights missing": (without_projection, "lacks 1 of its network's weights, visual_projection.weight for one"),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), "unknown backbone"),
    "a broken configuration": (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be read"),
    "another kind": (lambda folder: edited(folder / "config.json", model_type="bert"), "a checkpoint of the kind bert"),
    "naflex": (lambda folder: edited(folder / "config.json", model_type="siglip2"), "take one of a fixed size"),
    "no processor": (lambda folder: (folder / PROCESSOR).unlink(), "has no preprocessor_config.json"),
    "a broken processor": (lambda folder: (folder / PROCESSOR).write_text("no"), "cannot be read"),
    "an odd processor": (
        lambda folder: edited(folder / PROCESSOR, feature_extractor_type="FlavaFeatureExtractor"),
        "pictures of FlavaFeatureExtractor are prepared in a way that fieldguide does not know",
    ),
    "no resizing": (lambda folder: edited(folder / PROCESSOR, do_resize=False), "not resized"),
    "padding": (lambda folder: edited(folder / PROCESSOR, do_pad=True), "padded"),
    "no crop": (lambda folder: edited(folder / PROCESSOR, do_center_crop=False), "many shapes"),
    "a border": (lambda folder: edited(folder / PROCESSOR, size=40), "border"),
    "an oblong": (
        lambda folder: edited(folder / PROCESSOR, crop_size={"height": 64, "width": 32}),
        "pictures must become squares",
    ),
    "an odd filter": (lambda folder: edited(folder / PROCESSOR, resample=9), "unknown resample 9"),
    "another size": (
        lambda folder: edited(folder / PROCESSOR, size=80, crop_size=80),
        "its processor makes pictures of 80 pixels, its network takes 64",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_checkpoint_that_cannot_be_used_is_refused_in_a_line(case, spoilt, few, refused, tmp_path):
    spoil, said = SPOILT[case]
    spoil(spoilt)
    line = refused("identify", few.gallery, few.queries, "--backbone", spoilt, "-o", tmp_path / "answers.csv")
    assert said in line
    assert not (tmp_path / "answers.csv").exists()


def test_without_a_network_one_line_says_how_to_fetch_the_checkpoint(few, refused, tmp_path):
    words = "identify", few.gallery, few.queries, "-o", tmp_path / "answers.csv", "--backbone"
    line = refused(*words, "openai/clip-vit-base-patch32")
    assert "the checkpoint openai/clip-vit-base-patch32 is not here and cannot be downloaded" in line
    # its main branch has a pickle only
    assert "`hf download openai/clip-vit-base-patch32 --revision refs/pr/15 --local-dir FOLDER`" in line
    assert "--backbone FOLDER" in line
    assert "`hf download facebook/dinov2-small --local-dir FOLDER`" in refused(*words, "facebook/dinov2-small")
    assert "`hf download a/b --revision v2 --local-dir FOLDER`" in refused(*words, "a/b@v2")


def test_what_is_in_the_cache_is_used_without_a_network(folders, catalog, hub_cache, done):
    hub_cache("facebook/dinov2-small", "main", folders["dinov2"])
    hub_cache("openai/clip-vit-base-patch32", "refs/pr/15", folders["clip"])
    hub_cache("someone/own-vit", "main", folders["vit"])
    hub_cache("someone/a-text-model", "main", folders["clip"], model_type="bert")
    for name, family in ("facebook/dinov2-small", "dinov2"), ("openai/clip-vit-base-patch32", "clip"):
        ours = embed(catalog, load_backbone(name), engine="torch", show=False).matrix
        assert (ours == embed(catalog, load_backbone(str(folders[family])), engine="torch", show=False).matrix).all()

    states = {line.split()[0]: line for line in done("backbones").out.splitlines()}
    for name in "facebook/dinov2-small", "openai/clip-vit-base-patch32", "someone/own-vit":
        assert states[name].endswith(" downloaded")
    assert "a download of 346 MB" in states["facebook/dinov2-base"]
    assert "someone/a-text-model" not in states


def test_a_cached_checkpoint_with_a_pickle_only_is_not_opened(folders, hub_cache, refused, few, tmp_path):
    folder = hub_cache("facebook/dinov2-small", "main", folders["dinov2"])
    only_a_pickle(folder)
    line = refused(
        *("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", "--backbone", "facebook/dinov2-small")
    )
    assert "has no model.safetensors" in line
    assert "facebook/dinov2-small@refs/pr/NUMBER" in line


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """Put checkpoints into an empty Hugging Face cache, as a download leaves them."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def put(name: str, revision: str, source: Path, **changes: object) -> Path:
        repository = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        reference = repository / "refs" / revision
        reference.parent.mkdir(parents=True)
        reference.write_text("0" * 40)
        snapshot = repository / "snapshots" / ("0" * 40)
        shutil.copytree(source, snapshot)
        edited(snapshot / "config.json", **changes)
        return snapshot

    return put


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("openai/clip-vit-base-patch32", "huggingface_hub", "huggingface"),
        ("FOLDER", "transformers", "huggingface"),
        ("open_clip:ViT-B-32/laion2b_s34b_b79k", "open_clip", "open_clip"),
        ("timm:hf-hub:BVRA/MegaDescriptor-L-384", "timm", "timm"),
    ],
)
def test_a_missing_package_is_named_with_the_way_to_install_it(name, package, extra, folders, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FieldguideError) as error:
        load_backbone(name.replace("FOLDER", str(folders["clip"])))
    assert f"needs {package}, which is not installed: pip install 'fieldguide[{extra}]'" in str(error.value)


@pytest.mark.parametrize("name", ["no/such/folder", "/nowhere/at-all", "clip", "./here"])
def test_what_is_neither_a_name_nor_a_folder(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FieldguideError, match="unknown backbone"):
        load_backbone(name)


def test_backbones_lists_what_is_installed_and_what_it_takes_otherwise(done):
    lines = done("backbones").out.splitlines()
    assert lines[0].split() == ["backbone", "numbers", "pixels", "state"]
    assert any(line.split() == ["efficientnet-lite0", "1280", "224", "installed"] for line in lines)
    assert any("openai/clip-vit-base-patch32" in line and "a download of 605 MB" in line for line in lines)
    assert any("MegaDescriptor-L-384" in line and "pip install 'fieldguide[timm]'" in line for line in lines)


def test_the_sizes_in_the_list_are_those_of_the_architectures():
    """What a family's standard configuration counts to, without weights."""
    import torch
    import transformers as hf

    from fieldguide.backbones.listing import KNOWN

    large = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    small = {"hidden_size": 384, "num_attention_heads": 6}
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
    three = {"num_register_tokens": 4}
    with torch.device("meta"):
        networks = {
            "openai/clip-vit-base-patch32": hf.CLIPModel(hf.CLIPConfig()),
            "openai/clip-vit-large-patch14": hf.CLIPModel(
                hf.CLIPConfig(text_config=text, vision_config=large | {"patch_size": 14}, projection_dim=768)
            ),
            "google/siglip2-base-patch16-224": hf.SiglipModel(hf.SiglipConfig(text_config={"vocab_size": 256000})),
            "facebook/dinov2-small": hf.Dinov2Model(hf.Dinov2Config(**small, image_size=518, patch_size=14)),
            "facebook/dinov2-base": hf.Dinov2Model(hf.Dinov2Config(image_size=518, patch_size=14)),
            "facebook/dinov3-vits16-pretrain-lvd1689m": hf.DINOv3ViTModel(
                hf.DINOv3ViTConfig(**small, **three, intermediate_size=1536)
            ),
            "facebook/dinov3-vitb16-pretrain-lvd1689m": hf.DINOv3ViTModel(
                hf.DINOv3ViTConfig(**three, hidden_size=768, intermediate_size=3072, num_attention_heads=12)
            ),
            "google/vit-base-patch16-224": hf.ViTForImageClassification(hf.ViTConfig(num_labels=1000)),
        }
    counted = {
        name: round(sum(weights.numel() for weights in one.parameters()) * 4 / 1e6) for name, one in networks.items()
    }
    assert counted == {name: megabytes for name, (_, _, megabytes) in KNOWN.items()}


def test_backbones_answers_without_pytorch():
    """The list is for those who decide what to install."""
    script = (
        "import sys\nfrom fieldguide.cli import main\nsys.argv = ['fieldguide', 'backbones']\n"
        "try:\n    main()\nfinally:\n    print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines()[-1] == "False"
