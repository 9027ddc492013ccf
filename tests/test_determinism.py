"""Same input, same bytes; and what must not matter does not."""

import ast
import importlib
import os
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fpncompiler.codegen.header import split_header
from fpncompiler.diagnostics import Sink
from fpncompiler.pipeline import Compiled, Options, compile_spec
from fpncompiler.spec.tree import parse_tree
from tests.passes.graphs import isomorphic

ROOT = Path(__file__).parents[1]
BIFPN = ROOT / "specs/bifpn.yaml"
EXPLICIT = ROOT / "tests/data/specs/bifpn_explicit.yaml"

SEEDS = range(64)
# What a compilation imports; each also works without its compiled parts.
PACKAGES = ("yaml", "jinja2", "markupsafe", "networkx")
COMMANDS = [
    ["specs/bifpn.yaml", "--phi", "3"],
    ["specs/bifpn.yaml", "--variant", "d7x"],
    ["specs/panet.yaml", "--variant", "lite1", "--classes", "5"],
    ["specs/fpn.yaml", "--levels", "2..6", "--backbone", "resnet50"],
    ["specs/mixed.yaml"],
    ["specs/layered.yaml"],
]
MIXED = """\
fpnc: 1
name: mixed
levels: 3..7
depth: 2
nodes:
  td(l): {inputs: [in(l), td(l+1), backbone(5)], fusion: softmax}
  lateral(l): {inputs: [td(l)], op: conv1x1, width: 96}
  gp: {level: 5, inputs: [lateral(*), in(l-1..l+1)], fusion: {kind: weighted, granularity: channel}}
  out(l): {inputs: [td(l), out(l-1), gp], op: {conv: full, order: [conv, norm, act]}}
outputs: out
down: bilinear
"""
LAYERED = """\
fpnc: 1
name: layered
levels: 3..6
k: 1..depth
depth: 3
let: {base: 16}
width: base * l
gate: {by: first}
nodes:
  f(l, k): {inputs: [in(l), f(l, k-1), f(l+1, k)], share: all_layers, width: 64}
  f(l, k even): {inputs: [{from: f(l, k-1), via: [conv1x1, relu]}, f(l-1, k)], up: carafe}
  f(5, 3): [{gate: [f(6, 3), in(5)]}, {max: [f(*, 1), backbone(4)]}]
  out(l): {inputs: [f(l, last), f(l, 1)], fusion: concat, op: [conv1x1, c2f]}
outputs: out
adapters: {sharing: per_source}
down: conv3x3
"""
# Every command in one process each, since starting one costs more than compiling.
DRIVER = """\
import sys
from fpncompiler.cli import main
for words in {commands!r}:
    assert main(["compile", *words]) == 0
"""


def specs_in(folder: Path) -> Path:
    shutil.copytree(ROOT / "specs", folder / "specs")
    (folder / "specs/mixed.yaml").write_text(MIXED)
    (folder / "specs/layered.yaml").write_text(LAYERED)
    return folder


def compile_all(
    folder: Path, seed: int, python: str = sys.executable, path: str = ""
) -> dict[str, bytes]:
    """The files that one process with a hash seed writes into a folder of its own."""
    output = folder / f"out{seed}_{Path(python).parents[1].name}"
    commands = [[*words, "-o", output.name] for words in COMMANDS]
    environment = (
        os.environ | {"PYTHONHASHSEED": str(seed)} | ({"PYTHONPATH": path} if path else {})
    )
    subprocess.run(
        [python, "-c", DRIVER.format(commands=commands)],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def test_bytes_depend_on_no_hash_seed_and_no_folder(tmp_path):
    folders = [specs_in(tmp_path / "a"), specs_in(tmp_path / "some where" / "deep er")]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda seed: compile_all(folders[seed % 2], seed), SEEDS))
    assert len(found[0]) == len(COMMANDS)
    assert all(files == found[0] for files in found)


def pythons() -> dict[str, str]:
    """Version -> interpreter, for each Python on this machine that fpnc supports."""
    names = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    folders = [*Path.home().glob(".pyenv/versions/*/bin"), Path("/usr/bin"), Path("/usr/local/bin")]
    names += [str(folder / "python3") for folder in folders]
    found = {}
    for name in names:
        question = (
            "import sys; print(sys.version_info[:2] >= (3, 11) and sys.version.split()[0] or '')"
        )
        if name and Path(name).exists():
            answer = subprocess.run([name, "-c", question], capture_output=True, text=True)
            if answer.returncode == 0 and answer.stdout.strip():
                found.setdefault(answer.stdout.strip(), name)
    return found


def pure_packages(folder: Path) -> str:
    """The compiler's own packages for another Python, without compiled parts."""
    for name in PACKAGES:
        source = Path(importlib.import_module(name).__file__ or "").parent
        ignored = shutil.ignore_patterns("*.so", "__pycache__", "tests")
        shutil.copytree(source, folder / name, ignore=ignored)
    return os.pathsep.join([str(folder), str(ROOT)])


