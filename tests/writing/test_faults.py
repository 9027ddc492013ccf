"""Each call of a writing fails once, in each way: the old file stays, or the new one is whole."""

import errno
import itertools
import os
import resource
import signal
import subprocess
import sys

import pytest

from fpncompiler import authoring, pipeline
from fpncompiler.cli import main
from fpncompiler.codegen import files
from fpncompiler.codegen.files import WriteRefusedError
from tests.writing.scenarios import (
    LEFT,
    SCENARIOS,
    SPEC,
    compiled,
    quick_folder,
    temporaries,
    watched,
)

ERRORS = [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EROFS, errno.EINTR]
CREATE = "open fchmod write fsync close stat".split()  # the temporary, and another look


@pytest.fixture
def folders(tmp_path):
    """Empty folders, as many as one likes."""
    with quick_folder(tmp_path) as root:
        yield (_made(root / str(number)) for number in itertools.count())


def _made(path):
    path.mkdir()
    return path


def traced(scenario, folder):
    """The calls that a writing makes, in order."""
    path = scenario.lay(folder)
    with watched() as calls:
        scenario.write(path)
    return calls


def failing(number, error):
    def hook(at, name):
        if at == number:
            raise OSError(error, os.strerror(error))

    return hook


def outcome(scenario, path, hook):
    """Write while a hook interferes; the refusal, if it came to one."""
    try:
        with watched(before=hook):
            scenario.write(path)
    except WriteRefusedError as error:
        return error
    return None


def test_calls_are_the_expected_ones(folders):
    """A change to the order of writing is a change to what is safe: look at it twice."""
    found = {name: " ".join(traced(s, next(folders))) for name, s in SCENARIOS.items()}
    begin, end = "open flock listdir", "replace unlink fsync close"
    new = "open write fsync close stat"
    keep = "stat open fsync close link fsync"
    read = "stat open read read close"
    assert found == {
        "new folder": f"open mkdir mkdir mkdir open flock listdir stat {new} {end}",
        "new": f"{begin} stat {new} {end}",
        "stale": f"{begin} {read} {' '.join(CREATE)} {end}",
        "edited": f"{begin} {read} stat {' '.join(CREATE)} {keep} {end}",
        "link": f"{begin} stat stat open fchmod write fsync close stat stat link fsync {end}",
        "left": f"{begin} stat unlink {read} {' '.join(CREATE)} {end}",
        "current": f"{begin} stat unlink {read} close",
    }


# the calls that may fail, as (name, which one of its name), beside those that are interrupted
SURVIVED = {
    "new folder": {("listdir", 0), ("unlink", 0), ("close", 1)},
    "new": {("listdir", 0), ("unlink", 0), ("close", 1)},
    "stale": {("listdir", 0), ("unlink", 0), ("close", 0), ("close", 2)},
    "edited": {("listdir", 0), ("unlink", 0), ("close", 0), ("close", 2), ("close", 3)},
    "link": {("listdir", 0), ("unlink", 0), ("close", 1)},
    "left": {("listdir", 0), ("stat", 0), ("unlink", 0), ("unlink", 1), ("close", 0), ("close", 2)},
    "current": {("listdir", 0), ("stat", 0), ("unlink", 0), ("close", 0), ("close", 1)},
}


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_failing_call_tears_nothing(folders, name, error):
    scenario = SCENARIOS[name]
    calls = traced(scenario, next(folders))
    survived = set()
    for number, call in enumerate(calls):
        path = scenario.lay(next(folders))
        refusal = outcome(scenario, path, failing(number, error))
        in_place = path.exists() and path.read_text() == compiled(64)
        if refusal is None:
            assert in_place
            survived.add((call, calls[:number].count(call)))
        else:
            assert refusal.code == "F607"
            assert os.strerror(error) in str(refusal)
            assert "\n  = help: " in str(refusal)
            done = "wrote" if in_place and name != "current" else "cannot write"
            assert str(refusal).startswith(f"{done} {path.as_posix()}")
        assert scenario.is_whole(path)
        assert [left.name for left in temporaries(path.parents[1])] in ([], [LEFT])
        scenario.write(path)
        assert path.read_text() == compiled(64)
        assert temporaries(path.parents[1]) == []
        assert len([*path.parent.glob("*.orig*")]) <= scenario.force
    every = {(call, calls[:number].count(call)) for number, call in enumerate(calls)}
    assert survived == (every if error == errno.EINTR else SURVIVED[name])


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS])
@pytest.mark.parametrize("name", ["edited", "link"])
def test_where_a_file_has_one_name_the_kept_one_is_renamed(folders, name, error):
    scenario = SCENARIOS[name]
    calls = traced(scenario, next(folders))
    link = calls.index("link")
    path = scenario.lay(next(folders))
    with watched(before=failing(link, error)) as again:
        scenario.write(path)
    assert scenario.is_whole(path)
    for second in range(link + 1, len(again)):
        path = scenario.lay(next(folders))

        def hook(at, name, second=second):
            if at in (link, second):
                raise OSError(error if at == link else errno.EIO, "")

        refusal = outcome(scenario, path, hook)
        assert refusal is None or refusal.code == "F607"
        assert path.is_file()
        assert scenario.is_whole(path)
        assert temporaries(path.parents[1]) == []


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_folder_that_cannot_be_synced_is_no_fault(folders, error):
    scenario = SCENARIOS["stale"]
    calls = traced(scenario, next(folders))
    last = len(calls) - 1 - calls[::-1].index("fsync")
    path = scenario.lay(next(folders))
    with watched(before=failing(last, error)):
        scenario.write(path)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_short_writes_are_gone_on_with(folders, monkeypatch, size):
    path = SCENARIOS["stale"].lay(next(folders))
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:size])))
    SCENARIOS["stale"].write(path)
    assert path.read_text() == compiled(64)


