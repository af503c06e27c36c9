"""What belongs to the program that calls us is as it was when we return: threads, random numbers, modules."""

import logging
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fieldguide.backbones import fingerprint, load_backbone
from fieldguide.embedding import embed
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
