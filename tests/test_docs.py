"""What README and the documents show of Python runs as it stands, and mypy finds nothing to say of it."""

import contextlib
import doctest
import io
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from drawing import KNOWN, draw

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): BLOCK.findall(path.read_text(encoding="utf-8"))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
WITH_CODE = [name for name, blocks in DOCUMENTS.items() if blocks]

# The names that the documents take for granted
GIVEN = """\
import numpy as np
from numpy.typing import NDArray

gallery_embeddings: NDArray[np.float32]
query_embeddings: NDArray[np.float32]
labels: NDArray[np.str_]
"""

SOURCES = ROOT / "src" / "fieldguide"
MODULES = [
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCES.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A folder with gallery/, 3 classes of 3 pictures each, and queries/, 4 pictures; the program runs in it."""
    for kind in KNOWN[:3]:
        (tmp_path / "gallery" / kind).mkdir(parents=True)
        for seed in range(3):
            draw(kind, seed).save(tmp_path / "gallery" / kind / f"{seed}.png")
    (tmp_path / "queries").mkdir()
    for name, kind in zip("abcd", ["stripes", "rings", "checks", "blob"], strict=True):
        draw(kind, 50).save(tmp_path / "queries" / f"{name}.png")
    monkeypatch.chdir(tmp_path)


def given() -> dict[str, object]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 16))
    rows = np.repeat(np.arange(4), 4)
    return {
        "gallery_embeddings": (centres[rows] + 0.3 * rng.normal(size=(16, 16))).astype(np.float32),
        "query_embeddings": (centres[np.arange(20) % 5] + 0.3 * rng.normal(size=(20, 16))).astype(np.float32),
        "labels": np.array([f"w_{row}" for row in rows]),
    }


@pytest.mark.parametrize("document", WITH_CODE)
def test_what_a_document_shows_runs(document, drawn):
    pytest.importorskip("pandas")
    names = given()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for number, block in enumerate(DOCUMENTS[document], start=1):
            exec(compile(block, f"{document}, block {number}", "exec"), names)


def test_what_the_documents_show_is_typed(tmp_path):
    files = []
    for document in WITH_CODE:
        files.append(tmp_path / f"{Path(document).stem.lower()}_example.py")
        files[-1].write_text(GIVEN + "\n".join(DOCUMENTS[document]), encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("module", MODULES)
def test_what_docstrings_show_is_what_comes_out(module, drawn):
    failed, tried = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed


def test_everything_that_is_exported_is_there():
    import fieldguide

    assert sorted(fieldguide.__all__) == fieldguide.__all__
    assert all(getattr(fieldguide, name) for name in fieldguide.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        fieldguide.nothing  # noqa: B018
