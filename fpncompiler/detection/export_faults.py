"""Why something cannot be exported, in a paragraph: the operation, its place, the ways out."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.export import ExportedProgram

if TYPE_CHECKING:
    from fpncompiler.detection.exporting import Export

LONGEST = 800  # of what an exporter says, in characters
_OPERATION = re.compile(r"OpOverload\(op='(?P<name>[\w.:]+)'|torch\.ops\.(?P<path>[\w.]+)")


class ExportError(Exception):
    """It cannot be exported; `help` says what to do.

    `is_finding` is True where the file's own content is in the way, and not its surroundings.
    """

    def __init__(self, message: str, help: str = "", *, is_finding: bool = False) -> None:
        super().__init__(message)
        self.help = help
        self.is_finding = is_finding


def tracing_fault(
    error: Exception, model: nn.Module, export: "Export", what: str = "cannot be traced"
) -> ExportError:
    """What an exception of `torch.export` means, with the place in the generated file."""
    where = ""
    trace = error.__traceback__
    names = {part: name for name, part in model.named_modules()}
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename) == export.file.absolute() or code.co_filename == str(export.file):
            name = names.get(trace.tb_frame.f_locals.get("self"), "")
            where = f" at {_line(export.file, trace.tb_lineno)}{_module(name)}"
        trace = trace.tb_next
    return ExportError(
        f"the model {what}{where}: {_told(error)}", _ways_out(export), is_finding=True
    )


def conversion_fault(error: Exception, program: ExportedProgram, export: "Export") -> ExportError:
    """What an exception of a converter means: the operation that it lacks, and whose it is."""
    # All begin with the trace, and OpenVINO's with ONNX.
    simpler_formats = ("torch-export", "onnx") if export.format == "openvino" else ("torch-export",)
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and isinstance(cause, Exception):
        causes.append(cause)
    named = (match for cause in causes for match in _OPERATION.finditer(str(cause)))
    operations = [(match["name"] or match["path"]).replace("::", ".") for match in named]
    # Converters see the graph in simpler operations than those that were traced.
    simpler = program.run_decompositions().graph.nodes if operations else ()
    nodes = [n for n in (*program.graph.nodes, *simpler) if n.op == "call_function"]
    for operation in operations:
        for node in nodes:
            if str(node.target) in (operation, f"{operation}.default"):
                where = _place_of(node.meta, export.file)
                return ExportError(
                    f"{export.format} has no `{operation}`, which the graph's node "
                    f"`{node.name}` needs{where}",
                    _ways_out(export, simpler_formats),
                    is_finding=True,
                )
    what = f" at `{operations[0]}`" if operations else ""
    return ExportError(
        f"the model cannot be converted to {export.format}{what}: {_told(causes[-1])}",
        _ways_out(export, simpler_formats),
        is_finding=True,
    )


def running_fault(error: Exception, images: Tensor) -> ExportError:
    """What it means that a runtime refuses what was written for it."""
    shape = "x".join(map(str, images.shape))
    return ExportError(
        f"the file was written, but does not run on images {shape}: {_told(error)}",
        "try another `--size`, `--dynamic none` or another format",
        is_finding=True,
    )


def _place_of(meta: dict[str, object], file: Path) -> str:
    """The place in the generated file, and the module path, of a graph's node."""
    stack = meta.get("nn_module_stack")
    path = [*stack.values()][-1][0] if isinstance(stack, dict) and stack else ""
    lines = re.findall(r'File "([^"]+)", line (\d+)', str(meta.get("stack_trace", "")))
    numbers = [int(number) for name, number in lines if Path(name).name == file.name]
    place = f" at {_line(file, numbers[-1])}" if numbers else ""
    return f"{place}{_module(path)}"


def _line(file: Path, number: int) -> str:
    return f"{file.as_posix()}:{number}"


def _module(path: str) -> str:
    return f" (module `{path}`)" if path else ""


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:LONGEST]}{'...' if len(text) > LONGEST else ''}"


def _ways_out(export: "Export", formats: Sequence[str] = ()) -> str:
    """What may work instead."""
    ways = []
    if export.postprocess:
        ways.append("`--no-postprocess`")
    if export.dynamic != "none":
        ways.append("`--dynamic none`")
    if not export.training_form:
        ways.append("`--training-form`")
    ways += [f"`--format {name}`" for name in formats]
    return f"try {', '.join(ways)}" if ways else "take another operation or backbone"
