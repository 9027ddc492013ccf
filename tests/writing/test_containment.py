"""Whatever a file is called, and whatever stands in its place: nothing outside is written."""

import contextlib
import itertools
import os
import socket
import string

import pytest

from fpncompiler.cli import main
from fpncompiler.codegen.files import (
    WriteRefusedError,
    check_file,
    path_in,
    put_file,
    write_file,
)
from fpncompiler.diagnostics import SpecError
from fpncompiler.pipeline import Options, compile_spec
from tests.writing.scenarios import MINE, SPEC, compiled, edited, temporaries

PORTS = [f"{word}{number}" for word in ("com", "lpt") for number in "0123789"]
DEVICES = ["con", "prn", "aux", "nul", *PORTS]
PARTS = ["..", ".", "", "x", "~", "$HOME", "generated", "\\", "C:", " ", "%2e%2e"]
SEPARATORS = ["/", "//", "\\", "/./", "/../", ":", "\0", "\n"]
LOOKALIKES = ["..\u2215..\u2215evil", "..\uff0fevil", "\u2025", "%2e%2e%2fevil", "~", "$HOME"]
CONTROLS = [chr(code) for code in range(32)] + ["\x7f", '"', "*", "?", "<", ">", "|", ":"]


def hostile_names():
    paths = [f"{a}{s}{b}{s}evil" for a, b, s in itertools.product(PARTS, PARTS[:3], SEPARATORS)]
    devices = [name + suffix for name in DEVICES for suffix in ("", ".py", ".tar.py")]
    devices += [name.upper() for name in DEVICES]
    controls = [f"a{c}b.py" for c in CONTROLS]
    long = ["x" * 256, "x" * 5000, "\u00e9" * 128, "../" * 80 + "evil", "/" + "x" * 255]
    dots = ["", ".", "..", "...", "/", "//", "a.py.", "a.py ", " ", "/etc/evil", "/tmp/evil.py"]
    bad = ["\ud800.py", "a\udcff/../evil", "\0", "a.py\0.txt"]
    return [*dict.fromkeys([*paths, *devices, *controls, *long, *dots, *bad])]


def plain_names():
    letters = [f"{letter}_d0.py" for letter in string.ascii_letters]
    return [
        *letters,
        "x" * 252 + ".py",
        "\u00e9.py",
        "-rf.py",
        "#.py",
        "console.py",
        "com.py",
        *LOOKALIKES,
    ]


def entries(folder):
    """All below a folder, with what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        found[path.relative_to(folder).as_posix()] = path.is_file() and path.read_bytes()
    return found


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A folder to write in, some levels below one that is watched."""
    inner = tmp_path / "a/b/c"
    (inner / "out").mkdir(parents=True)
    (inner / "evil.py").write_text(MINE)
    monkeypatch.chdir(inner)
    return inner


def test_three_hundred_names_lead_nowhere_else(tmp_path, sandbox):
    names = hostile_names()
    assert len(names) >= 300
    before = entries(tmp_path)
    for name in names:
        with pytest.raises(WriteRefusedError) as info:
            write_file(path_in(sandbox / "out", name), compiled(64))
        assert info.value.code == "F607", name
    assert entries(tmp_path) == before
    assert not os.path.lexists("/etc/evil")
    assert not os.path.lexists("/tmp/evil.py")


def test_names_of_the_path_itself_are_refused_too(tmp_path, sandbox):
    """Without `path_in`, for those that `Path` leaves whole."""
    before = entries(tmp_path)
    for name in [*DEVICES, "..", "a\\b", "a:b", "a\0b", "a.py.", "x" * 256, "\ud800"]:
        for written in (sandbox / "out" / name, sandbox / "new" / name):
            with pytest.raises(WriteRefusedError) as info:
                write_file(written, compiled(64))
            assert info.value.code == "F607"
            with pytest.raises(WriteRefusedError):
                check_file(written, compiled(64))
    assert entries(tmp_path) == before


def test_a_folder_that_cannot_be_one_is_refused(sandbox):
    for folder in ("a\0b", "evil.py", "evil.py/x", "x" * 256, "\ud800"):
        with pytest.raises(WriteRefusedError) as info:
            write_file(sandbox / folder / "mine.py", compiled(64))
        assert info.value.code == "F607"


def test_plain_names_are_written_where_they_belong(tmp_path, sandbox):
    before = entries(tmp_path)
    for name in plain_names():
        write_file(path_in(sandbox / "out", name), compiled(64))
    made = {f"a/b/c/out/{name}" for name in plain_names()}
    assert entries(tmp_path).keys() - before.keys() == made


def test_names_that_differ_in_case_are_files_of_their_own(sandbox):
    other = sandbox / "out/MINE_D0.py"
    other.write_text(MINE)
    if (sandbox / "out/mine_d0.py").exists():
        pytest.skip("this file system does not tell them apart")
    write_file(sandbox / "out/mine_d0.py", compiled(64))
    assert other.read_text() == MINE