def test_bytes_depend_on_no_python(tmp_path):
    folder = specs_in(tmp_path / "a")
    expected = compile_all(folder, 0)
    path = pure_packages(tmp_path / "packages")
    others = pythons()
    print(f"Pythons: {', '.join(sorted(others))}")
    assert others
    for python in others.values():
        assert compile_all(folder, 1, python, path) == expected, python


def test_command_writes_the_same_bytes_as_the_api(tmp_path):
    folder = specs_in(tmp_path / "a")
    command = ["-m", "fpncompiler.cli", "compile", "specs/bifpn.yaml", "--phi", "3"]
    subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True)
    written = (folder / "generated/bifpn_d3.py").read_text()
    assert written == compile_spec(BIFPN, Options(phi=3)).source


def compiled(text: str) -> Compiled:
    return compile_spec(text, Options())


def body(text: str) -> str:
    parts = split_header(compiled(text).source)
    assert parts
    return parts[1]


def classes(found: Compiled) -> dict[str, str]:
    """The source of the classes that the topology makes."""
    nodes = (n for n in ast.parse(found.source).body if isinstance(n, ast.ClassDef))
    wanted = (n for n in nodes if n.name.endswith("Layer") or n.name == "FeatureNetwork")
    return {node.name: ast.unparse(node) for node in wanted}


PANET = """\
fpnc: 1
name: mine
levels: 3..7
nodes:
  td(l): [in(l), td(l+1)]
  out(l): [td(l), out(l-1)]
outputs: out
fusion: fast_normalized
"""


def shuffled(text: str, seed: int) -> str:
    """The spec with its keys, and those of `nodes`, in another order."""
    dice = random.Random(seed)
    blocks = re.split(r"(?m)^(?=\w)", text)[1:]
    dice.shuffle(blocks)
    made = []
    for block in blocks:
        head, *rest = block.splitlines()
        dice.shuffle(rest)
        made += [head, *rest]
    return "\n".join([*made, ""])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("text", [PANET, MIXED, LAYERED], ids=["panet", "mixed", "layered"])
def test_order_of_keys_and_nodes_does_not_matter(text, seed):
    other = shuffled(text, seed)
    assert sorted(other.splitlines()) == sorted(text.splitlines())
    assert body(other) == body(text)


@pytest.mark.parametrize("text", [PANET, MIXED, LAYERED], ids=["panet", "mixed", "layered"])
def test_comments_and_layout_do_not_matter(text):
    commented = re.sub(r"(?m)$", "   # a comment", text).replace("   # a comment\n", "  # é\n\n")
    assert compiled(commented).source == compiled(text).source
    spaced = text.replace(", ", " ,  ").replace("[", "[ ")
    assert compiled(spaced).source == compiled(text).source
    assert compiled(text.replace("\n", "\r\n")).source == compiled(text).source


def test_block_and_flow_style_do_not_matter():
    block = PANET.replace("[td(l), out(l-1)]", "\n    inputs:\n    - td(l)\n    - 'out(l-1)'")
    assert compiled(block).source == compiled(PANET).source


def renamed(text: str, names: dict[str, str]) -> str:
    """A text with words replaced, also within `p5_in_to_p5_td`."""
    pattern = rf"(?<![A-Za-z0-9])({'|'.join(names)})(?![A-Za-z0-9])"
    return re.sub(pattern, lambda found: names[found[1]], text)


def test_renaming_families_only_renames():
    text = PANET.replace("out(", "bu(").replace(": out", ": bu")  # no word of the blocks
    names = {"td": "tx", "bu": "bv"}  # as long and in the same order, so that lines break alike
    assert body(renamed(text, names)) == renamed(body(text), names)


def test_renaming_families_keeps_graph_and_cost_whatever_the_names():
    names = {"td": "z", "out": "a_longer_name", "lateral": "b", "gp": "y0"}
    before, after = compiled(MIXED), compiled(renamed(MIXED, names))
    assert isomorphic(before.layer, after.layer)
    assert before.cost == after.cost


@pytest.mark.parametrize(
    "dead",
    [
        "  x(l): [td(l), x(l-1)]\n",
        "  x: {level: 5, inputs: [td(*), out(3)], width: 8, fusion: softmax}\n",
        "  x(l): [td(l), backbone(5)]\n",
    ],
)
def test_dead_node_changes_nothing_in_the_classes(dead):
    with_dead = compiled(PANET.replace("outputs:", f"{dead}outputs:"))
    assert len(with_dead.layer) > len(compiled(PANET).layer)
    assert classes(with_dead) == classes(compiled(PANET))
    assert with_dead.cost == compiled(PANET).cost


def test_bifpn_written_node_by_node_is_the_derived_one():
    derived, explicit = compile_spec(BIFPN, Options()), compile_spec(EXPLICIT, Options())
    tree = parse_tree(EXPLICIT.read_bytes(), "explicit", Sink())
    assert "passes" not in tree.entries
    assert isomorphic(derived.layer, explicit.layer)
    names = {f"t{level}": f"p{level}_td" for level in (4, 5, 6)}
    names |= {"o3": "p3_td"} | {f"o{level}": f"p{level}_out" for level in (4, 5, 6, 7)}
    found = {name: renamed(source, names) for name, source in classes(explicit).items()}
    assert found == classes(derived)
    assert explicit.cost == derived.cost