@pytest.mark.parametrize("then", ["full", "nothing"])
def test_a_disk_that_fills_up_halfway_tears_nothing(folders, monkeypatch, then):
    path = SCENARIOS["stale"].lay(next(folders))
    write, sizes = os.write, iter([10_000, 1])

    def fills(handle, data):
        size = next(sizes, 0)
        if not size and then == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, bytes(data[:size]))

    monkeypatch.setattr(os, "write", fills)
    with pytest.raises(WriteRefusedError, match="cannot write"):
        SCENARIOS["stale"].write(path)
    assert path.read_text() == compiled(72)
    assert temporaries(path.parent) == []


def test_every_fault_reaches_the_user_as_f607_and_exit_2(project, capsys, monkeypatch):
    spec = project / "mine.yaml"
    spec.write_text(SPEC.format(width=64))
    assert main(["compile", "mine.yaml"]) == 0
    new = (project / "generated/mine_d0.py").read_text()
    spec.write_text(SPEC.format(width=72))
    main(["compile", "mine.yaml"])
    old = (project / "generated/mine_d0.py").read_text()
    spec.write_text(SPEC.format(width=64))
    done = pipeline.compile_spec("mine.yaml", pipeline.Options())
    monkeypatch.setattr(pipeline, "compile_spec", lambda *_: done)
    write_file, state = files.write_file, {}

    def interfered(*args, **kwargs):
        with watched(before=failing(state["number"], errno.ENOSPC)) as calls:
            state["calls"] = calls
            return write_file(*args, **kwargs)

    monkeypatch.setattr(files, "write_file", interfered)
    refused = 0
    for number in range(100):
        state["number"] = number
        (project / "generated/mine_d0.py").write_text(old)
        capsys.readouterr()
        code = main(["compile", "mine.yaml"])
        err = capsys.readouterr().err
        assert (code, "error[F607]: " in err) in [(0, False), (2, True)]
        assert "Traceback" not in err
        assert (project / "generated/mine_d0.py").read_text() in (old, new)
        refused += code == 2
        if number >= len(state["calls"]):
            break
    assert refused >= 10


# What the system itself refuses, without a stand-in.


def in_a_child(work):
    """Run something in a process of its own; its exit code."""
    child = os.fork()
    if not child:
        try:
            os._exit(work() or 0)
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def refused_with(path, reason):
    """An exit code: 7 if writing is refused for a reason."""
    try:
        SCENARIOS["stale"].write(path)
    except WriteRefusedError as error:
        return 7 if error.code == "F607" and reason in str(error) else 8
    return 0


def test_a_limit_of_the_system_tears_nothing(folders):
    path = SCENARIOS["stale"].lay(next(folders))
    compiled(64)

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        return refused_with(path, "File too large")

    assert in_a_child(limited) == 7
    assert path.read_text() == compiled(72)
    assert temporaries(path.parent) == []


def test_a_read_only_folder_is_an_error(folders):
    root = next(folders)
    path = SCENARIOS["stale"].lay(root)
    for folder in (root.parent, root, root / "project"):
        folder.chmod(0o755)
    path.parent.chmod(0o555)
    compiled(64)

    def as_nobody():
        if os.geteuid() == 0:
            os.setegid(65534)
            os.seteuid(65534)
        if not os.access(path, os.R_OK, effective_ids=True):
            return 3  # pytest's folders are private
        return refused_with(path, "Permission denied")

    code = in_a_child(as_nobody)
    if code == 3:
        pytest.skip("the folder of the tests is private, and they run as root")
    assert code == 7
    assert path.read_text() == compiled(72)


def test_a_full_disk_is_an_error(tmp_path):
    """A file system of 32 KiB, half of which the old file takes."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "fpnc", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        path = tmp_path / "mine_d0.py"
        path.write_text(compiled(72)[:5000])
        old = path.read_text()
        with pytest.raises(WriteRefusedError, match="No space left on device"):
            files.write_file(path, compiled(64) + "#" * 60_000, force=True)
        assert path.read_text() == old
        assert [left.name for left in tmp_path.iterdir()] == ["mine_d0.py"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_standard_output_that_is_full_is_no_traceback(project):
    command = f"{sys.executable} -m fpncompiler.cli compile specs/bifpn.yaml > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=project)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cannot print" in done.stderr


@pytest.mark.parametrize("command", [["new", "mine"], ["schema", "-o", "specs"]])
def test_an_author_gets_whole_files_or_none(tmp_path, monkeypatch, capsys, command):
    """`fpnc new` and `fpnc schema`, each of their calls failing once."""
    made = tmp_path / "whole"
    made.mkdir()
    text = authoring.schema_text("topology")
    monkeypatch.setattr(authoring, "schema_text", lambda _: text)  # which takes a while
    monkeypatch.chdir(made)
    with watched() as calls:
        assert main(command) == 0
    texts = {path.name: path.read_text() for path in (made / "specs").iterdir()}
    real, refused = os.open, 0
    for number in range(len(calls)):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        with watched(before=failing(number, errno.ENOSPC)):
            refused += main(command) == 2
        assert "Traceback" not in capsys.readouterr().err
        for path in folder.glob("specs/*"):
            assert path.read_text() == texts[path.name]
    assert os.open is real
    assert refused >= 8