def test_no_option_of_a_compilation_leads_elsewhere(tmp_path, sandbox, capsys):
    """Names that come by the command line or by a spec: refused, or a plain name."""
    (sandbox / "mine.yaml").write_text(SPEC.format(width=64))
    before = entries(tmp_path)
    names = [name for name in hostile_names() if "\0" not in name][::7]
    for name, flag in itertools.product(names, ("--name", "--model", "--variant", "--backbone")):
        try:
            code = main(["compile", "mine.yaml", f"{flag}={name}", "-o", "out"])
        except SystemExit as stop:
            code = stop.code
        assert code in (1, 2) or name == "", (flag, name, capsys.readouterr())
    made = entries(tmp_path).keys() - before.keys()
    assert made <= {"a/b/c/out/mine_d0.py"}
    for name in names[::3]:
        spec = SPEC.format(width=64).replace("name: mine", f"name: {name!r}")
        with contextlib.suppress(SpecError):
            assert "/" not in compile_spec(spec, Options()).file_name


def special(kind, path):
    """Put something at a path that is no plain file."""
    if kind == "folder":
        path.mkdir()
    elif kind == "full folder":
        path.mkdir()
        (path / "file").write_text(MINE)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["folder", "full folder", "fifo", "socket"])
def test_what_is_no_file_gives_way_to_nothing(sandbox, monkeypatch, kind, force):
    """And a pipe that nobody writes to is not waited for."""
    monkeypatch.chdir(sandbox / "out")
    path = sandbox / "out/mine_d0.py"
    special(kind, path)
    before, mode = entries(sandbox), path.lstat().st_mode
    with pytest.raises(WriteRefusedError, match="was not generated by fpnc: it is a") as info:
        write_file(path, compiled(64), force=force)
    assert info.value.code == "F603"
    assert "--force" not in str(info.value)
    checked = check_file(path, compiled(64))
    assert (checked.state, checked.code, checked.is_replaceable) == ("foreign", "F603", False)
    assert (entries(sandbox), path.lstat().st_mode) == (before, mode)


LINKS = {
    "of ours": lambda: compiled(72),
    "current": lambda: compiled(64),
    "edited": edited,
    "foreign": lambda: MINE,
    "dangling": lambda: None,
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_not_followed(sandbox, kind):
    path, end = sandbox / "out/mine_d0.py", sandbox / "end.py"
    text = LINKS[kind]()
    if text:
        end.write_text(text)
    path.symlink_to("../end.py")
    checked = check_file(path, compiled(64))
    assert checked.code == "F603"
    assert checked.message.endswith("was not generated by fpnc: it is a symbolic link")
    with pytest.raises(WriteRefusedError, match="keeps it as") as info:
        write_file(path, compiled(64))
    assert info.value.code == "F603"
    assert path.readlink().as_posix() == "../end.py"
    write_file(path, compiled(64), force=True)
    assert not path.is_symlink()
    assert path.read_text() == compiled(64)
    assert path.with_name("mine_d0.py.orig").readlink().as_posix() == "../end.py"
    assert (end.read_text() if end.exists() else None) == text


def test_a_link_to_itself_is_refused(sandbox):
    path = sandbox / "out/mine_d0.py"
    path.symlink_to("mine_d0.py")
    with pytest.raises(WriteRefusedError):
        write_file(path, compiled(64))


def test_a_link_in_place_of_a_temporary_is_not_swept(sandbox):
    """Nor anything else that is no plain file."""
    link, folder = sandbox / "out/.fpnc-1.tmp", sandbox / "out/.fpnc-2.tmp"
    link.symlink_to("../evil.py")
    folder.mkdir()
    write_file(sandbox / "out/mine_d0.py", compiled(64))
    assert link.is_symlink()
    assert folder.is_dir()
    assert (sandbox / "evil.py").read_text() == MINE


def test_a_kept_name_that_is_a_dangling_link_is_taken(sandbox):
    """Once, the link was replaced: it does not `exist`."""
    path, link = sandbox / "out/mine_d0.py", sandbox / "out/mine_d0.py.orig"
    path.write_text(MINE)
    link.symlink_to("nowhere")
    write_file(path, compiled(64), force=True)
    assert link.is_symlink()
    assert path.with_name("mine_d0.py.orig.1").read_text() == MINE


def test_a_kept_file_stays_what_it_was(sandbox):
    """Its permissions and its time too: a private file has no public copy."""
    path = sandbox / "out/mine_d0.py"
    path.write_text(MINE)
    path.chmod(0o600)
    os.utime(path, (1e9, 1e9))
    write_file(path, compiled(64), force=True)
    kept = path.with_name("mine_d0.py.orig").stat()
    assert (kept.st_mode & 0o777, kept.st_mtime) == (0o600, 1e9)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o644)])
