"""What belongs to the program that calls us is as it was when we return: threads, random numbers, modules."""

import logging
import os
import random
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from checkpoints import save
from fieldguide.backbones import fingerprint, load_backbone
from fieldguide.embedding import embed
from fieldguide.engines import start_engine
from fieldguide.records import read_queries


def test_embedding_leaves_threads_and_random_numbers_as_they_were(few):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        np.random.seed(7)  # noqa: NPY002
        torch.manual_seed(7)
        expected = torch.rand(1).item(), np.random.rand()  # noqa: NPY002
        np.random.seed(7)  # noqa: NPY002
        torch.manual_seed(7)
        said, hushed = warnings.filters[:], logging.root.manager.disable
        embed(read_queries(few.queries), load_backbone("efficientnet-lite0"), engine="torch", show=False)
        assert torch.get_num_threads() == 3
        assert (torch.rand(1).item(), np.random.rand()) == expected  # noqa: NPY002
        assert (warnings.filters, logging.root.manager.disable) == (said, hushed)
    finally:
        torch.set_num_threads(before)


INT8 = """
import logging, random, sys
import fieldguide
random.seed(7)
before = random.getstate(), logging.getLoggerClass()
fieldguide.OpenSetClassifier, fieldguide.Embedder(sys.argv[1], precision="int8", show=False).embed(sys.argv[2])
assert (random.getstate(), logging.getLoggerClass()) == before
"""


def test_int8_leaves_random_numbers_and_loggers_as_they_were(few, tmp_path):
    """In a process of its own: some of it happens when modules are imported."""
    pytest.importorskip("nncf")
    backbone = save("vit", tmp_path / "vit", spread=1)
    words = [sys.executable, "-c", INT8, backbone, few.queries]
    cache = {**os.environ, "FIELDGUIDE_CACHE": str(tmp_path / "cache")}
    result = subprocess.run(words, env=cache, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert list((tmp_path / "cache" / "engines").glob("*int8*"))


def test_an_export_to_onnx_leaves_the_environment_as_it_was(tmp_path, monkeypatch):
    pytest.importorskip("onnxscript")
    monkeypatch.setenv("FIELDGUIDE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    backbone = load_backbone(str(save("vit", tmp_path / "vit")))
    before, numbers = dict(os.environ), random.getstate()
    start_engine("onnxruntime", backbone)
    assert list((tmp_path / "cache").rglob("network.onnx"))
    assert dict(os.environ) == before
    assert random.getstate() == numbers


def test_openvino_reports_nothing_and_its_package_stays_importable():
    """In a process of its own, as modules are imported once."""
    script = (
        "import sys\n"
        "from fieldguide.engines.openvino import load_openvino\n"
        "assert 'openvino_telemetry' not in sys.modules\n"
        "load_openvino()\n"
        "from openvino.tools.ovc import convert_impl, telemetry_utils\n"
        "print(convert_impl.tm.__name__, telemetry_utils.tm.__name__, 'openvino_telemetry' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["openvino.tools.ovc.telemetry_stub"] * 2 + ["False"]


def test_weights_are_read_once_for_a_fingerprint(monkeypatch):
    backbone = load_backbone("efficientnet-lite0")
    opened = []
    real = Path.open

    def spy(path, *words, **named):
        opened.append(path)
        return real(path, *words, **named)

    monkeypatch.setattr(Path, "open", spy)
    assert len({fingerprint(backbone) for _ in range(3)}) == 1
    assert opened == list(backbone.weights())

    other = replace(backbone, pooling="another")
    assert fingerprint(other) != fingerprint(backbone)
    assert len(opened) == 2
