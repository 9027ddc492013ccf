"""An audit hook that notes what a compilation must not do. It stays for good, so: in a worker.

Python itself reports the events: no monkeypatch of ours, and no trick of a payload's, stands
between what happens and what is noted.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.symlink",
    "os.link",
    "os.rmdir",
    "os.chdir",
    "os.putenv",
    "subprocess.Popen",
    "socket.",
    "urllib.Request",
    "http.client.connect",
    "ctypes.",
    "pty.spawn",
    "webbrowser.open",
    "pickle.find_class",
    "marshal.loads",
    "code.__new__",
    "shutil.",
    "builtins.input",
    "builtins.breakpoint",
)
DECORATORS = "<class 'networkx.utils.decorators.argmap'> compilation "
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass
class Watch:
    """What is allowed now, and what has been seen that was not."""

    readable: tuple[str, ...]
    writable: str = ""
    module: str = ""
    on: bool = False
    seen: list[str] = field(default_factory=list)
    _busy: bool = False

    def install(self) -> None:
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on or self._busy:
            return
        self._busy = True
        try:
            if fault := self._fault(event, arguments):
                self.seen.append(fault[:300])
        finally:
            self._busy = False

    def _fault(self, event: str, arguments: tuple[object, ...]) -> str:
        if event == "open":
            return self._opened(*arguments[:3])
        if event == "compile":  # `ast.parse` names no file
            name = arguments[1]
            return "" if name in ("<unknown>", b"<unknown>") or self._is_known(name) else event
        if event == "exec":
            name = getattr(arguments[0], "co_filename", "")
            return "" if self._is_known(name) else f"exec of {name}"
        if event in ("os.rename", "os.mkdir", "os.chmod", "os.remove", "tempfile.mkstemp"):
            path = self._real(arguments[0])
            inside = self.writable and Path(path).is_relative_to(self.writable)
            return "" if inside else f"{event} {path}"
        return f"{event} {arguments!r}" if event.startswith(FORBIDDEN) else ""

    def _is_known(self, name: object) -> bool:
        """The generated module, or networkx's own decorators, which it makes when first called."""
        shown = name.decode() if isinstance(name, bytes) else str(name)
        return shown in {self.module} - {""} or shown.startswith(DECORATORS)

    def _opened(self, path: object, mode: object, flags: object) -> str:
        if isinstance(path, int):
            return ""
        real = self._real(path)
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & WRITING
        )
        allowed = (self.writable,) if writes else (*self.readable, self.writable)
        if any(folder and Path(real).is_relative_to(folder) for folder in allowed):
            return ""
        return f"{'writes' if writes else 'reads'} {real}"

    def _real(self, path: object) -> str:
        """A path, which is relative to the output folder while that is written to by a handle."""
        return os.path.realpath(os.path.join(self.writable, os.fsdecode(path)))  # type: ignore[arg-type]
