"""Many processes compile into one folder, others read it: nobody sees half a file."""

import contextlib
import errno
import fcntl
import multiprocessing
import os
import sys
import threading
import time

import pytest

from fpncompiler.cli import main
from fpncompiler.codegen import folder as folders
from fpncompiler.codegen.files import WriteRefusedError, check_file, write_file
from fpncompiler.codegen.header import is_edited, split_header
from fpncompiler.options import Options
from fpncompiler.pipeline import compile_spec
from tests.writing.scenarios import (
    HEAVY,
    LEFT,
    SPEC,
    compiled,
    quick_folder,
    temporaries,
)

WRITERS = 8
RUNS = 200 if HEAVY else 6
READERS = 2
READS = 100_000 if HEAVY else 2_000
FORK = multiprocessing.get_context("fork")


def write_often(number, runs):
    """Compile one file that all compile, each from another spec, and one of its own."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for _ in range(runs):
            shared = main(["compile", f"of_{number}/specs/mine.yaml"])
            own = main(["compile", "of_0/specs/mine.yaml", "--phi", str(1 + number % 7)])
            if shared or own:
                sys.exit(1)


def read_often(texts, reads):
    """Read the files again and again; each is one of the texts, and fits its own digest."""
    count, seen = 0, set()
    while count < reads:
        for name in os.listdir("generated"):
            if not name.endswith(".py"):
                continue
            with open(f"generated/{name}", encoding="utf-8") as file:
                text = file.read()
            if text not in seen:
                if text not in texts or split_header(text) is None or is_edited(text):
                    sys.exit(1)
                seen.add(text)
            count += 1


def check_often(text, stop):
    """What `--check` asks, for as long as the others write."""
    from pathlib import Path

    path = Path("generated/mine_d0.py")
    while not stop.is_set():
        if check_file(path, text).state not in ("missing", "current", "stale"):
            sys.exit(1)


def run_all(processes):
    for process in processes:
        process.daemon = True
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


@pytest.fixture
def project(tmp_path, monkeypatch):
    with quick_folder(tmp_path) as root:
        monkeypatch.chdir(root)
        for number in range(WRITERS):
            spec = root / f"of_{number}/specs/mine.yaml"
            spec.parent.mkdir(parents=True)
            spec.write_text(SPEC.format(width=64 + 8 * number))
        (root / "generated").mkdir()
        yield root
        monkeypatch.undo()


def test_eight_compilers_and_their_readers_agree(project):
    specs = [project / f"of_{number}/specs/mine.yaml" for number in range(WRITERS)]
    shared = [compile_spec(spec, Options()).source for spec in specs]
    own = [compile_spec(specs[0], Options(phi=phi)).source for phi in range(1, 8)]
    (project / "generated" / LEFT).write_text("of a killed run")
    stop = FORK.Event()
    checker = FORK.Process(target=check_often, args=(shared[0], stop), daemon=True)
    checker.start()
    args = ({*shared, *own}, READS // READERS)
    run_all(
        [FORK.Process(target=write_often, args=(n, RUNS)) for n in range(WRITERS)]
        + [FORK.Process(target=read_often, args=args) for _ in range(READERS)]
    )
    stop.set()
    checker.join()
    assert checker.exitcode == 0
    assert (project / "generated/mine_d0.py").read_text() in shared
    for phi, text in enumerate(own, 1):
        assert (project / f"generated/mine_d{phi}.py").read_text() == text
    names = sorted(path.name for path in (project / "generated").iterdir())
    assert names == [f"mine_d{phi}.py" for phi in range(8)]


def test_a_lock_that_is_not_given_back_is_an_error(project, monkeypatch):
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.2)
    holder = os.open("generated", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        begun = time.monotonic()
        with pytest.raises(WriteRefusedError, match=r"writing there for 0.2 s\n  = help: ") as info:
            write_file(project / "generated/mine_d0.py", compiled(64))
        assert info.value.code == "F607"
        assert 0.2 <= time.monotonic() - begun < 5
        assert check_file(project / "generated/mine_d0.py", compiled(64)).state == "missing"
    finally:
        os.close(holder)
    write_file(project / "generated/mine_d0.py", compiled(64))


def test_a_lock_is_waited_for(project):
    holder = os.open("generated", os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    later = threading.Timer(0.2, lambda: os.close(holder))
    later.start()
    begun = time.monotonic()
    write_file(project / "generated/mine_d0.py", compiled(64))
    assert time.monotonic() - begun > 0.15
    later.join()


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_only_old_temporaries_are_swept(project, monkeypatch, error):
    def refused(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refused)
    old, new = project / "generated" / LEFT, project / "generated/.fpnc-fedcba9876543210.tmp"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (time.time() - 4000,) * 2)
    write_file(project / "generated/mine_d0.py", compiled(64))
    assert temporaries(project) == [new]


def test_without_locks_nothing_is_torn(project, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    path = project / "generated/mine_d0.py"
    texts = [compiled(64 + 8 * number) for number in range(4)]

    def write(text):
        for _ in range(20):
            with contextlib.suppress(WriteRefusedError):
                write_file(path, text)

    stop = FORK.Event()
    checker = FORK.Process(target=check_often, args=(texts[0], stop), daemon=True)
    checker.start()
    run_all([FORK.Process(target=write, args=(text,)) for text in texts])
    stop.set()
    checker.join()
    assert checker.exitcode == 0
    assert path.read_text() in texts
    assert temporaries(project) == []


def test_threads_exclude_each_other_too(project):
    path = project / "generated/mine_d0.py"
    texts = [compiled(64 + 8 * number) for number in range(4)]
    failed = []

    def write(text):
        try:
            for _ in range(10):
                write_file(path, text)
        except WriteRefusedError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert path.read_text() in texts
    assert temporaries(project) == []
