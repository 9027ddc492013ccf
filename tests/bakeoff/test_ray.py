"""Runs on a Ray cluster of two nodes, which is stopped in the end."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bakeoff.conftest import QUICK, SMALL, bake
from tests.conftest import ROOT

ray = pytest.importorskip("ray")


@pytest.fixture
def cluster(monkeypatch):
    """The address of two nodes of one CPU each, on this machine."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", ROOT.as_posix())
    size = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=size)
    found.add_node(**size)
    found.wait_for_nodes()
    yield found.address
    ray.shutdown()
    found.shutdown()


def test_both_nodes_of_a_cluster_get_work(place, capsys, cluster):
    words = ["fpn", "panet", "--ray", cluster, "--threads", "1", "--seeds", "0..1", "--json"]
    assert bake(*words) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    nodes = {run["node"] for run in document["trained"]["runs"]}
    assert len(nodes) == 2
    assert [row["seeds"] for row in document["rows"]] == [2, 2]
    assert "run 1/4: fpn_lite0_mobilenetv2_035-seed0  AP" in told.err
    assert not ray.is_initialized()
    # the same runs, of which none is left: nothing is started
    assert bake(*words[:2], "--ray", "localhost:1", "--seeds", "0..1") == 0
    assert "4 of 4 runs are in runs already" in capsys.readouterr().err
    assert bake("bifpn", "--ray", cluster, "--threads", "2") == 2
    assert "a run takes 2 CPUs, and the largest node" in capsys.readouterr().err
