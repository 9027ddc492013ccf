"""A compiler that is killed leaves the old file or the new one, and what the next run sweeps."""

import itertools
import os
import random
import shutil
import signal
import time

import pytest

from fpncompiler.codegen.files import write_file
from fpncompiler.pipeline import Options, compile_spec
from tests.writing.scenarios import (
    HEAVY,
    LEFT,
    SCENARIOS,
    SPEC,
    compiled,
    quick_folder,
    temporaries,
    watched,
)

KILLS = 1000 if HEAVY else 150


@pytest.fixture
def folders(tmp_path):
    with quick_folder(tmp_path) as root:
        yield (_made(root / str(number)) for number in itertools.count())


def _made(path):
    path.mkdir()
    return path


def forked(work):
    """A child that does some work and ends."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    finally:
        os._exit(99)


def ended(child):
    """How a child ended: minus a signal, or an exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def assert_nothing_is_lost(scenario, path):
    assert scenario.is_whole(path)
    folder = path.parents[1]
    scenario.write(path)
    assert path.read_text() == compiled(64)
    assert temporaries(folder) == []
    if scenario.force:
        assert any(kept.read_text() == scenario.old for kept in path.parent.glob("*.orig*"))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_death_at_every_call_loses_nothing(folders, name, moment):
    scenario = SCENARIOS[name]
    path = scenario.lay(next(folders))
    with watched() as calls:
        scenario.write(path)
    left = 0
    for number in range(len(calls)):
        path = scenario.lay(next(folders))

        def die(at, _, number=number):
            if at == number:
                os.kill(os.getpid(), signal.SIGKILL)

        def work(path=path, die=die):
            with watched(**{moment: die}):
                scenario.write(path)

        assert ended(forked(work)) == -signal.SIGKILL
        left += bool([file for file in temporaries(path.parents[1]) if file.name != LEFT])
        assert_nothing_is_lost(scenario, path)
    assert left >= 5 or name == "current"


def test_death_in_a_compilation_loses_nothing(tmp_path):
    """The whole of it, from the spec on, so that half of the kills fall before the writing."""
    spec = tmp_path / "specs/mine.yaml"
    spec.parent.mkdir()
    spec.write_text(SPEC.format(width=64))

    def work(path):
        write_file(path, compile_spec(spec, Options()).source)

    begun = time.monotonic()
    compile_spec(spec, Options())
    longest = 1.5 * (time.monotonic() - begun)
    kill_often(tmp_path, work, KILLS // 3, longest)


def test_death_in_the_midst_of_writing_loses_nothing(tmp_path):
    """A process that does nothing but write one text and another, so that each kill hits."""

    def work(path):
        for width in itertools.cycle((64, 72)):
            write_file(path, compiled(width))

    count = kill_often(tmp_path, work, KILLS - KILLS // 3, 0.02)
    assert min(count.values()) > KILLS / 50


def kill_often(root, work, kills, longest):
    """Kill processes after random times; what was there afterwards."""
    scenario, draw = SCENARIOS["stale"], random.Random(20)
    count = {"new": 0, "old": 0, "left": 0}
    for number in range(kills):
        (root / str(number)).mkdir()
        path = scenario.lay(root / str(number))
        child = forked(lambda path=path: work(path))
        time.sleep(draw.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        ended(child)
        count["new" if path.read_text() == compiled(64) else "old"] += 1
        count["left"] += bool(temporaries(path.parent))
        assert_nothing_is_lost(scenario, path)
        shutil.rmtree(root / str(number))
    print(f"{kills} kills: {count}")
    return count


def test_an_interruption_by_the_user_leaves_nothing_behind(folders):
    """Control-C at every call: Python cleans up itself."""
    scenario = SCENARIOS["edited"]
    path = scenario.lay(next(folders))
    with watched() as calls:
        scenario.write(path)
    for number in range(len(calls)):
        path = scenario.lay(next(folders))

        def interrupt(at, _, number=number):
            if at == number:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), watched(before=interrupt):
            scenario.write(path)
        assert scenario.is_whole(path)
        in_the_end = number == len(calls) - 3  # the unlink that finds nothing
        assert temporaries(path.parent) == [] or in_the_end
        scenario.write(path)
