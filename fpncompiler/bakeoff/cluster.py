"""Trials as tasks of a Ray cluster, whose nodes share the folder of the runs and the data."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fpncompiler.bakeoff.plan import Bakeoff, BakeoffError, Trial
from fpncompiler.bakeoff.running import Result, finished, run_trial
from fpncompiler.training.progress import Silent

if TYPE_CHECKING:
    from types import ModuleType

LOCAL = "local"
SECONDS = 5.0  # until a cluster must have answered


def run_on_cluster(bakeoff: Bakeoff, address: str, threads: int) -> Iterator[Result]:
    """The results as they come in.

    Args:
        address: of a running cluster, `auto` for the one that this machine is part of, or `local`
            for one that is started here and ends with the bake-off.
        threads: processors of a trial; it has a GPU too where the cluster has any.

    Raises:
        BakeoffError: Ray is not installed, there is no such cluster, or a node was lost.
    """
    waiting = []
    for trial in bakeoff.trials:
        done = finished(trial, bakeoff)
        if done is None:
            waiting.append(trial)
        else:
            yield done
    if not waiting:
        return
    with _cluster(address) as ray:
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=2)(_on_node)
        shared = ray.put(bakeoff)
        refs = [task.remote(trial, shared, threads) for trial in waiting]
        try:
            while refs:
                ready, refs = ray.wait(refs, num_returns=1)
                yield ray.get(ready[0])
        except ray.exceptions.RayError as error:
            help = "the same command goes on where it stopped"
            raise BakeoffError(f"the cluster failed: {error}", help) from None
        finally:
            for ref in refs:
                ray.cancel(ref, force=True)


def _on_node(trial: Trial, bakeoff: Bakeoff, threads: int) -> Result:
    """What a node does: the trial, with the threads that were asked for."""
    from dataclasses import replace

    import ray
    import torch

    torch.set_num_threads(threads)
    node = str(ray.get_runtime_context().get_node_id())
    return replace(run_trial(trial, bakeoff, Silent()), node=node)


@contextmanager
def _cluster(address: str) -> "Iterator[ModuleType | Any]":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise BakeoffError("Ray is not installed", "pip install 'fpnc[ray]'") from error
    try:
        _knock(address)
        ray.init(
            address=address,
            include_dashboard=None if address != LOCAL else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise BakeoffError(
            f"there is no Ray cluster at {address}: {error}",
            "`ray start --head` begins one; `--ray local` starts one for this command",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody answers; Ray itself would try for more than a minute.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=SECONDS).close()
