"""The runs of a bake-off on a Ray cluster, one task each.

The driver makes all run folders; a task is given the path of one, does the run there, and what
came of it returns by the same folder. So all nodes must share a file system, and have fpnc
installed. A run whose node dies is begun again on another, from its last state.
"""

import contextlib
import importlib.util
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpncompiler.bakeoff.plan import BakeoffError, Run
from fpncompiler.bakeoff.running import Audience, Failed, Finished, Result, Results, perform
from fpncompiler.diagnostics import UserError
from fpncompiler.training.progress import InterruptedRunError, LossError, Silent

INSTALL = "pip install 'fpnc[ray]'"
START = "start one: `ray start --head`, or give --ray without an address"
POLL = 1.0  # seconds between looks at the tasks, in which Control-C is heard
ANSWER = 5.0  # seconds that a cluster has to take a connection
GRACE = 60.0  # seconds in which runs may save their state when the bake-off is stopped
RETRIES = 2  # of a run whose process or node dies
ENVIRONMENT = {  # what Ray reads when it is imported or started; the user's own values win
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
MEMORY = 80 << 20  # bytes of the object store of a cluster made here: no tensor goes through it


@dataclass(frozen=True, slots=True)
class Told:
    """What a task returns. An error is told by its parts, for it may not be known where it goes."""

    finished: Finished | None = None
    message: str = ""
    help: str = ""
    is_run_alone: bool = False  # the fault is of this run; any other may go well
    notes: tuple[str, ...] = ()


class Notes(Silent):
    """Keeps what a run has to tell for the driver."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_note(self, text: str) -> None:
        """Keep it."""
        self.texts.append(text)


def require_ray() -> None:
    """See whether Ray is installed.

    Raises:
        BakeoffError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise BakeoffError("--ray needs ray, which is not installed", INSTALL)


def on_cluster(runs: Sequence[Run], audience: Audience, address: str, threads: int) -> Results:
    """Do runs on a cluster; each takes `threads` CPUs, and a GPU where there are any.

    Args:
        address: `local` for a cluster of this machine that ends with the bake-off, else one that
            is there already: `auto`, or HOST:PORT.

    Raises:
        BakeoffError: there is no such cluster, no node is large enough, or no run can be done.
        InterruptedRunError: somebody stopped it; the same command goes on.
    """
    import ray

    results = Results()
    with _connected(address):
        gpus = _insist_on_room(threads)
        task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES)(_task)
        waiting = {task.remote(run.folder.resolve().as_posix(), threads): run for run in runs}
        try:
            while waiting:
                ready, _ = ray.wait([*waiting], timeout=POLL)
                for each in ready:
                    run = waiting.pop(each)
                    result = _result(each, run, audience)
                    results.add(run, result)
                    audience.on_end(run, result)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                f"stopped with {len(waiting)} of {len(runs)} runs not finished",
                "the same command goes on with them",
            ) from None
        finally:
            _end([*waiting])
    return results


@contextlib.contextmanager
def _connected(address: str) -> Iterator[None]:
    """Ray at work; whatever happens, its processes end, or the cluster is left."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    import ray

    if address not in ("auto", "local"):
        _insist_on_answer(address)
    own: dict[str, Any] = {}
    if address == "local":
        own = {"object_store_memory": MEMORY, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **own,
        )
    except (OSError, RuntimeError, ValueError) as error:
        ray.shutdown()
        where = "no Ray cluster can be started" if own else f"no Ray cluster answers at {address}"
        raise BakeoffError(
            f"{where}: {str(error).splitlines()[0]}",
            START,
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _insist_on_answer(address: str) -> None:
    """See whether anybody listens there, for Ray itself tries for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER):
            return
    except (OSError, OverflowError) as error:
        raise BakeoffError(f"no Ray cluster answers at {address}: {error}", START) from None


def _insist_on_room(threads: int) -> int:
    """The GPUs that a run takes: 1, or 0 where there are none.

    Raises:
        BakeoffError: no node has CPUs enough, so that no run would ever begin.
    """
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    most = max((node["Resources"].get("CPU", 0) for node in nodes if node["Alive"]), default=0)
    if most < threads:
        raise BakeoffError(
            f"a run takes {threads} CPUs, and the largest node of the cluster has {most:g}",
            f"give --threads {max(1, int(most))}",
        )
    return int(any(node["Resources"].get("GPU", 0) for node in nodes if node["Alive"]))


def _task(folder: str, threads: int) -> Told:
    """A run, on the node that Ray has chosen."""
    import ray
    import torch

    torch.set_num_threads(threads)
    notes = Notes()
    if not Path(folder).is_dir():
        return Told(
            message=f"{folder}: node {ray.get_runtime_context().get_node_id()} has no such folder",
            help="all nodes must share the file system that --runs is on",
        )
    try:
        node = ray.get_runtime_context().get_node_id()
        finished = perform(Path(folder), notes, device="auto", node=node)
    except UserError as error:
        alone = isinstance(error, LossError)
        return Told(None, str(error), error.help, alone, tuple(notes.texts))
    return Told(finished, notes=tuple(notes.texts))


def _result(task: Any, run: Run, audience: Audience) -> Result:
    """What a task has told.

    Raises:
        BakeoffError: what is wrong there is wrong with all of them.
    """
    import ray

    try:
        told: Told = ray.get(task)
    except ray.exceptions.RayError as error:
        return Failed(f"Ray: {str(error).strip().splitlines()[-1]}", "the same command tries again")
    for note in told.notes:
        audience.on_note(f"{run.name}: {note}")
    if told.finished is not None:
        return told.finished
    if told.is_run_alone:
        return Failed(told.message, told.help)
    raise BakeoffError(f"{run.name}: {told.message}", told.help)


def _end(tasks: Sequence[Any]) -> None:
    """Ask what still runs to stop, and wait until it has saved its state."""
    import ray

    for task in tasks:
        ray.cancel(task)
    if tasks:
        ray.wait([*tasks], num_returns=len(tasks), timeout=GRACE)
