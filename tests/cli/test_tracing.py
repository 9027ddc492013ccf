"""`fpnc compile --print-ir-after` and `--time-passes`."""

import re

import pytest

from fpncompiler.cli import main
from fpncompiler.ir.network import Network
from fpncompiler.opt import optimize, parse_ir
from fpncompiler.passes import REWRITES, TRACED
from fpncompiler.pipeline import Options, check_spec
from tests.helpers import ROOT

BIFPN = (ROOT / "specs/bifpn.yaml").as_posix()
LOWERING = ["infer_widths", "remove_dead_nodes", "insert_resampling", "insert_adapters"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def printed(capsys, *words: str) -> list[tuple[str, str]]:
    """The passes in the order of what was printed, each with its text."""
    assert main(["compile", BIFPN, *words]) == 0
    parts = re.split(r"^# after (\w+)\n", capsys.readouterr().out, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_graphs_are_printed_in_the_order_of_the_passes(capsys, tmp_path):
    names = [name for name, _ in printed(capsys, "--print-ir-after", "all", "--inference")]
    layers = len(check_spec(BIFPN, Options()).network.layers)
    assert names == [
        *("build", "prune_single_input", "add_same_level_skip"),
        *("add_extra_levels", *LOWERING),
        *(LOWERING * layers),
        *("repeat", "fold_for_inference"),
    ]
    assert not [*tmp_path.iterdir()], "no file is written"


@pytest.mark.parametrize("name", REWRITES)
def test_a_pass_on_what_the_one_before_left_leaves_the_same(capsys, name):
    found = dict(printed(capsys, "--print-ir-after", "all")[:3])
    before = [*found][[*found].index(name) - 1]
    assert optimize(found[before].encode(), "before", [name]) == found[name].strip("\n") + "\n"


def test_the_last_is_the_network_that_is_compiled(capsys):
    ((name, text),) = printed(capsys, "--print-ir-after", "repeat", "--phi", "3")
    (network,) = parse_ir(text.encode(), "printed")
    assert name == "repeat"
    assert isinstance(network, Network)
    assert sum(layer.repeats for layer in network.layers) == 6


def test_passes_are_printed_up_to_the_fault_of_a_spec(capsys, tmp_path):
    text = "fpnc: 1\nname: broken\nlevels: 3..5\nnodes:\n  a(l): [in(l), in(l+1)]\n"
    (tmp_path / "broken.yaml").write_text(f"{text}outputs: [a(3)]\ndepth: 2\n")
    assert main(["compile", "broken.yaml", "--print-ir-after", "all"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("# after build\ngraph broken\n")
    assert "# after repeat" not in captured.out
    assert "error[F304]" in captured.err


def test_the_mirror_of_a_branch_is_printed(capsys):
    spec = (ROOT / "specs/qufpn.yaml").as_posix()
    assert main(["compile", spec, "--print-ir-after", "mirror"]) == 0
    assert capsys.readouterr().out.startswith("# after mirror\ngraph ")


@pytest.mark.parametrize("name", sorted(set(TRACED)))
def test_every_pass_can_be_asked_for(capsys, name):
    code = main(["compile", BIFPN, "--print-ir-after", name])
    captured = capsys.readouterr()
    if name in ("mirror", "fold_for_inference"):
        assert code == 2
        assert f"{name} did not run here; these passes did: build, " in captured.err
    else:
        assert code == 0
        assert captured.out.startswith(f"# after {name}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([BIFPN, "--print-ir-after", "prune_single_inputs"], "`prune_single_input`"),
        ([BIFPN, "--print-ir-after", "zzz"], "`build`"),
        ([BIFPN, "--print-ir-after", "all", "--check"], "no file to --check"),
        (["--all", "--print-ir-after", "all"], "no --all"),
        (["--all", "--time-passes"], "no --all"),
    ],
)
def test_wrong_uses_say_what_is_right(capsys, words, message):
    assert main(["compile", *words]) == 2
    assert message in capsys.readouterr().err


def test_times_of_all_parts_add_up(capsys, tmp_path):
    assert main(["compile", BIFPN, "--phi", "3", "--time-passes"]) == 0
    captured = capsys.readouterr()
    assert "wrote generated/bifpn_d3.py" in captured.out
    rows = [line.rsplit(maxsplit=3) for line in captured.err.splitlines()[1:-1]]
    parts = {name: (int(runs), float(ms), int(share)) for name, runs, ms, share in rows}
    assert [*parts][:3] == ["read", "build", "verify"]
    assert {"prune_single_input", *LOWERING, "repeat", "cost", "lint", "write code"} <= {*parts}
    whole = float(captured.err.splitlines()[-1].split()[1])
    assert abs(sum(ms for _, ms, _ in parts.values()) - whole) < 0.1 * len(parts)
    assert abs(sum(share for *_, share in parts.values()) - 100) <= len(parts) / 2
    assert parts["insert_adapters"][0] == 3, "the extra levels, the first layer, the others"
