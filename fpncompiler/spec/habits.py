"""What authors write out of habit: words of other tools, and scalars of YAML 1.1.

YAML 1.1, which PyYAML and many other tools still read, takes `no` for false and `010` for 8; specs
are read as YAML 1.2 has it.
"""

import re

from fpncompiler.diagnostics import Edit, Fix, Sink
from fpncompiler.spec.tree import Scalar

# Keys of other frameworks and papers -> the key of a spec that means the same.
SYNONYMS = {
    "act": "activation",
    "act_layer": "activation",
    "block": "op",
    "channels": "width",
    "conv": "op",
    "downsample": "down",
    "fpn_channels": "width",
    "from": "inputs",
    "fuse": "fusion",
    "fusion_type": "fusion",
    "in_levels": "inputs",
    "input": "inputs",
    "interpolation": "up",
    "layers": "depth",
    "norm_layer": "norm",
    "num_channels": "width",
    "num_layers": "depth",
    "num_outs": "levels",
    "op_type": "op",
    "out_channels": "width",
    "output": "outputs",
    "repeat": "depth",
    "repeats": "depth",
    "upsample": "up",
    "weight_method": "fusion",
}

_TRUE = frozenset("y Y yes Yes YES on On ON True TRUE".split())
_FALSE = frozenset("n N no No NO off Off OFF False FALSE".split())
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_SIXTY = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+")


def truth(word: str) -> str:
    """`true` or `false` where YAML 1.1 or another language would read one; else empty."""
    return "true" if word in _TRUE else "false" if word in _FALSE else ""


def warn_of_text(scalar: Scalar, sink: Sink) -> None:
    """A text that other tools take for a truth value or a number is better quoted."""
    if not scalar.plain:
        return
    text = scalar.text
    other = truth(text)
    if not other and _SIXTY.fullmatch(text):
        other = "a number to the base of 60"
    if not other and _OCTAL.fullmatch(text):
        other = "an octal number"
    if other:
        message = f"`{text}` is a text here (YAML 1.2), where YAML 1.1 tools read {other}"
        fix = Fix((Edit(scalar.span, text, f'"{text}"'),), safe=True)
        sink.warning("W101", message, scalar.span, help=f'write `"{text}"`', fix=fix)


def warn_of_number(scalar: Scalar, sink: Sink) -> None:
    """A number that other tools take for an octal one is better without its zero."""
    if scalar.plain and _OCTAL.fullmatch(scalar.text):
        plain = scalar.text.lstrip("+-0") or "0"
        plain = f"-{plain}" if scalar.text[0] == "-" else plain
        message = f"`{scalar.text}` is {plain} here (YAML 1.2), where YAML 1.1 tools read it as "
        message += f"octal, {int(scalar.text, 8)}"
        fix = Fix((Edit(scalar.span, scalar.text, plain),), safe=True)
        sink.warning("W101", message, scalar.span, help=f"write `{plain}`", fix=fix)
