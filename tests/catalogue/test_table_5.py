"""The ratios of the paper's table 5, as they were reproduced from the graphs by another program."""

import pytest

from benchmarks.table_5 import ROWS, main, ratios

REPRODUCED = {
    "repeated top-down FPN": (1.000, 0.996),
    "repeated FPN+PANet": (1.0, 1.0),
    "NAS-FPN": (0.745, 0.726),
    "fully-connected FPN": (1.241, 1.219),
    "BiFPN without weights": (0.875, 0.671),
    "BiFPN with weights": (0.875, 0.686),
}


def test_ratios_are_within_one_percent():
    found = dict(zip((row.title for row in ROWS), ratios(), strict=True))
    assert found.keys() == REPRODUCED.keys()
    for title, expected in REPRODUCED.items():
        assert found[title] == pytest.approx(expected, rel=0.01), title


def test_they_are_printed_beside_the_papers(capsys):
    main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(ROWS)
    assert lines[-1].split() == ["BiFPN", "with", "weights", "0.875x", "0.88x", "0.680x", "0.68x"]
