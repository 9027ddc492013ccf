"""A model spec, typed at one phi or variant: backbone, scaling, heads, anchors.

specs/models/efficientdet.yaml + phi 3          -> variant d3
                               + variant d7x    -> its settings over those of its phi
                               + variant lite2  -> the variant family `lite` at phi 2
"""

import math
import re
from dataclasses import dataclass
from typing import cast

from fpncompiler.diagnostics import suggest
from fpncompiler.ir.detector import HEAD_KINDS, Anchors, BackboneChoice, HeadKind, Heads, Model
from fpncompiler.ir.ops import CONV_KINDS
from fpncompiler.spec.loading import check_version
from fpncompiler.spec.merging import merge, without
from fpncompiler.spec.reading import MAX_LEVEL, NOWHERE, Reader
from fpncompiler.spec.steps import MAX_WIDTH
from fpncompiler.spec.style import STYLE_KEYS, read_activation, read_norm, read_redundant_bias
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, Sequence

MODEL_KEYS = (
    "anchors",
    "backbone",
    "depth",
    "extends",
    "fpnc",
    "heads",
    "image",
    "levels",
    "model",
    "override",
    "phi",
    "phi_prefix",
    "resolution",
    "source",
    "title",
    "variants",
    "width",
    *STYLE_KEYS,
)
VARIANT_KEYS = tuple(key for key in MODEL_KEYS if key not in ("fpnc", "variants", "model"))
HEAD_KEYS = ("activation", "classes", "conv", "depth", "kind", "levels", "prior", "width")
OVERRIDE_KEYS = ("levels", *STYLE_KEYS)
MAX_RESOLUTION = 8192
MAX_CLASSES = 100_000
_LEVEL = re.compile(r"[0-9]{1,2}")
_NUMBERED = re.compile(r"([a-z_]+?)(0|[1-9][0-9]?)")
_PHI_RANGE = re.compile(r"([0-9]{1,2})(?:\s*\.\.\s*([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Selection:
    """One row of a model file: its tree, with what variants change merged in."""

    tree: Mapping
    phi: int
    variant: str


def select_variant(
    tree: Mapping, phi: int | None, variant: str | None, reader: Reader
) -> Selection:
    """The row that `--phi` or `--variant` names.

    Raises:
        SpecError: F502 phi out of the model's range, F503 no such variant.
    """
    had_errors = reader.sink.has_errors
    reader.mapping(tree, "a model", MODEL_KEYS)
    check_version(tree, MODEL_KEYS, reader.sink)
    if not had_errors:
        reader.sink.stop_on_errors()
    base = without(tree, "variants")
    prefix_node = tree.get("phi_prefix")
    prefix = reader.name(prefix_node, "`phi_prefix`") if prefix_node else "d"
    if variant is None or variant == f"{prefix}{phi}":
        allowed = _phi_range(base)
        phi = phi if phi is not None else allowed[0] if allowed else 0
        _check_phi(base, phi, "the model", reader)
        return Selection(base, phi, f"{prefix}{phi}")
    variants = reader.mapping(tree.get("variants"), "`variants`", _variant_names(tree))
    for entry in variants.entries.values():
        reader.name(entry.key, "the name of a variant")
    if not had_errors:
        reader.sink.stop_on_errors()
    name, number = _family_of(variant, variants, prefix)
    if number is None and name in variants.entries:
        number = phi
    if name == prefix and number is not None:
        _check_phi(base, number, "the model", reader)
        return Selection(base, number, variant)
    patch = _patch(name, variants, reader)
    if patch is None:
        known = [*variants.entries, *(f"{prefix}{n}" for n in _phi_range(base))]
        message = f"the model has no variant `{variant}`"
        span = variants.span if variants.entries else tree.span
        reader.sink.fatal("F503", message, span, help=suggest(variant, known))
    merged = _over(base, patch)
    own_range = _phi_range(patch) if patch.get("phi") else _phi_range(base)
    single = len(own_range) == 1
    chosen = own_range[0] if number is None else number
    _check_phi(merged, chosen, f"variant `{name}`", reader)
    return Selection(merged, chosen, name if single else f"{name}{chosen}")


def read_model(selection: Selection, reader: Reader) -> Model:
    """The selected row, typed."""
    tree = selection.tree
    reader.mapping(tree.get("override"), "`override`", OVERRIDE_KEYS)
    image = reader.mapping(tree.get("image"), "`image`", ("mean", "std"))
    name = reader.name(tree.get("model"), "the name of a model")
    return Model(
        name=name,
        title=reader.text(tree.get("title"), "`title`") or name,
        variant=selection.variant,
        source=reader.text(tree.get("source"), "`source`"),
        phi=selection.phi,
        backbone=_backbone(tree, reader),
        resolution=_resolution(tree.get("resolution"), reader),
        heads=_heads(tree, reader),
        anchors=_anchors(tree, reader),
        mean=_triple(image.get("mean"), "`image.mean`", (0.485, 0.456, 0.406), 0, reader),
        std=_triple(image.get("std"), "`image.std`", (0.229, 0.224, 0.225), 1e-3, reader),
    )


def _variant_names(tree: Mapping) -> tuple[str, ...]:
    variants = tree.get("variants")
    return tuple(variants.entries) if isinstance(variants, Mapping) else ()


def _family_of(variant: str, variants: Mapping, prefix: str) -> tuple[str, int | None]:
    """`lite2` is the family `lite` at phi 2, unless a variant is called `lite2` itself."""
    if variant in variants.entries:
        return variant, None
    found = _NUMBERED.fullmatch(variant)
    if found and (found.group(1) in variants.entries or found.group(1) == prefix):
        return found.group(1), int(found.group(2))
    return variant, None


def _patch(name: str, variants: Mapping, reader: Reader) -> Mapping | None:
    """A variant's settings over those of the variant that it extends; None if it is unknown."""
    chain: list[str] = []
    patches: list[Mapping] = []
    current: str | None = name if name in variants.entries else None
    while current is not None:
        patch = reader.mapping(variants.get(current), f"variant `{current}`", VARIANT_KEYS)
        chain.append(current)
        patches.append(without(patch, "extends"))
        current = _parent(patch.get("extends"), variants, chain, reader)
    merged = patches.pop() if patches else None
    while patches and merged is not None:
        merged = _over(merged, patches.pop())
    return merged


def _parent(node: Node | None, variants: Mapping, chain: list[str], reader: Reader) -> str | None:
    """The variant that one extends, which must exist and not be one of the chain."""
    if node is None:
        return None
    name = node.text if isinstance(node, Scalar) else ""
    if name not in variants.entries:
        help = suggest(name, variants.entries)
        message = f"`extends` names no variant: there is no `{name}`"
        reader.sink.fatal("F503", message, node.span, help=help)
    if name in chain:
        reader.sink.fatal("F503", f"variant `{name}` extends itself in the end", node.span)
    return name


def _over(base: Mapping, patch: Mapping) -> Mapping:
    """A variant over its base; another backbone takes nothing that was said of the first."""
    backbone, new = base.get("backbone"), patch.get("backbone")
    if isinstance(backbone, Mapping) and isinstance(new, Mapping) and new.get("name"):
        kept = Entry(base.entries["backbone"].key, without(backbone, "channels", "taps"))
        base = Mapping({**base.entries, "backbone": kept}, base.span)
    return merge(base, patch)


def _phi_range(tree: Mapping) -> range:
    node = tree.get("phi")
    found = _PHI_RANGE.fullmatch(node.text) if isinstance(node, Scalar) else None
    if found is None:
        return range(1)
    low, high = found.groups()
    return range(int(low), int(high or low) + 1)


def _check_phi(tree: Mapping, phi: int, what: str, reader: Reader) -> None:
    node = tree.get("phi")
    allowed = _phi_range(tree)
    if node is not None and not (isinstance(node, Scalar) and _PHI_RANGE.fullmatch(node.text)):
        reader.wrong(node, "`phi` is a number or a range such as `0..7`")
        reader.sink.stop_on_errors()
    if phi in allowed:
        return
    message = f"phi {phi} is out of range"
    label = f"{what} is defined for phi {allowed[0]} to {allowed[-1]}" if allowed else ""
    span = node.span if node else tree.span
    reader.sink.fatal("F502", message, span, label=label, help="choose a phi of this range")


def _backbone(tree: Mapping, reader: Reader) -> BackboneChoice:
    keys = ("channels", "drop_path_rate", "name", "taps")
    node = tree.get("backbone")
    if isinstance(node, Scalar):
        return BackboneChoice(_timm_name(node, reader), 0.0, {}, {}, node.span)
    fields = reader.mapping(node, "`backbone`", keys)
    name = reader.scaled(fields.get("name"))
    if name is None:
        message = "the model does not name its backbone"
        help = "add `backbone: {name: tf_efficientnet_b0}`"
        if node:
            reader.missing("name", fields, keys, message, fields.span, help)
        else:
            reader.missing("backbone", tree, MODEL_KEYS, message, tree.span, help)
    channels = _by_level(fields.get("channels"), "`backbone.channels`", reader)
    taps = _by_level(fields.get("taps"), "`backbone.taps`", reader, low=0)
    for key, read in (("channels", channels), ("taps", taps)):
        if key in fields.entries and not read:
            # Nothing more is said of a backbone without a name.
            reader.wrong(fields.entries[key].value, f"`{key}` says nothing: write `{{3: 40}}`")
            name = None
    return BackboneChoice(
        name=_timm_name(name, reader) if name else "",
        drop_path_rate=reader.number(fields.get("drop_path_rate"), "`drop_path_rate`", 0, 0.99),
        channels=channels,
        taps=taps,
        span=name.span if name else fields.span,
    )


def _timm_name(node: Node, reader: Reader) -> str:
    """A timm model name; it reaches the generated file as a string, so its grammar is closed."""
    if isinstance(node, Scalar) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", node.text):
        return node.text
    reader.wrong(node, "a backbone is the name of a timm model, such as `tf_efficientnet_b0`")
    return ""


def _by_level(node: Node | None, what: str, reader: Reader, low: int = 1) -> dict[int, int]:
    node = reader.scaled(node)
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not all(_LEVEL.fullmatch(key) for key in node.entries):
        reader.wrong(node, f"{what} is a mapping {{level: number}}")
        return {}
    entries = sorted(node.entries.items(), key=lambda item: int(item[0]))
    return {int(key): reader.integer(entry.value, what, low, 65536) for key, entry in entries}


def _resolution(node: Node | None, reader: Reader) -> tuple[int, int]:
    """`512`, or `[height, width]`, in pixels."""
    node = reader.scaled(node)
    if isinstance(node, Sequence):
        sides = [reader.integer(n, "`resolution`", 16, MAX_RESOLUTION, 512) for n in node.items]
        if len(sides) == 2:
            return sides[0], sides[1]
        reader.wrong(node, "`resolution` is one number or [height, width]")
        return 512, 512
    side = reader.integer(node, "`resolution`", 16, MAX_RESOLUTION, 512)
    return side, side


def _heads(tree: Mapping, reader: Reader) -> Heads:
    fields = reader.mapping(tree.get("heads"), "`heads`", HEAD_KEYS)
    op = tree.get("op")
    conv = fields.get("conv") or (op.get("conv") if isinstance(op, Mapping) else None)
    kind = reader.word(conv, "convolution", CONV_KINDS, "separable")
    levels = _head_levels(fields.get("levels"), reader)
    head_kind = reader.word(fields.get("kind"), "kind of head", HEAD_KINDS, "detection")
    width = fields.get("width")
    return Heads(
        kind=cast("HeadKind", head_kind),
        width=reader.integer(width, "`heads.width`", 1, MAX_WIDTH) if width else None,
        depth=reader.integer(fields.get("depth"), "`heads.depth`", 0, 64, 3),
        separable=kind == "separable",
        activation=read_activation([fields, tree], reader),
        classes=reader.integer(fields.get("classes"), "`heads.classes`", 1, MAX_CLASSES, 90),
        prior=reader.number(fields.get("prior"), "`heads.prior`", 1e-6, 0.999999, 0.01),
        levels=levels,
        bias=read_redundant_bias([tree], reader),
        norm=read_norm([tree], reader),
        span=(fields.get("levels") or (fields if fields.entries else tree)).span,
    )


def _head_levels(node: Node | None, reader: Reader) -> tuple[int, ...] | None:
    """`3..7`, or `2` for one level."""
    node = reader.scaled(node)
    if isinstance(node, Scalar) and _LEVEL.fullmatch(node.text):
        return (reader.integer(node, "`heads.levels`", 0, MAX_LEVEL),)
    levels = reader.levels(node, "`heads.levels`")
    return tuple(levels) if levels else None


def _anchors(tree: Mapping, reader: Reader) -> Anchors:
    fields = reader.mapping(tree.get("anchors"), "`anchors`", ("aspect_ratios", "octaves", "scale"))
    for key in ("aspect_ratios", "scale"):
        if isinstance(given := fields.get(key), Sequence) and not given.items:
            reader.wrong(given, f"`anchors.{key}` says nothing: list numbers, or leave it out")
    scales = reader.numbers(fields.get("scale"), "`anchors.scale`", 0.1, 1000)
    aspects = reader.items(reader.scaled(fields.get("aspect_ratios")), "`anchors.aspect_ratios`")
    square = Scalar("1.0", True, NOWHERE)
    return Anchors(
        scales=scales or (4.0,),
        octaves=reader.integer(fields.get("octaves"), "`anchors.octaves`", 1, 16, 3),
        aspects=tuple(_aspect(node, reader) for node in aspects or (square,)),
        span=scale.span if (scale := reader.scaled(fields.get("scale"))) else None,
    )


def _aspect(node: Node, reader: Reader) -> tuple[float, float]:
    """`[width, height]` multipliers, or one ratio r, which is [sqrt(r), 1 / sqrt(r)]."""
    if isinstance(node, Sequence):
        pair = reader.numbers(node, "an aspect ratio", 0.01, 100)
        if len(pair) == 2:
            return pair[0], pair[1]
        reader.wrong(node, "an aspect ratio is a number or [width, height]")
        return 1.0, 1.0
    ratio = reader.number(node, "an aspect ratio", 0.01, 100, 1.0)
    return math.sqrt(ratio), 1.0 / math.sqrt(ratio)


def _triple(
    node: Node | None, what: str, default: tuple[float, ...], low: float, reader: Reader
) -> tuple[float, ...]:
    if node is None:
        return default
    values = reader.numbers(node, what, low, 1)
    if len(values) != 3:
        reader.wrong(node, f"{what} has three numbers, red, green, blue")
        return default
    return values
