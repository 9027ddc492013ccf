"""Where a generated file comes from: the command that makes it again, a digest of what it says."""

import re
import shlex
from pathlib import Path

from fpncompiler.codegen.detector import Detector
from fpncompiler.codegen.header import digest, with_header
from fpncompiler.codegen.render import render_body
from fpncompiler.codegen.shape import check_header
from fpncompiler.diagnostics import printable
from fpncompiler.options import Options
from fpncompiler.spec.loading import SpecNotFoundError

# What a path may hold that is written down in comments, where editors and Python look for commands.
_SHOWABLE = re.compile(r"[A-Za-z0-9 ._\-+@,()/]+")


def stamped(detector: Detector, path: Path | None, options: Options) -> str:
    """The generated file, header and all; `path` is that of its spec.

    Raises:
        SpecNotFoundError: the path cannot be written down in a comment.
        RenderError: the file is not what it must be; a fault of ours.
    """
    spec = _portable(path) if path else "text"
    selection = f"variant={options.variant}" if options.variant else f"phi={options.phi or 0}"
    again = _command(spec, options) if path else "fpncompiler.compile_spec, from its text"
    body = render_body(detector)
    text = with_header(body, spec, selection, again, _fingerprint(detector))
    check_header(text, body)
    return text


def _portable(path: Path) -> str:
    """How a file refers to its spec: from a `specs` folder on, the same in every checkout.

    Elsewhere, from the working directory on if it is inside, and by name if it is not.

    Raises:
        SpecNotFoundError: the path cannot be written down in a comment.
    """
    parts = path.parts
    if "specs" in parts[:-1]:
        start = max(i for i, part in enumerate(parts[:-1]) if part == "specs")
        shown = "/".join(parts[start:])
    else:
        inside = path.resolve().is_relative_to(Path.cwd())
        shown = path.resolve().relative_to(Path.cwd()).as_posix() if inside else path.name
    if not _SHOWABLE.fullmatch(shown):
        message = f"the path {printable(shown)} cannot stand in the header of a generated file"
        raise SpecNotFoundError(f"{message}: rename it, by letters, digits, spaces and ._-+@,()/")
    return shown


def _command(spec: str, options: Options) -> str:
    """The command that makes the same file again."""
    words = ["fpnc", "compile", spec]
    words += ["--variant", options.variant] if options.variant else ["--phi", str(options.phi or 0)]
    flags = {
        "--model": options.model,
        "--backbone": options.backbone,
        "--classes": options.classes,
        "--levels": options.levels,
        "--scaling": "formula" if options.formula_scaling else None,
        "--name": options.name,
    }
    for flag, value in flags.items():
        words += [flag, str(value)] if value is not None else []
    words += ["--pretrained-backbone"] if options.pretrained_backbone else []
    words += ["--inference"] if options.inference else []
    return shlex.join(words)


def _fingerprint(detector: Detector) -> str:
    """A digest of everything that the specs say, their places in the files left out."""
    network = detector.network
    graphs = [network.extra, *(layer.graph for layer in network.layers)]
    lines = [
        repr((detector.title, detector.source, detector.model, detector.taps)),
        repr((detector.pretrained_backbone, detector.limits, bool(detector.inference))),
        repr((network.outputs, network.depth)),
    ]
    for graph in graphs:
        for node in graph.nodes():
            edges = [(edge.source, edge.via) for edge in graph.inputs(node)]
            lines.append(repr((node, graph.op(node), edges)))
        lines.append(repr(sorted(graph.outputs.items())))
    return digest("\n".join(lines))
