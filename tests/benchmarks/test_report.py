import json
from xml.etree import ElementTree

import pytest

from benchmarks.speed import command
from benchmarks.speed.plan import plan, processes
from benchmarks.speed.report import markdown
from benchmarks.speed.results import (
    Finding,
    Quartiles,
    Results,
    Row,
    Setting,
    Table,
    load_results,
)

SETTING = Setting(phi=0, threads=2, allocator="default", side=512)
ROWS = [
    Row(
        "effdet",
        "effdet",
        Quartiles(0.02, 0.021, 0.03),
        Quartiles(1, 1, 1),
        {"peak live MB": 8.0},
    ),
    Row(
        "fpnc, fused",
        "ours",
        Quartiles(0.0069, 0.007, 0.0071),
        Quartiles(2.9, 3.0, 3.1),
        {"peak live MB": 4.0},
    ),
    Row("fpnc, other", "ours", note="refused: a | b"),
]
KEY = "network d0 t2 default"


@pytest.fixture
def results():
    table = Table("Feature network alone", SETTING, ROWS, "effdet", 7, ["A note."])
    finding = Finding("network", "2026-11-22 10:00", 12.0, 0.5, [table])
    return Results(command.describe_machine(command.ROOT), {KEY: finding})


def test_results_survive_their_file(results, tmp_path):
    results.save(tmp_path / "benchmarks.json")
    assert load_results(tmp_path / "benchmarks.json") == results
    assert [path.name for path in tmp_path.iterdir()] == ["benchmarks.json"]


def test_report_has_tables_with_quartiles_and_the_machine(results):
    text = markdown(results, pictured=False)
    assert (
        "**Feature network alone: D0, 1 image of 512 px, 2 threads, malloc default, 7 rounds**"
    ) in text
    assert "| effdet | 1.00 (1.00 to 1.00) | 21.0 (20.0 to 30.0) | 8 |" in text
    assert "| fpnc, fused | 3.00 (2.90 to 3.10) | 7.00 (6.90 to 7.10) | 4 |" in text
    assert r"refused: a \| b" in text
    assert "A note." in text
    assert "| torch | 2." in text
    assert "| feature network alone | fpnc, fused | 3.00x |" in text
    assert "| live memory, network | fpnc, fused | 2.00x |" in text


def test_report_only_renders_and_tells_of_refusals(results, tmp_path, capsys):
    results.save(tmp_path / "benchmarks.json")
    assert command.main(["--report-only", "--out", str(tmp_path)]) == 1
    assert "Feature network alone" in (tmp_path / "benchmarks.md").read_text()
    assert command.troubles(results) == [f"{KEY}: fpnc, other"]


def test_picture_is_an_svg_with_the_same_bytes_each_time(results, tmp_path):
    pytest.importorskip("matplotlib")
    from benchmarks.speed.picture import draw

    assert draw(results, tmp_path / "one.svg")
    assert draw(results, tmp_path / "two.svg")
    assert ElementTree.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_results_of_another_machine_are_not_mixed_in(results, tmp_path, capsys):
    results.machine["torch"] = "1.0"
    results.save(tmp_path / "benchmarks.json")
    assert command.main(["--only", "network", "--out", str(tmp_path)]) == 2
    assert "another machine" in capsys.readouterr().err
    assert json.loads((tmp_path / "benchmarks.json").read_text())["machine"]["torch"] == "1.0"


def test_resume_measures_nothing_that_is_there(results, tmp_path, monkeypatch):
    results.save(tmp_path / "benchmarks.json")
    started = []
    monkeypatch.setattr(command, "run_process", lambda group, *_: started.extend(group) or [])
    arguments = ["--resume", "--only", "network", "--out", str(tmp_path)]
    command.main(arguments)
    assert [job.key for job in started] == ["network d3 t2 default"]


def test_a_process_that_dies_costs_one_section(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "run_process", lambda group, *_: list(group))
    only = ["--only", "network,detector", "--phi", "0", "--threads", "2"]
    assert command.main([*only, "--out", str(tmp_path)]) == 1
    found = load_results(tmp_path / "benchmarks.json").findings
    assert [f.failure[:17] for f in found.values()] == ["the process ended"] * 2


def test_unknown_section_is_told(tmp_path, capsys):
    assert command.main(["--only", "netwrok", "--out", str(tmp_path)]) == 2
    assert "no section netwrok" in capsys.readouterr().err


def test_a_process_has_one_setting_and_every_job_is_planned_once():
    jobs = plan()
    groups = processes(jobs)
    assert all(len({job.setting for job in group}) == 1 for group in groups)
    assert sorted(job.key for group in groups for job in group) == sorted({j.key for j in jobs})
    assert all(len(group) == 1 for group in groups if group[0].section == "memory")
    assert {job.setting.phi for job in plan(quick=True)} == {0}


def test_worker_gets_threads_and_allocator_before_it_starts(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    env = command.environment(1, "tuned")
    assert (env["OMP_NUM_THREADS"], env["MALLOC_MMAP_THRESHOLD_"]) == ("1", "4294967296")
    assert not any(name.startswith("MALLOC_") for name in command.environment(2, "default"))
