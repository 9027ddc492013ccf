"""Runs on Ray clusters of this machine, which are stopped in the end."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fpncompiler.bakeoff import ray_cluster
from fpncompiler.bakeoff.running import Finished, Results
from tests.bakeoff.conftest import QUICK, SMALL, bake
from tests.conftest import ROOT

ray = pytest.importorskip("ray")
STATES = "runs/*/state/step-*"


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes of one CPU each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", ROOT.as_posix())
    size = {"num_cpus": 1, "object_store_memory": 80 << 20}
    head = {**size, "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=head)
    found.add_node(**size)
    found.wait_for_nodes()
    yield found.address
    ray.shutdown()
    found.shutdown()


def children(pid):
    """The processes that a process has begun, and theirs."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found, new = set(), {pid}
    while new:
        new = {own for own, parent in pairs if parent in new}
        found |= new
    return found


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_both_nodes_of_a_cluster_get_work(place, capsys, cluster):
    words = ["fpn", "panet", "--ray", cluster, "--threads", "1", "--json"]
    assert bake(*words) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    nodes = {run["node"] for run in document["trained"]["runs"]}
    assert len(nodes) == 2
    assert [row["seeds"] for row in document["rows"]] == [1, 1]
    assert "run 1/2: fpn_lite0_mobilenetv2_035-seed0  AP" in told.err
    assert not ray.is_initialized()
    # none of the runs is left, so that nobody is asked
    assert bake(*words, "--ray", "localhost:1") == 0
    assert "2 of 2 runs are in runs already" in capsys.readouterr().err
    # what is wrong there is told here
    assert bake("bifpn", "--ray", cluster, "--threads", "2") == 2
    assert "a run takes 2 CPUs, and the largest node" in capsys.readouterr().err
    words = ["bifpn", "--ray", cluster, "--threads", "1", "--runs", "b"]
    assert bake(*words, "--set", "optimizer=adamm") == 2
    told = capsys.readouterr().err
    assert "bifpn_lite0_mobilenetv2_035-seed0: optimizer=adamm" in told
    assert "itself failed" not in told
    assert not ray.is_initialized()


def test_control_c_leaves_states_and_no_process(place, capsys):
    words = [*SMALL, *QUICK, "--train", "data", "--runs", "runs", "--epochs", "40"]
    command = [sys.executable, "-m", "fpncompiler", "compare", "fpn", *words, "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": ROOT.as_posix(), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--ray"], env=environment, stderr=subprocess.PIPE, text=True
    )
    while not list(place.glob(STATES)) and process.poll() is None:
        time.sleep(0.05)
    begun = children(process.pid)
    assert len(begun) > 3
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=100)[1]
    assert process.returncode == 130
    assert "stopped with 1 of 1 runs not finished" in told
    assert "the same command goes on with them" in told
    assert "Traceback" not in told
    deadline = time.monotonic() + 20
    while any(map(is_alive, begun)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [pid for pid in begun if is_alive(pid)]
    (newest,) = (max(place.glob(STATES)),)
    assert int(newest.name.removeprefix("step-")) < 80


def test_a_run_on_a_dead_node_is_done_on_another(tmp_path, monkeypatch):
    """The rule that Ray is told, tried on a process that ends at once, the first time."""
    monkeypatch.setenv("PYTHONPATH", ROOT.as_posix())
    monkeypatch.setattr(ray_cluster, "_task", dying)
    run = Named(tmp_path)
    results = ray_cluster.on_cluster([run], Nobody(), "local", 1)
    assert isinstance(results, Results)
    assert results.finished["run"].figures == {"AP": 0.5}
    assert not ray.is_initialized()


class Named:
    """As much of a run as a cluster needs."""

    name = "run"

    def __init__(self, folder):
        self.folder = folder


class Nobody:
    """Watches nothing."""

    def on_note(self, text):
        pass

    def on_end(self, run, result):
        pass


def dying(folder, threads):
    """A task whose process is killed the first time."""
    mark = os.path.join(folder, "mark")
    if not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return ray_cluster.Told(Finished({"AP": 0.5}, 1, 1.0, "node"))


def test_a_node_without_the_folder_says_so(tmp_path, monkeypatch):
    class Context:
        def get_node_id(self):
            return "abc"

    monkeypatch.setattr(ray, "get_runtime_context", Context)
    told = ray_cluster._task((tmp_path / "absent").as_posix(), 1)
    assert told.finished is None
    assert "node abc has no such folder" in told.message
    assert "share the file system" in told.help
