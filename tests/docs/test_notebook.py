"""The notebook runs, and what it shows is what a run of it gives.

`FPNC_UPDATE=1 pytest tests/docs/test_notebook.py` writes its outputs again.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.helpers import ROOT

NOTEBOOK = ROOT / "docs" / "authoring.ipynb"
LIMIT = 300_000  # bytes, so that it is shown where notebooks are shown


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> NotebookNode:
    """The notebook after a run in an empty folder, by this interpreter and this compiler."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(folder / "jupyter"))
        patch.setenv("JUPYTER_DATA_DIR", str(Path(sys.prefix) / "share" / "jupyter"))
        patch.setenv("NO_COLOR", "1")
        patch.setenv("PYTHONWARNINGS", "ignore:IProgress not found")  # of tqdm, without widgets
        client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}})
        client.execute()
    return plain(notebook)


def plain(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what differs from run to run: times, counts, neighbouring streams."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs, with all text of a stream in one."""
    found: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "execute_result":
            output.execution_count = None
        last = found[-1] if found else None
        if output.output_type == "stream" and last and last.get("name") == output.name:
            last.text += output.text
        else:
            found.append(output)
    for output in found:
        if output.output_type == "stream":
            output.text = output.text.replace("\r\n", "\n")
    return found


def shown(notebook: NotebookNode) -> list[object]:
    """Of each cell its text and its outputs."""
    return [(cell.source, cell.get("outputs", [])) for cell in notebook.cells]


def test_a_run_shows_what_the_notebook_shows(run):
    if os.environ.get("FPNC_UPDATE"):
        nbformat.write(run, NOTEBOOK)
    kept = nbformat.read(NOTEBOOK, as_version=4)
    for number, (was, now) in enumerate(zip(shown(kept), shown(run), strict=True)):
        assert was == now, f"cell {number}"


def test_no_cell_failed(run):
    outputs = [output for cell in run.cells for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    text = "".join(output.get("text", "") for output in outputs)
    assert "Traceback" not in text
    assert "command not found" not in text


def test_it_is_small_and_names_no_machine():
    text = NOTEBOOK.read_text()
    assert len(text) < LIMIT
    assert not re.search(r"/tmp/|/root/|/home/|/work/", text)


def test_its_links_lead_somewhere():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    links = re.findall(r"\]\(([^)]+)\)", "".join(cell.source for cell in cells))
    assert len(links) >= 5
    assert not [link for link in links if not (NOTEBOOK.parent / link).exists()]