def test_a_new_file_has_the_permissions_of_new_files(sandbox, umask, mode):
    path, before = sandbox / "out/mine_d0.py", os.umask(umask)
    try:
        write_file(path, compiled(64))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode
    path.chmod(0o640)
    write_file(path, compiled(72))
    assert path.stat().st_mode & 0o7777 == 0o640


def test_check_writes_and_sweeps_nothing(sandbox):
    (sandbox / "out/.fpnc-1.tmp").write_text("half")
    (sandbox / "out/mine_d0.py").write_text(compiled(72))
    before = entries(sandbox)
    assert check_file(sandbox / "out/mine_d0.py", compiled(64)).code == "F601"
    assert check_file(sandbox / "new/mine_d0.py", compiled(64)).code == "F605"
    assert entries(sandbox) == before


def test_a_change_between_the_look_and_the_rename_is_not_lost(sandbox, monkeypatch):
    """An editor saves while the temporary is synced."""
    path = sandbox / "out/mine_d0.py"
    sync = os.fsync

    def saved_meanwhile(handle):
        path.write_text(MINE)
        sync(handle)

    for old in (None, compiled(72)):
        path.unlink(missing_ok=True)
        if old:
            path.write_text(old)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", saved_meanwhile)
            with pytest.raises(WriteRefusedError, match="another program changed it") as info:
                write_file(path, compiled(64))
        assert info.value.code == "F607"
        assert path.read_text() == MINE
        assert temporaries(sandbox) == []


def states():
    ours = compiled(64)
    claimed = ours.replace("from specs/mine.yaml", "from other/mine.yaml", 1)
    return {
        "F601": (compiled(72), False),
        "F602": (edited(), True),
        "F603": (MINE, True),
        "F604": (ours.replace("# Regenerate: fpnc", "# Regenerate: old", 1), False),
        "F606": (claimed, True),
        "": (ours, False),
    }


@pytest.mark.parametrize("code", states())
def test_each_state_has_its_code(sandbox, code):
    path = sandbox / "out/mine_d0.py"
    text, refused = states()[code]
    path.write_text(text)
    checked = check_file(path, compiled(64))
    assert (checked.code, checked.needs_force) == (code, refused)
    assert bool(checked.diff) == bool(code)
    if refused:
        with pytest.raises(WriteRefusedError) as info:
            write_file(path, compiled(64))
        assert info.value.code == code
        assert path.read_text() == text
    assert write_file(path, compiled(64), force=True).code == code
    assert path.read_text() == compiled(64)


def test_every_edit_is_noticed(sandbox):
    """One character changed anywhere: the file is edited, foreign, or only its header differs."""
    path, text = sandbox / "out/mine_d0.py", compiled(64)
    body = text.index("\n", text.index("# Digests")) + 1
    for place in range(0, len(text), 1 if len(text) < 2000 else len(text) // 500):
        letter = "x" if text[place] != "x" else "y"
        path.write_text(text[:place] + letter + text[place + 1 :])
        checked = check_file(path, text)
        assert checked.code == "F602" if place >= body else checked.code.startswith("F60")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"\0" * 100, b"\xef\xbb\xbf# Code generated"])
def test_bytes_that_are_no_text_are_foreign(sandbox, data):
    path = sandbox / "out/mine_d0.py"
    path.write_bytes(data)
    with pytest.raises(WriteRefusedError) as info:
        write_file(path, compiled(64))
    assert info.value.code == "F603"
    write_file(path, compiled(64), force=True)
    assert path.with_name("mine_d0.py.orig").read_bytes() == data


def test_a_huge_file_is_foreign_and_not_read(sandbox):
    path = sandbox / "out/mine_d0.py"
    path.touch()
    os.truncate(path, 1 << 40)
    assert check_file(path, compiled(64)).code == "F603"
    write_file(path, compiled(64), force=True)
    assert path.with_name("mine_d0.py.orig").stat().st_size == 1 << 40


def test_line_ends_of_windows_are_no_edit(sandbox):
    path = sandbox / "out/mine_d0.py"
    path.write_bytes(compiled(64).replace("\n", "\r\n").encode())
    assert check_file(path, compiled(64)).state == "current"


def test_an_authors_own_file_is_put_whole(sandbox):
    path = sandbox / "specs/mine.yaml"
    put_file(path, b"one", replace=False)
    path.chmod(0o640)
    with pytest.raises(WriteRefusedError, match="is there already"):
        put_file(path, b"two", replace=False)
    put_file(path, b"two", replace=True)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", 0o640)
    link = sandbox / "link.yaml"
    link.symlink_to(path)
    with pytest.raises(WriteRefusedError):
        put_file(link, b"three", replace=True)
    assert path.read_bytes() == b"two"
