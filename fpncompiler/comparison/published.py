"""Figures that a publication gives, from a small YAML file: `specs/published/table_5.yaml`.

fpnc: 1
published: table_5
title: EfficientDet, table 5
source: Tan et al., EfficientDet, CVPR 2020, table 5
phi: 3                  # optional: what the figures are for
baseline: fpn_panet     # optional: what ratios are to
figures:
  bifpn_with_weights: {network_parameters_ratio: 0.88}
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fpncompiler.diagnostics import Sink, suggest
from fpncompiler.spec.finding import found_in
from fpncompiler.spec.loading import check_version, read_spec
from fpncompiler.spec.tree import Entry, Mapping, Node, Scalar, parse_tree

FOLDER = "published"
KEYS = ("fpnc", "published", "title", "source", "phi", "baseline", "figures")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?(?:e[+-]?\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Figure:
    """A published number: of which topology, and which column of a comparison."""

    topology: str
    key: str
    number: float


@dataclass(frozen=True, slots=True)
class Published:
    """All figures of a publication; `phi` and `baseline` where it has one for all of them."""

    title: str
    source: str
    phi: int | None
    baseline: str | None
    figures: tuple[Figure, ...]


def load_published(word: str, columns: Iterable[str]) -> Published:
    """Read the file that a word stands for: a path, or a name in `published/` of the spec folders.

    Args:
        columns: the keys of a comparison that figures can be held against.

    Raises:
        SpecNotFoundError: it cannot be read.
        SpecError: it has faults.
    """
    sink = Sink()
    path = found_in(FOLDER, word)
    tree = parse_tree(read_spec(path), path.as_posix(), sink)
    check_version(tree, KEYS, sink)
    _check_keys(tree, KEYS, sink)
    figures = tuple(_figures(tree, tuple(columns), sink))
    phi = _number(tree.get("phi"), "`phi` is a whole number", sink)
    published = Published(
        title=_text(tree, "title", sink) or path.stem,
        source=_text(tree, "source", sink) or "",
        phi=None if phi is None else int(phi),
        baseline=_text(tree, "baseline", sink),
        figures=figures,
    )
    sink.stop_on_errors()
    return published


def _figures(tree: Mapping, columns: tuple[str, ...], sink: Sink) -> Iterable[Figure]:
    rows = tree.get("figures")
    if not isinstance(rows, Mapping) or not rows.entries:
        help = "such as `figures: {bifpn: {network_parameters_ratio: 0.88}}`"
        sink.fatal("F203", "there are no `figures`", rows.span if rows else tree.span, help=help)
    for topology, entry in rows.entries.items():
        if not isinstance(entry.value, Mapping):
            message = f"the figures of `{topology}` are columns with numbers"
            help = "such as `{network_parameters_ratio: 0.88}`"
            sink.error("F203", message, entry.value.span, help=help)
            continue
        _check_keys(entry.value, columns, sink)
        yield from _row(topology, entry.value.entries, columns, sink)


def _row(
    topology: str, entries: dict[str, Entry], columns: tuple[str, ...], sink: Sink
) -> Iterable[Figure]:
    for key, entry in entries.items():
        number = _number(entry.value, f"`{key}` is a number", sink)
        if key in columns and number is not None:
            yield Figure(topology, key, number)


def _check_keys(mapping: Mapping, known: tuple[str, ...], sink: Sink) -> None:
    for key, entry in mapping.entries.items():
        if key not in known:
            help = suggest(key, known) or "`fpnc compare --json` shows the columns"
            sink.error("F202", f"unknown key `{key}`", entry.key.span, help=help)


def _number(node: Node | None, message: str, sink: Sink) -> float | None:
    if node is None:
        return None
    if isinstance(node, Scalar) and _NUMBER.fullmatch(node.text):
        return float(node.text)
    sink.error("F203", message, node.span)
    return None


def _text(tree: Mapping, key: str, sink: Sink) -> str | None:
    node = tree.get(key)
    if node is None or isinstance(node, Scalar):
        return node.text if node else None
    sink.error("F203", f"`{key}` is a text", node.span)
    return None
