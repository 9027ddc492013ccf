"""Did you mean: one slip of the pen in a word of a shipped spec, and the word that is suggested."""

import random
import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fpncompiler.backbones import backbone_names
from fpncompiler.diagnostics import Diagnostic, Sink, nearest
from fpncompiler.options import Options
from fpncompiler.spec.model import HEAD_KEYS, MODEL_KEYS
from fpncompiler.spec.nodes import NODE_KEYS
from fpncompiler.spec.steps import OP_KEYS
from fpncompiler.spec.style import fusion_words
from fpncompiler.spec.topology import TOPOLOGY_KEYS
from fpncompiler.spec.tree import Mapping, Node, Scalar, Sequence, parse_tree
from tests.diagnostics.corpus import diagnostics_of, said
from tests.helpers import ROOT

TOPOLOGIES = sorted((ROOT / "specs").glob("*.yaml"))
MODELS = sorted((ROOT / "specs" / "models").glob("*.yaml"))
FREE = ("title", "source", "name", "fpnc", "phi_prefix")  # any text may stand there
NAMES = ("nodes", "prologue", "let", "variants", "published", "channels", "taps")
FORMULAS = ("width", "depth", "k", "let", "hidden", "resolution")
WORD = re.compile(r"[a-z_][a-z0-9_]+")
RIGHT, FALSE = 0.95, 0.01


@dataclass(frozen=True)
class Place:
    """A word of a spec that the compiler knows: what it is, and where it stands."""

    kind: str
    word: str
    line: int
    column: int


def words_in(node: Node, path: tuple[str, ...] = ()) -> Iterator[Place]:
    """Keys, references, words and formulas; declarations and free text are the author's own."""
    match node:
        case Mapping():
            for key, entry in node.entries.items():
                if not path or path[-1] not in NAMES:
                    yield from _words(entry.key, "key")
                if key not in FREE and not (key == "model" and "backbone" in node.entries):
                    yield from words_in(entry.value, (*path, key))
        case Sequence():
            for item in node.items:
                yield from words_in(item, path)
        case Scalar():
            yield from _words(node, kind_of(path, node.text))


def kind_of(path: tuple[str, ...], text: str) -> str:
    """What a scalar is, by its keys."""
    last = next((key for key in reversed(path) if key not in ("formula", "published")), "")
    if last in ("extends", "after", "parallel", "mirror", "model"):
        return "spec"
    if path[:1] == ("backbone",) or last == "backbone":
        return "backbone"
    if last in FORMULAS or "let" in path or re.search(r"[*+/]|\bphi\b", text) and "(l" not in text:
        return "formula"
    if "(" in text or path[:1] == ("outputs",) or last in ("inputs", "from"):
        return "reference"
    return "word"


def _words(scalar: Scalar, kind: str) -> Iterator[Place]:
    span = scalar.span
    if not scalar.plain or span.end_column - span.column != len(scalar.text):
        return
    for found in WORD.finditer(scalar.text):
        if found.group() not in ("true", "false", "last", "all", "even", "odd", "depth", "none"):
            yield Place(kind, found.group(), span.line, span.column + found.start())
        if kind == "reference":
            return  # only the family


def slips(word: str, rng: random.Random) -> Iterator[str]:
    """One letter inserted, dropped, replaced, or swapped with its neighbour."""
    at, letter = rng.randrange(len(word)), rng.choice(string.ascii_lowercase)
    yield word[:at] + letter + word[at:]
    if len(word) > 2:
        yield word[:at] + word[at + 1 :]
    yield word[:at] + letter + word[at + 1 :]
    if len(word) > 1:
        at = rng.randrange(len(word) - 1)
        yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def places_of(text: str) -> list[Place]:
    """Each word of a spec, once for each kind."""
    tree = parse_tree(text.encode(), "s.yaml", Sink())
    seen: dict[tuple[str, str], Place] = {}
    for place in words_in(tree):
        seen.setdefault((place.kind, place.word), place)
    return list(seen.values())


def with_slip(text: str, place: Place, slip: str) -> str:
    lines = text.split("\n")
    line, start = lines[place.line - 1], place.column - 1
    lines[place.line - 1] = line[:start] + slip + line[start + len(place.word) :]
    return "\n".join(lines)


def first_suggestion(found: tuple[Diagnostic, ...], place: Place, slip: str) -> str | None:
    """What is suggested at the line of a slip; None if no fault is there."""
    here = [d for d in found if d.span is None or d.span.line == place.line]
    about = [d for d in here if slip in said(d)] or here
    if not about or about[0].severity != "error":
        return None
    suggested = re.search(r"(?:did you mean|call it|calls that node) `(.*?)`", about[0].help)
    return suggested.group(1) if suggested else ""


def test_a_slip_in_a_shipped_spec_is_recognised():
    rng = random.Random(7)
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    wrong: list[tuple[str, str, str]] = []
    known: Counter[tuple[str, str]] = Counter()
    for path in TOPOLOGIES:
        text = path.read_text()
        for place in places_of(text):
            known[place.kind, place.word] += 1
            if known[place.kind, place.word] > 2:
                continue  # twice is enough of a word that all specs have
            for slip in slips(place.word, rng):
                suggested = first_suggestion(
                    diagnostics_of(with_slip(text, place, slip)), place, slip
                )
                if slip == place.word or suggested is None:
                    continue  # another word that is known, or a name of the author's own
                total[place.kind] += 1
                right[place.kind] += suggested == place.word
                if suggested != place.word:
                    wrong.append((place.word, slip, suggested))
    shares = {kind: f"{right[kind]}/{total[kind]}" for kind in sorted(total)}
    print(f"{right.total() / total.total():.2%} of {total.total()} slips: {shares}; {wrong}")
    assert total.total() > 500
    assert right.total() >= RIGHT * total.total(), wrong
