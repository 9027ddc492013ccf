"""The system itself refuses a call, by strace: what `test_faults` imitates, from outside Python."""

import collections
import re
import shutil
import subprocess
import sys

import pytest

from tests.writing.scenarios import HEAVY, SPEC, compiled, temporaries

FAULTY = "openat,mkdir,flock,getdents64,read,fchmod,write,fsync"
FAULTY += ",link,linkat,rename,renameat,renameat2"
ERRORS = ["ENOSPC", "EIO", "EACCES", "EINTR"] if HEAVY else ["ENOSPC"]
WRITER = """\
import sys
from pathlib import Path
from fpncompiler.codegen.files import WriteRefusedError, write_file
from fpncompiler.pipeline import Options, compile_spec
source = compile_spec(Path("specs/mine.yaml"), Options()).source
try:
    write_file(Path("generated/mine_d0.py"), source)
except WriteRefusedError as error:
    sys.exit(f"error[{error.code}]: {error}")
"""
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")


def strace(project, *flags):
    command = ["strace", "-f", "-qq", "-o", "log", *flags, sys.executable, "-c", WRITER]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
    return done, (project / "log").read_text().splitlines()


@pytest.fixture
def project(tmp_path):
    if not shutil.which("strace"):
        pytest.skip("there is no strace")
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("processes cannot be traced here")
    (tmp_path / "specs").mkdir()
    (tmp_path / "generated").mkdir()
    (tmp_path / "specs/mine.yaml").write_text(SPEC.format(width=64))
    return tmp_path


def writing_calls(project):
    """(call, which one of its name in the process) for the calls that write, in order."""
    (project / "generated/mine_d0.py").write_text(compiled(72))
    strace(project, "-e", f"trace={FAULTY}")  # compiles Python's caches
    (project / "generated/mine_d0.py").write_text(compiled(72))
    _, lines = strace(project, "-e", f"trace={FAULTY}")
    counts, found, begun = collections.Counter(), [], False
    for line in lines:
        match = CALL.match(line)
        if not match:
            continue
        counts[match[1]] += 1
        begun = begun or ("O_DIRECTORY" in match[2] and '"generated"' in match[2])
        if begun:
            found.append((match[1], counts[match[1]]))
        if match[1] == "fsync" and found[-2][0].startswith("rename"):
            break
    return found


def test_a_call_that_the_system_refuses_tears_nothing(project):
    calls = writing_calls(project)
    names = [name for name, _ in calls]
    assert {"openat", "flock", "write", "fsync"} <= {*names}
    assert names[-2].startswith("rename")
    if not HEAVY:
        calls = calls[names.index("write") :]
    path = project / "generated/mine_d0.py"
    count = 0
    for (name, number), error in ((call, error) for call in calls for error in ERRORS):
        path.write_text(compiled(72))
        inject = f"inject={name}:error={error}:when={number}"
        done, _ = strace(project, "-e", f"trace={FAULTY}", "-e", inject)
        assert "Traceback" not in done.stderr, (name, number, error)
        survived = error == "EINTR" or name == "getdents64"
        assert ("F607" in done.stderr) != survived, (name, number, error, done.stderr)
        in_place = survived or (name, number) == calls[-1]
        assert path.read_text() == compiled(64 if in_place else 72)
        assert temporaries(project) == []
        count += 1
    print(f"{count} injections")
