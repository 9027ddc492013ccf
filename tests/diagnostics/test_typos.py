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
from fpncompiler.ir.ops import ACTIVATIONS
from fpncompiler.plugins import block_kinds
from fpncompiler.spec.expression import FUNCTIONS
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
    if (
        last in FORMULAS
        or "let" in path
        or (re.search(r"[*+/]|\bphi\b", text) and "(l" not in text)
    ):
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


def slips_of(text: str, known: Counter[tuple[str, str]], rng: random.Random):
    """A spec with each slip; twice is enough of a word that all specs have."""
    for place in places_of(text):
        known[place.kind, place.word] += 1
        if known[place.kind, place.word] <= 2:
            for slip in slips(place.word, rng):
                if slip != place.word:
                    yield place, slip, with_slip(text, place, slip)


class Tally:
    """How many slips are recognised, by the kind of the word."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.total: Counter[str] = Counter()
        self.wrong: list[tuple[str, str, str]] = []

    def add(self, place: Place, slip: str, found: tuple[Diagnostic, ...]) -> None:
        suggested = first_suggestion(found, place, slip)
        if suggested is None:
            return  # another word that is known, or a name of the author's own
        self.total[place.kind] += 1
        self.right[place.kind] += suggested == place.word
        if suggested != place.word:
            self.wrong.append((place.word, slip, suggested))

    def check(self, least: int) -> None:
        right, total = self.right.total(), self.total.total()
        shares = {kind: f"{self.right[kind]}/{self.total[kind]}" for kind in sorted(self.total)}
        print(f"{right / total:.2%} of {total} slips: {shares}; {self.wrong}")
        assert total >= least
        assert right >= RIGHT * total, self.wrong


def test_a_slip_in_a_shipped_spec_is_recognised():
    rng, tally, known = random.Random(7), Tally(), Counter()
    for path in TOPOLOGIES:
        for place, slip, text in slips_of(path.read_text(), known, rng):
            tally.add(place, slip, diagnostics_of(text))
    tally.check(600)


def test_a_slip_in_a_model_is_recognised(tmp_path):
    rng, tally, known = random.Random(8), Tally(), Counter()
    (tmp_path / "models").mkdir()
    spec = tmp_path / "mine.yaml"
    spec.write_text((ROOT / "specs/fpn.yaml").read_text() + "model: lab\n")
    for path in MODELS:
        source = path.read_text().replace("depth: 1\n", "")
        for place, slip, text in slips_of(source, known, rng):
            (tmp_path / "models" / "lab.yaml").write_text(text)
            found = diagnostics_of(spec)
            in_model = tuple(d for d in found if d.span and d.span.file.endswith("lab.yaml"))
            tally.add(place, slip, in_model)
    tally.check(200)


VOCABULARIES = {
    "keys of a topology": TOPOLOGY_KEYS,
    "keys of a node": NODE_KEYS,
    "keys of a model": MODEL_KEYS,
    "keys of heads": HEAD_KEYS,
    "keys of a convolution": OP_KEYS,
    "fusions": fusion_words(),
    "activations": ACTIVATIONS,
    "blocks": tuple(block_kinds()),
    "functions": tuple(FUNCTIONS),
    "backbones": backbone_names(),
}


@pytest.mark.parametrize("name", VOCABULARIES)
def test_a_slip_in_any_word_is_recognised(name):
    rng, words = random.Random(name), VOCABULARIES[name]
    some = rng.sample(words, min(len(words), 150))
    pairs = [(word, slip) for word in some for slip in slips(word, rng) if slip not in words]
    wrong = [(word, slip) for word, slip in pairs if nearest(slip, words) != word]
    print(f"{name}: {1 - len(wrong) / len(pairs):.2%} of {len(pairs)}; {wrong}")
    assert len(wrong) <= (1 - RIGHT) * len(pairs)


# Words of other tools and of everyday, none of which is a misspelling of a word of ours.
UNRELATED = """
    about accuracy adam after_image alpha annotation apple architecture arguments asymmetric
    banana batch_size beautiful beta bottle bread bridge_tower butter camera candle carpet channels
    checkpoint chicken classifier cloud clip_norm cluster coco coffee compile config cosine country
    criterion dataset dataloader decoder device dilation distillation distributed doctor download
    elephant embedding encoder engine ensemble epoch evaluator experiment february feature_dim
    flowers forest framework garden gamma glass gpus gradient groups_of guitar hammer harmony
    horizon hyperparameters hypothesis imagenet island iterations january journal jungle kitchen
    label_smoothing language learning_rate lemon letter library logger loss_weight lr_schedule
    machine magnet memory metadata metric mirror_image momentum_buffer morning mountain neighbour
    number_of_gpus objective ocean optimizer orange paragraph parameter partition penguin pillow
    pipeline planet plugin pocket precision preprocess prompt purple quantize question rabbit
    recipe regularizer reproducibility river sampler sandwich scheduler school seed september
    shuffle silence snapshot soccer squirrel station sugar summer supervisor tablet teacher
    telephone temperature threshold tokenizer tomato tomorrow trainer transformer triangle umbrella
    university validation velocity village vocabulary warmup water weight_decay window winter
    worker xylophone yellow zebra zigzag
""".split()


def test_unrelated_words_suggest_nothing():
    pairs = [(word, name) for name in VOCABULARIES for word in UNRELATED]
    found = {
        (word, name): best
        for word, name in pairs
        if word not in VOCABULARIES[name] and (best := nearest(word, VOCABULARIES[name]))
    }
    print(f"{len(found) / len(pairs):.2%} of {len(pairs)}: {found}")
    assert len(found) <= FALSE * len(pairs), found


def test_a_word_of_one_letter_suggests_nothing():
    assert not nearest("k", ("l", "phi"))


@pytest.mark.parametrize(
    ("word", "choices", "best"),
    [
        ("ReLU", ("relu", "relu6", "silu"), "relu"),
        ("pn", ("in", "fpn", "panet"), "in"),
        ("wdith", ("width", "with"), "width"),
        ("kernal", ("kernel", "journal"), "kernel"),
        ("outs", ("out", "outputs", "cuts"), "out"),
    ],
)
def test_of_equally_near_words_the_likelier_is_suggested(word, choices, best):
    assert nearest(word, choices) == best
