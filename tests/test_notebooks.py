"""The notebooks run from top to bottom, as they are."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.long
@pytest.mark.parametrize("name", ["story", "your-own-folder"])
def test_a_notebook_runs_from_top_to_bottom(name, task, tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    (tmp_path / "gallery").symlink_to(task.gallery)
    (tmp_path / "queries").symlink_to(task.queries)
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # they are kept without
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert (tmp_path / "report.html").stat().st_size > 1_000_000
