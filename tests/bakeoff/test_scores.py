"""Means, spreads and gaps, and how tables show them."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest

from fpncompiler.comparison.comparison import Comparison, sorted_rows
from fpncompiler.comparison.figures import row_of
from fpncompiler.comparison.forms import as_csv, as_json, as_markdown
from fpncompiler.comparison.page import page_of
from fpncompiler.comparison.scores import Score, Trained, gap, spread
from fpncompiler.comparison.terminal import terminal_lines
from fpncompiler.options import Options
from fpncompiler.pipeline import check_spec
from fpncompiler.spec.finding import found_spec


def compared(*scores, failed=()):
    """FPN, PANet and BiFPN, of which each has an AP for each seed."""
    rows = []
    for name, values in zip(("fpn", "panet", "bifpn"), scores, strict=True):
        row = row_of(check_spec(found_spec(name), Options()), name, f"specs/{name}.yaml")
        found = tuple(Score(seed, ap, ap / 2) for seed, ap in enumerate(values))
        rows.append(replace(row, scores=found))
    seeds = tuple(range(max(map(len, scores))))
    trained = Trained("cells", 73, 2, 52, 8, 320, seeds, "runs", {"epochs": 2}, (), failed)
    return Comparison(tuple(rows), "fpn", trained=trained)


def test_means_and_sample_deviations():
    assert spread([]) is None
    one = spread([0.25])
    assert (one.mean, one.deviation, one.count) == (0.25, None, 1)
    three = spread([0.1, 0.2, 0.3])
    assert three.mean == pytest.approx(0.2)
    assert three.deviation == pytest.approx(0.1)


def test_gaps_have_the_error_of_welch():
    own, base = spread([0.30, 0.34, 0.38]), spread([0.20, 0.21])
    found = gap(own, base)
    assert found.difference == pytest.approx(0.135)
    # the sum of each variance over its number of seeds
    assert found.error == pytest.approx(math.sqrt(0.0016 / 3 + 0.00005 / 2))
    assert found.is_beyond
    assert not gap(spread([0.1, 0.3]), spread([0.2, 0.25])).is_beyond
    assert gap(spread([0.1]), base).is_beyond is None
    assert gap(None, base) is None
    assert not gap(base, base).is_beyond
    assert not gap(spread([0.2, 0.2]), spread([0.2, 0.2])).is_beyond


def test_the_terminal_shows_means_spreads_and_gaps():
    lines = terminal_lines(compared([0.1, 0.12, 0.11], [0.2, 0.21, 0.22], [0.1, 0.2, 0.3]))
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "fpn        0.110  0.010    0.055  0.005                              3" in text
    assert "panet      0.210  0.010    0.105  0.005    +0.100  0.008    yes      3" in text
    assert "bifpn      0.200  0.100    0.100  0.050    +0.090  0.058     no      3" in text
    words = " ".join(lines)
    assert "73 images of the split val of cells, after 2 epochs (52 steps of 8 images" in words
    assert "Means over 3 seeds" in words
    assert "may be chance" in words


def test_one_seed_has_no_spread():
    text = " ".join(terminal_lines(compared([0.1], [0.2], [0.3])))
    assert "One seed: no spread is known" in text
    assert "+0.200      -      -" in text


def test_runs_that_broke_off_leave_gaps_in_the_table():
    found = compared([0.1, 0.2], [], [0.3], failed=("panet-seed0", "panet-seed1", "bifpn-seed1"))
    lines = terminal_lines(found)
    (panet,) = (line for line in lines if line.startswith("panet") and line.endswith(" 0"))
    assert panet.split() == ["panet", *"-" * 7, "0"]
    assert "not counted: panet-seed0, panet-seed1, bifpn-seed1." in " ".join(lines)
    assert [row.topology for row in sorted_rows(found.rows, "ap", descending=True)] == [
        *("bifpn", "fpn", "panet"),
    ]
    fpn, panet, bifpn = json.loads(as_json(found, ()))["rows"]
    assert panet["ap"] is None
    assert panet["seeds"] == 0
    assert bifpn["ap_deviation"] is None
    assert bifpn["ap_above_baseline"] == pytest.approx(0.15)
    assert bifpn["ap_above_baseline_error"] is None
    assert fpn["ap_above_baseline"] is None
    assert "| - | - | - | - |" in as_markdown(found)
    assert "AP" in page_of(found, (), ())


def test_programs_and_documents_get_the_same():
    found = compared([0.1, 0.12], [0.2, 0.22], [0.3, 0.3])
    fpn, panet, bifpn = csv.DictReader(io.StringIO(as_csv(found)))
    assert float(panet["ap"]) == pytest.approx(0.21)
    assert panet["ap_above_baseline_is_beyond"] == "True"
    assert fpn["ap_above_baseline"] == ""
    assert float(bifpn["ap50_deviation"]) == 0
    assert json.loads(as_json(found, ()))["trained"]["recipe"] == {"epochs": 2}
    assert "| 0.210 +- 0.014 | 0.105 +- 0.007 | +0.100 +- 0.014 | yes |" in as_markdown(found)
    page = page_of(found, (), ())
    assert "standard deviation 0.014 over 2 seeds; +0.100 to fpn, standard error 0.014" in page
    assert '"y":"ap"' in page


def test_a_comparison_without_training_says_nothing_of_it():
    found = replace(compared([0.1], [0.2], [0.3]), trained=None)
    assert "AP" not in "\n".join(terminal_lines(found))
    assert "ap" not in json.loads(as_json(found, ()))["rows"][0]
