"""The notebook is kept: it runs from an empty folder, and shows what it has stored.

`FPNC_UPDATE=1` stores the outputs of a fresh run, without counts, times and versions.
"""

import base64
import io
import os
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image, ImageChops, ImageStat

import fpncompiler
from tests.conftest import ROOT

PATH = ROOT / "docs/authoring.ipynb"
MOST_BYTES = 300_000
WHERE = "import fpncompiler; print(fpncompiler.__file__)"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The notebook after a run, in canonical form; stored if that is asked for."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(PATH, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.cells.insert(0, nbformat.v4.new_code_cell(WHERE))
    with pytest.MonkeyPatch.context() as patched:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
            (folder / name).mkdir()
            patched.setenv(name, str(folder / name))
        patched.setenv("PYTHONPATH", str(ROOT))
        patched.setenv("PYTHONDONTWRITEBYTECODE", "1")
        (folder / "empty").mkdir()
        where = {"metadata": {"path": str(folder / "empty")}}
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where)
        client.coalesce_streams = True
        client.execute()  # a cell that fails raises
    shown = notebook.cells.pop(0).outputs[0].text.strip()
    assert shown == fpncompiler.__file__, "another copy of fpnc was run"
    notebook = canonical(notebook)
    if os.environ.get("FPNC_UPDATE"):
        PATH.write_text(written(notebook))
    return notebook


def canonical(notebook):
    """What is the same in every run, and on every machine."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        for output in cell.outputs:
            if "text" in output:
                output.text = output.text.replace("\r\n", "\n")
            if "execution_count" in output:
                output.execution_count = None
            if "metadata" in output:
                output.metadata = {}
    return notebook


def written(notebook):
    return nbformat.writes(notebook, version=4) + "\n"


def parted(notebook):
    """The notebook without its pictures in pixels, and these, cell by cell."""
    pixels = {}
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", ())):
            if data := output.get("data", {}).get("image/png"):
                pixels[cell.id, place] = Image.open(io.BytesIO(base64.b64decode(data)))
                output["data"]["image/png"] = ""
    return written(notebook), pixels


def test_the_stored_outputs_are_those_of_a_fresh_run(fresh):
    stored_text, stored = parted(nbformat.read(PATH, as_version=4))
    fresh_text, found = parted(nbformat.from_dict(fresh))
    assert stored_text.splitlines() == fresh_text.splitlines(), "FPNC_UPDATE=1 stores them"
    assert stored.keys() == found.keys()
    for key, picture in found.items():  # of matplotlib, whose versions differ in a few pixels
        assert picture.size == stored[key].size
        difference = ImageChops.difference(picture.convert("L"), stored[key].convert("L"))
        assert ImageStat.Stat(difference).mean[0] < 2, key


def test_the_file_is_small_and_in_canonical_form():
    text = PATH.read_text()
    assert len(text.encode()) < MOST_BYTES
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text == written(canonical(notebook))
    for told in (str(ROOT), sys.prefix, os.path.expanduser("~/"), "/tmp/", "site-packages"):
        assert told not in text
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_every_code_cell_is_run_and_no_picture_needs_a_style_sheet(fresh):
    kinds = [
        kind
        for cell in fresh.cells
        for output in cell.get("outputs", ())
        for kind in output.get("data", ())
    ]
    assert kinds.count("image/svg+xml") == 4
    assert kinds.count("image/png") == 1
    assert "<style" not in PATH.read_text()


def test_links_lead_somewhere():
    notebook = nbformat.read(PATH, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    links = [part.partition(")")[0] for text in texts for part in text.split("](")[1:]]
    assert len(links) >= 6
    assert [link for link in links if not (PATH.parent / link).is_file()] == []
