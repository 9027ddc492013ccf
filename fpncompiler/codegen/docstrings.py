"""The docstrings of a generated file."""

import textwrap
from collections.abc import Iterable

from fpncompiler.codegen import describe
from fpncompiler.codegen.detector import Detector
from fpncompiler.codegen.emission import Code
from fpncompiler.codegen.layout import WIDTH
from fpncompiler.ir.graph import Graph

_INFERENCE = (
    "This is the inference form: batch norms are folded into convolutions, and fusion weights are",
    "fixed. Nodes and cost are those of the training form, whose weights `load_training_weights`",
    "takes.",
    "",
)
_QUOTED = '"""{}\n    """'


def module_lines(detector: Detector) -> list[str]:
    """The docstring of the file."""
    network, model = detector.network, detector.model
    first = network.layers[0].graph
    return [
        *_headed(detector_name(detector), describe.network_sentence(network), WIDTH - 3),
        "",
        *(_INFERENCE if detector.inference else ()),
        *_sources(detector),
        "",
        *_structure_lines(first),
        "",
        "Nodes of the first layer. `1x1` adapts the channels, where a map comes from the backbone:",
        "",
        describe.indented(describe.node_table(first)),
        "",
        f"Cost of one image of {model.resolution[0]}x{model.resolution[1]} pixels, for "
        f"{detector.classes} classes. MACs are those of convolutions:",
        "",
        describe.indented(describe.cost_table(detector.cost)),
    ]


def _structure_lines(graph: Graph) -> list[str]:
    diagram = describe.level_diagram(graph)
    sentence = describe.paragraph(describe.node_sentence(graph))
    if not diagram:
        return [sentence]
    head = "One layer, levels from the coarsest down, nodes in order of computation:"
    return [head, "", describe.indented(diagram), "", sentence]


def _sources(detector: Detector) -> list[str]:
    sources = [
        (detector.title, detector.source),
        (detector.model.title, detector.model.source),
    ]
    return [
        describe.paragraph(describe.plain_text(f"{title}: {source}."))
        for title, source in dict(sources).items()
        if source
    ]


def detector_name(detector: Detector) -> str:
    """Such as `EfficientDet-D3 with BiFPN`."""
    return f"{detector.model.title}-{detector.model.variant.capitalize()} with {detector.title}"


def parts_text(detector: Detector) -> str:
    """What the detector consists of."""
    segments = detector.model.heads.segments
    heads = "a head for segmentation" if segments else "class and box heads"
    return f"backbone, feature network, {heads}"


def class_docstring(name: str, text: str) -> Code:
    """`name: text.` where it fits in a line, else in two paragraphs."""
    lines = _headed(name, text, WIDTH - 4 - 6)
    return (
        docstring(lines, 4)
        if len(lines) == 1
        else Code(_QUOTED.format("\n".join([lines[0], "", f"    {lines[2]}"])))
    )


def _headed(name: str, text: str, width: int) -> list[str]:
    """`name: text.` where it fits in a line, else a line, an empty one, and the text."""
    name = describe.plain_text(name)
    line = f"{name}: {text}."
    if len(line) <= width:
        return [line]
    return [textwrap.shorten(f"{name}.", width, placeholder=" ..."), "", f"{_capital(text)}."]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def docstring(lines: Iterable[str], indent: int) -> Code:
    """A docstring of lines that are plain text already."""
    text = "\n".join(lines)
    quotes = '"""'
    if "\n" not in text and indent + len(text) + 6 <= WIDTH:
        return Code(f"{quotes}{text}{quotes}")
    pad = " " * indent
    first, *rest = describe.paragraph(text, indent + 3).split("\n") if indent else text.split("\n")
    body = "\n".join(pad + line if line else "" for line in rest)
    return Code(f"{quotes}{first}\n{body}\n{pad}{quotes}" if rest else f"{quotes}{first}{quotes}")
