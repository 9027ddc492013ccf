"""Plug-ins as they are found when they are installed: on Python's path, with their metadata."""

import sys
from pathlib import Path

import pytest

from fpncompiler import plugins
from fpncompiler.codegen import blocks

EXAMPLE = Path(__file__).parent / "example_plugin"
CACHES = (plugins._kinds, plugins.installed_plugins, blocks.library, blocks.call_arguments)
NAME = "bad-plugin"
ENTRY_POINTS = "[fpnc.plugins]\nkinds = bad_plugin:KINDS\n"


def forget() -> None:
    """Look for plug-ins anew."""
    for cache in CACHES:
        cache.cache_clear()
    for name in [n for n in sys.modules if n.partition(".")[0] in ("fpnc_shuffle", "bad_plugin")]:
        del sys.modules[name]


@pytest.fixture
def on_path(monkeypatch):
    """Installs the plug-ins of a folder until the test ends."""

    def install(folder):
        monkeypatch.syspath_prepend(str(folder))
        forget()

    yield install
    monkeypatch.undo()
    forget()


@pytest.fixture
def example_plugin(on_path):
    """The plug-in of the documentation, installed."""
    on_path(EXAMPLE)
    return EXAMPLE


@pytest.fixture
def plugin(tmp_path, on_path):
    """Writes a plug-in `bad-plugin` out of its two files, and installs it."""

    def write(kinds, modules="", entry_points=ENTRY_POINTS):
        write_plugin(tmp_path, kinds, modules, entry_points)
        on_path(tmp_path)
        return tmp_path

    return write


def write_plugin(folder, kinds, modules="", entry_points=ENTRY_POINTS, name=NAME):
    """A package `bad_plugin` and the metadata of its installation."""
    (folder / "bad_plugin").mkdir()
    (folder / "bad_plugin/__init__.py").write_text(kinds)
    (folder / "bad_plugin/modules.py").write_text(modules)
    info = folder / f"{name.replace('-', '_')}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(entry_points)
