"""What authors write out of habit: words of other tools, and scalars of YAML 1.1.

YAML 1.1, which PyYAML and many other tools still read, takes `no` for false and `010` for 8; specs
are read as YAML 1.2 has it.
"""

import re
from collections.abc import Iterable

from fpncompiler.diagnostics import Edit, Fix, Sink, nearest, rename, suggest
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar

# Keys of other frameworks and papers -> the key of a spec that means the same.
SYNONYMS = {
    "act": "activation",
    "act_layer": "activation",
    "block": "op",
    "channels": "width",
    "in": "inputs",
    "constants": "let",
    "epsilon": "eps",
    "graph": "nodes",
    "kernel_size": "kernel",
    "k_size": "kernel",
    "norm_eps": "eps",
    "padding_mode": "padding",
    "reads": "inputs",
    "type": "kind",
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
    "out": "outputs",
    "output": "outputs",
    "params": "let",
    "repeat": "depth",
    "repeats": "depth",
    "result": "outputs",
    "return": "outputs",
    "returns": "outputs",
    "upsample": "up",
    "variables": "let",
    "vars": "let",
    "weight_method": "fusion",
}

# Keys that others give an edge -> the key that means the same.
OF_EDGES = {
    "conv": "via",
    "input": "from",
    "inputs": "from",
    "node": "from",
    "op": "via",
    "ops": "via",
    "ref": "from",
    "source": "from",
    "src": "from",
    "step": "via",
    "steps": "via",
    "through": "via",
    "with": "via",
}
EDGE_KEYS = ("from", "via")

# Keys that belong elsewhere -> where.
ELSEWHERE = {
    "anchors": "a model says it: write one, and name it by `model:`",
    "backbone": "a model says it: name one by `model:`, or use `--backbone`",
    "classes": "a model says it, under `heads`; or use `--classes`",
    "heads": "a model says it: write one, and name it by `model:`",
    "nodes": "a topology says it: a model is what surrounds one",
    "num_classes": "a model says it, under `heads`; or use `--classes`",
    "outputs": "a topology says it: a model is what surrounds one",
    "phi": "a model says its range; choose one by `--phi`",
    "pretrained": "use `--pretrained-backbone`",
    "resolution": "a model says it: write one, and name it by `model:`",
}

# Words of other frameworks and papers -> the word of a spec.
WORDS = {
    "add": "sum",
    "attn": "softmax",
    "attention": "softmax",
    "average": "mean",
    "avg": "mean",
    "avgpool": "avg_pool",
    "batch_norm": "norm",
    "batchnorm": "norm",
    "bifpn": "fast_normalized",
    "bn": "norm",
    "cat": "concat",
    "concatenate": "concat",
    "conv": "conv3x3",
    "depthwise_separable": "separable",
    "dw": "depthwise",
    "dwsep": "separable",
    "fast_attention": "fast_normalized",
    "fast_attn": "fast_normalized",
    "fastattn": "fast_normalized",
    "group": "depthwise",
    "hardswish": "hard_swish",
    "leakyrelu": "leaky_relu",
    "linear": "bilinear",
    "maximum": "max",
    "maxpool": "max_pool",
    "plain": "full",
    "standard": "full",
    "swish": "silu",
    "transpose": "deconv",
    "unbounded": "weighted",
}

MAX_DECLARATION = 100
_INDEXED = re.compile(r"\w+\s*\([^()]*\)")
_TRUE = frozenset("y Y yes Yes YES on On ON True TRUE".split())
_FALSE = frozenset("n N no No NO off Off OFF False FALSE".split())
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_SIXTY = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+")


def suggested(
    word: Scalar, choices: Iterable[str], table: dict[str, str]
) -> tuple[str, Fix | None]:
    """Help with an unknown word, and the fix: what another tool's word is here, or the nearest."""
    known = [*choices]
    meant = table.get(word.text.lower(), "")
    if meant in known:
        fix = Fix((Edit(word.span, word.text, meant),), safe=False)
        return f"specs call it `{meant}`", fix
    return suggest(word.text, known), rename(word.span, word.text, known, safe=True)


def meant_key(entry: Entry, known: Iterable[str]) -> tuple[str, Fix | None]:
    """Help with an unknown key, and the fix, as `suggested`; what stands under it has a say."""
    key, choices = entry.key, [*known]
    if "nodes" in choices and _declares_nodes(entry.value):
        meant = nearest(key.text, ("nodes", "prologue")) or "nodes"
        if nearest(key.text, choices) != meant:
            fix = Fix((Edit(key.span, key.text, meant),), safe=False)
            return f"specs call it `{meant}`", fix
    return suggested(key, choices, OF_EDGES if tuple(choices) == EDGE_KEYS else SYNONYMS)


def _declares_nodes(value: Node) -> bool:
    """Whether the first key under a key is a declaration such as `td(l)`."""
    first = next(iter(value.entries), "") if isinstance(value, Mapping) else ""
    return len(first) <= MAX_DECLARATION and _INDEXED.fullmatch(first) is not None


def is_misspelled(key: str, given: Mapping, known: Iterable[str]) -> bool:
    """Whether a mapping has an unknown key in place of `key`."""
    choices = [*known]
    fixes = (
        meant_key(entry, choices)[1] for name, entry in given.entries.items() if name not in choices
    )
    return any(fix is not None and fix.edits[0].new == key for fix in fixes)


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
    text = scalar.text
    if scalar.plain and _OCTAL.fullmatch(text) and int(text, 8) != int(text):
        plain = scalar.text.lstrip("+-0") or "0"
        plain = f"-{plain}" if scalar.text[0] == "-" else plain
        message = f"`{scalar.text}` is {plain} here (YAML 1.2), where YAML 1.1 tools read it as "
        message += f"octal, {int(scalar.text, 8)}"
        fix = Fix((Edit(scalar.span, scalar.text, plain),), safe=True)
        sink.warning("W101", message, scalar.span, help=f"write `{plain}`", fix=fix)
