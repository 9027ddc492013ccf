"""What an author starts from: a first spec, and the schema that editors complete by."""

import json
from pathlib import Path

from fpncompiler.codegen.files import WriteRefusedError, put_file
from fpncompiler.spec.names import name_fault
from fpncompiler.spec.schema import model_schema, topology_schema

SCHEMAS = {"topology": topology_schema, "model": model_schema}
OURS = b" of fpnc: "  # in the title of every schema
EDITOR_LINE = "# yaml-language-server: $schema=topology.schema.json"

_STARTING = """\
{editor}
# The reference of the language is docs/language.md, ten steps to a network docs/cookbook.md.
fpnc: 1
name: {name}
title: {title}
source: yours
levels: 3..7
fusion: fast_normalized               # sum, softmax, weighted, concat, max, mean, ...
passes: [prune_single_input]          # P7 of the top-down path has one input: it is left out
nodes:
  td(l):  [in(l), td(l+1)]            # top-down: a level reads its input and the coarser level
  out(l): [in(l), td(l), out(l-1)]    # bottom-up: and the finer one; none beyond P3 and P7
  # An exception at one level, and an edge with steps of its own:
  # out(5): [td(5), {{from: out(4), via: [{{conv: full, stride: 2}}]}}, td(7)]
outputs: out
"""
_EXTENDING = """\
{editor}
# All that {base} says holds, unless it is said again here. For example:
# fusion: {{kind: softmax, granularity: channel}}
# up: bilinear
# nodes: a node that is declared again, with the inputs that it is to have
fpnc: 1
name: {name}
title: {title}
source: yours
extends: {base}
"""


def schema_text(kind: str) -> str:
    """The schema of a `topology` or a `model`, as a file holds it."""
    return json.dumps(SCHEMAS[kind](), indent=1) + "\n"


def start_spec(name: str, base: str | None, folder: Path) -> list[Path]:
    """Write a spec to begin with, and the schema beside it; return what was written.

    Args:
        base: the spec that it extends, if any.

    Raises:
        WriteRefusedError: the name cannot be one, the file is there already, or cannot be written.
    """
    if fault := name_fault(name):
        raise WriteRefusedError(f"`{name}` cannot be the name of a spec: {fault}")
    path = folder / f"{name}.yaml"
    template = _EXTENDING if base else _STARTING
    title = name.replace("_", " ")
    text = template.format(editor=EDITOR_LINE, name=name, title=title, base=base)
    if path.exists():
        message = f"{path.as_posix()} is there already: choose another name, or edit it"
        raise WriteRefusedError(message)
    _refuse_foreign(folder / "topology.schema.json")
    put_file(path, text.encode(), replace=False)
    return [path, *write_schema("topology", folder)]


def write_schema(kind: str, folder: Path) -> list[Path]:
    """Write a schema into a folder, if it is not there as it is; return what was written.

    Raises:
        WriteRefusedError: it cannot be written, or another file is in its place.
    """
    path = folder / f"{kind}.schema.json"
    text = schema_text(kind)
    _refuse_foreign(path)
    if path.is_file() and path.read_bytes() == text.encode():
        return []
    put_file(path, text.encode(), replace=True)
    return [path]


def _refuse_foreign(path: Path) -> None:
    """A schema of an earlier version gives way to a new one; no other file does."""
    if path.is_file() and OURS not in path.read_bytes()[:400]:
        message = f"{path.as_posix()} is there already, and is no schema of fpnc: move it away"
        raise WriteRefusedError(message, "F603")
