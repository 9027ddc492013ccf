"""`fpnc plot`: cost curves over phi."""

import builtins
import re
import xml.etree.ElementTree as ET

import pytest

from fpncompiler.cli import main

SVG = "{http://www.w3.org/2000/svg}"


def test_curves_are_the_same_bytes_every_time(project, capsys):
    for name in ("a.svg", "b.svg"):
        assert main(["plot", "fpn", "bifpn", "--phi", "0..2", "-o", name]) == 0
    assert (project / "a.svg").read_bytes() == (project / "b.svg").read_bytes()
    assert ET.parse(project / "a.svg").getroot().tag == f"{SVG}svg"
    assert capsys.readouterr().out == "wrote a.svg\nwrote b.svg\n"


def test_each_topology_has_a_point_a_phi_in_each_panel(project):
    arguments = ["--metric", "network_macs", "--metric", "total_parameters", "-o", "a.svg"]
    assert main(["plot", "fpn", "bifpn", "panet", "--phi", "0,2,5", *arguments]) == 0
    tree = ET.parse(project / "a.svg")
    axes = [g for g in tree.iter(f"{SVG}g") if g.get("id", "").startswith("axes_")]
    assert len(axes) == 2
    for each in axes:
        curves = [g for g in each if g.get("id", "").startswith("line2d_")]
        marked = [[*g.iter(f"{SVG}use")] for g in curves]
        assert [len(uses) for uses in marked if uses][-3:] == [3, 3, 3]


def test_the_suffix_says_the_format(project):
    assert main(["plot", "fpn", "-o", "curves.png"]) == 0
    assert (project / "curves.png").read_bytes().startswith(b"\x89PNG\r\n")
    assert main(["plot", "fpn", "--phi", "1"]) == 0
    assert (project / "build/curves.svg").exists()


def test_a_spec_with_faults_leaves_the_others(project, capsys):
    (project / "faulty.yaml").write_text("fpnc: 1\nname: faulty\n")
    assert main(["plot", "fpn", "faulty.yaml", "--phi", "0..1", "-o", "a.svg"]) == 1
    assert "error[F" in capsys.readouterr().err
    assert (project / "a.svg").exists()


def test_without_matplotlib_the_extra_is_named(project, capsys, monkeypatch):
    import_module = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return import_module(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["plot", "fpn", "-o", "a.svg"]) == 2
    assert "pip install 'fpnc[plot]'" in capsys.readouterr().err
    assert not (project / "a.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fpn", "-o", "curves.pdf"], ".svg or .png"),
        (["fpn", "--metric", "network_mac"], "did you mean `network_macs`?"),
        (["fqn"], "did you mean `fpn`?"),
        (["fpn", "-o", "specs/fpn.yaml/a.svg"], "error[F607]"),
    ],
)
def test_wrong_use_is_told_what_to_do(project, capsys, arguments, message):
    assert main(["plot", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_axis_has_several_labels_however_short(project):
    figure = ["plot", "fpn", "bifpn", "--phi", "0,1", "--metric", "total_macs", "-o", "a.svg"]
    assert main(figure) == 0
    shown = re.findall(r"<!-- (\d+) G -->", (project / "a.svg").read_text())
    assert len(shown) >= 2


def test_equal_curves_and_many_curves_can_be_told_apart(project):
    names = [f"mine{number}" for number in range(10)]
    for name in names:
        (project / f"{name}.yaml").write_text(f"fpnc: 1\nname: {name}\nextends: fpn\n")
    files = [f"{name}.yaml" for name in names]
    assert main(["plot", *files, "--phi", "0,1", "--metric", "total_macs", "-o", "a.svg"]) == 0
    tree = ET.parse(project / "a.svg")
    (axes,) = (g for g in tree.iter(f"{SVG}g") if g.get("id") == "axes_1")
    curves = [g for g in axes if g.get("id", "").startswith("line2d_")]
    styles = [path.get("style") for g in curves for path in g.findall(f"{SVG}path")][-10:]
    assert len({*styles}) == 10
    widths = [float(re.search(r"stroke-width: ([\d.]+)", style).group(1)) for style in styles]
    assert widths == sorted(widths, reverse=True)
