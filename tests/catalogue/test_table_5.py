"""The ratios of the paper's table 5, as they were reproduced from the graphs by another program."""

import json

import pytest

from fpncompiler.cli import main

REPRODUCED = {
    "top_down_fpn": (1.000, 0.996),
    "fpn_panet": (1.0, 1.0),
    "nas_fpn_plain": (0.745, 0.726),
    "fully_connected_fpn": (1.241, 1.219),
    "bifpn_without_weights": (0.875, 0.671),
    "bifpn_with_weights": (0.875, 0.686),
}
COMMAND = ["compare", "table_5", "--phi", "3", "--against", "table_5"]


def test_ratios_are_within_one_percent(capsys):
    assert main([*COMMAND, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    found = {
        row["topology"]: (row["network_parameters_ratio"], row["network_operations_ratio"])
        for row in rows
    }
    assert found.keys() == REPRODUCED.keys()
    for topology, expected in REPRODUCED.items():
        assert found[topology] == pytest.approx(expected, rel=0.01), topology


def test_they_are_printed_beside_the_papers(capsys):
    assert main(COMMAND) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    row = ["bifpn_with_weights", "network_operations_ratio", "0.680", "0.680", "-0.1%"]
    assert row in lines
    assert sum(line[1:2] == ["network_parameters_ratio"] for line in lines) == len(REPRODUCED)
