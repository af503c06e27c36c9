"""Many queries: time and memory as benchmarks/scale.py measures them, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCALE = Path(__file__).parent.parent / "benchmarks" / "scale.py"


def measured(size: str) -> dict[str, float]:
    command = [sys.executable, str(SCALE), "--alone", size]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.long
def test_a_hundred_thousand_queries_take_memory_in_proportion_and_are_answered_as_well():
    some, many = measured("30000x512"), measured("100000x512")
    grown = many["peak_mib"] - some["peak_mib"]
    assert grown < 3 * (many["embeddings_mib"] - some["embeddings_mib"])
    assert many["recall"] > 0.95
    assert many["transductive"] > some["transductive"] - 0.02
    assert many["transductive"] > many["cosine"] + 0.1
