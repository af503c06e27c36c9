"""What an optional library is missing for is one line with the command that adds it, before any picture is read."""

import sys

import pytest

from fieldguide import FieldguideError
from fieldguide.core.extras import INSTALL, require


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("kornia", ["--recipe", "views"]),
        ("kornia", ["--recipe", "metric"]),
        ("accelerate", ["--recipe", "simclr"]),
        ("pytorch_metric_learning", ["--recipe", "hybrid"]),
        ("safetensors", ["--recipe", "metric-report"]),
        ("xgboost", ["--recipe", "xgboost"]),
        ("evoc", ["--recipe", "cosine", "--distractors", "evoc"]),
        ("matplotlib", ["--report", "REPORT"]),
        ("jinja2", ["--report", "REPORT"]),
        ("nncf", ["--precision", "int8"]),
        ("onnxruntime", ["--engine", "onnxruntime"]),
        ("onnxscript", ["--engine", "onnxruntime"]),
        ("transformers", ["--backbone", "openai/clip-vit-base-patch32"]),
        ("huggingface_hub", ["--backbone", "openai/clip-vit-base-patch32"]),
        ("timm", ["--backbone", "timm:resnet18"]),
        ("open_clip", ["--backbone", "open_clip:ViT-B-32/openai"]),
    ],
)
def test_a_missing_library_is_one_line(library, words, few, refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    words = [str(tmp_path / "r.html") if word == "REPORT" else word for word in words]
    line = refused("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *words)
    if library != "transformers":  # the checkpoint is not here either, which is said first
        assert f"pip install {INSTALL[library]}" in line
    assert not (tmp_path / "a.csv").exists()


def test_what_a_library_lacks_in_turn_is_named(tmp_path, monkeypatch):
    (tmp_path / "timm.py").write_text("import torchvision_of_another_kind\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(FieldguideError, match=r"timm, which cannot be imported .*torchvision_of_another_kind"):
        require("timm", "the backbone timm:x")
