"""Compiles hostile specs under the audit hook: `python -m tests.hostile.worker SHARD COUNT`.

Prints a JSON document: how many specs came to what end, and every one that broke a rule.
"""

import ast
import collections
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import shutil
import site
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True

from fpncompiler.codegen.files import write_file  # noqa: E402
from fpncompiler.diagnostics import SpecError  # noqa: E402
from fpncompiler.pipeline import Compiled, Options, compile_spec  # noqa: E402
from fpncompiler.spec.loading import SpecNotFoundError  # noqa: E402
from fpncompiler.spec.names import name_fault  # noqa: E402
from fpncompiler.spec.reading import parse_levels  # noqa: E402
from tests.hostile.payloads import PAYLOADS, Payload  # noqa: E402
from tests.hostile.sinks import SINKS, Sink  # noqa: E402
from tests.hostile.watch import Watch  # noqa: E402

READABLE = (
    str(ROOT / "fpncompiler"),
    str(ROOT / "specs"),
    *(os.path.realpath(folder) for folder in [*site.getsitepackages(), sys.base_prefix]),
)
FAST = Path("/dev/shm")
SLOW = 2.0  # seconds


@dataclass
class Outcome:
    """What became of the specs; `broken` are rules that did not hold, as (rule, sink, payload)."""

    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    broken: list[tuple[str, str, str, str]] = field(default_factory=list)
    accepted: list[tuple[str, str]] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)


class Bench:
    """A folder with a project in it, and the watch."""

    def __init__(self) -> None:
        self.folder = Path(
            os.path.realpath(
                tempfile.mkdtemp(prefix="hostile-", dir=FAST if FAST.is_dir() else None)
            )
        )
        self.project = self.folder / "project"
        self.output = self.folder / "out"
        self.watch = Watch((*READABLE, str(self.project)))
        self.outcome = Outcome()
        self.shapes: dict[str, str] = {}
        self.written: dict[str, str] = {}
        self.words: set[str] = set()
        for folder in (self.project / "models", self.output):
            folder.mkdir(parents=True)
        os.chdir(self.project)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            if self.written.get(name) == text:
                continue
            self.written[name] = text
            (self.project / name).write_text(text, encoding="utf-8", newline="")

    def run(self, sink: Sink, payload: Payload) -> None:
        """One spec: refused, or compiled, written and compared with its twin."""
        began = time.perf_counter()
        placed = self.place(sink, payload)
        if placed is None:
            self.outcome.counts["no such file can be"] += 1
            return
        spec, options = placed
        try:
            with self.watched():
                compiled = compile_spec(spec, options)
        except (SpecError, SpecNotFoundError) as error:
            self.outcome.counts["refused"] += 1
            self.check_text(sink, payload, str(error), several=isinstance(error, SpecError))
        except Exception as error:
            self.broke("an exception", sink, payload, f"{type(error).__name__}: {error}")
        else:
            self.outcome.counts["accepted"] += 1
            self.outcome.accepted.append((sink.name, payload.label))
            self.check_source(sink, payload, compiled)
        self.note_events(sink, payload)
        if time.perf_counter() - began > SLOW:
            self.broke("slow", sink, payload, f"{time.perf_counter() - began:.1f} s")

    def place(self, sink: Sink, payload: Payload) -> tuple[Path, Options] | None:
        """Write the files; the spec's path, and the options. None where there is no such path."""
        self.write(sink.files(payload))
        spec, text = self.project / "t.yaml", payload.text
        match sink.option:
            case "file" | "folder":
                spec = self.project / (text if sink.option == "file" else f"{text}/t.yaml")
                inside = Path(os.path.normpath(spec)).is_relative_to(self.project)
                if "\0" in text or not inside or not text.strip("./ "):
                    return None
                try:
                    spec.parent.mkdir(parents=True, exist_ok=True)
                    spec.write_text(sink.topology)
                    (spec.parent / "models").mkdir(exist_ok=True)
                    (spec.parent / "models/lab.yaml").write_text(sink.model)
                except (OSError, UnicodeError):
                    return None
                return spec.relative_to(self.project), Options()
            case "name":
                # The command line holds it against this grammar, and so does nothing else.
                return None if name_fault(text) else (spec, Options(name=text))
            case "levels":
                levels = parse_levels(text)
                return (spec, Options(levels=levels)) if levels else None
            case "":
                return spec, Options()
            case option:
                return spec, Options(**{option: text})

    @contextlib.contextmanager
    def watched(self, writable: str = "", module: str = ""):
        self.watch.writable, self.watch.module, self.watch.on = writable, module, True
        try:
            yield
        finally:
            self.watch.on = False

    def note_events(self, sink: Sink, payload: Payload) -> None:
        for event in self.watch.seen:
            self.broke("an event", sink, payload, event)
        self.watch.seen.clear()

    def check_text(self, sink: Sink, payload: Payload, text: str, *, several: bool) -> None:
        lines = text.split("\n") if several else [text]
        if not all(line.isascii() and (line.isprintable() or not line) for line in lines):
            self.broke("a raw character in a message", sink, payload, ascii(text))
        if any(line.lstrip().startswith("::") for line in lines):
            self.broke("a workflow command in a message", sink, payload, ascii(text))

    def check_source(self, sink: Sink, payload: Payload, compiled: Compiled) -> None:
        source = compiled.source
        target = self.output / compiled.file_name
        if target.parent != self.output or not target.name.isascii() or len(target.name) > 255:
            self.broke("a file outside", sink, payload, str(target))
            return
        body = source.split("\n", 3)[3]
        digest = hashlib.sha256(body.encode()).hexdigest()
        known = digest in self.outcome.bodies
        header = source.removesuffix(body).split("\n")
        if not all(line.startswith("#") or not line for line in header) or len(header) != 4:
            self.broke("the header", sink, payload, ascii(header))
        above = source.removesuffix(body).encode()  # as bytes, for a comment can name an encoding
        if _shape(above + b"x = 1\n") != _shape(b"x = 1\n"):
            self.broke("the header is code", sink, payload, ascii(header))
        if not known:
            self.check_shape(sink, payload, body)
            self.outcome.bodies[digest] = f"{sink.name} | {payload.label}"
            with self.watched(str(self.output)):
                write_file(target, source, force=True)
            self.keep(target, digest, compiled.class_name)
            if sorted(os.listdir(self.folder)) != ["out", "project"]:
                self.broke("a file outside", sink, payload, str(os.listdir(self.folder)))

    def check_shape(self, sink: Sink, payload: Payload, body: str) -> None:
        """Texts change no code; other values only to what the language has words for."""
        if sink.is_text or sink.option in ("file", "folder", "name"):
            if _shape(body) != self.twin_shape(sink):
                self.broke("the shape", sink, payload, "")
            return
        for word in _words(body) - self.words:
            if (
                not set(word.split("_")) <= self.parts | set(payload.text.split("_"))
                or not word.isascii()
                or word.startswith("__")
            ):
                self.broke("a new word", sink, payload, word)

    def twin_shape(self, sink: Sink) -> str:
        if sink.name not in self.shapes:
            spec, options = self.place(sink, sink.twin)
            body = compile_spec(spec, options).source.split("\n", 3)[3]
            self.shapes[sink.name] = _shape(body)
        return self.shapes[sink.name]

    def keep(self, target: Path, digest: str, class_name: str) -> None:
        """A file to be imported later, under a name that is its own."""
        kept = self.output / f"m{digest[:24]}.py"
        os.replace(target, kept)
        self.outcome.bodies[digest] += f"\n{kept.stem} {class_name}"

    def broke(self, rule: str, sink: Sink, payload: Payload, what: str) -> None:
        self.outcome.broken.append((rule, sink.name, payload.label, what[:400]))

    def learn(self) -> None:
        """The words of harmless files, and a warm start: templates and tables are loaded."""
        for sink in SINKS:
            placed = self.place(sink, sink.twin)
            assert placed
            source = compile_spec(*placed).source
            self.words |= _words(source.split("\n", 3)[3])
        for path in sorted((ROOT / "specs").glob("*.yaml")):
            self.words |= _words(compile_spec(path, Options()).source)
        self.parts = {part for word in self.words for part in word.split("_")}

    def import_all(self) -> int:
        """Import distinct bodies and build their models, watched."""
        import torch

        word = Payload("word")
        spec, options = self.place(SINKS[2], word)
        path = self.output / "warm.py"
        path.write_text(compile_spec(spec, options).source)
        self.watch.readable = (*self.watch.readable, str(self.output))
        self._built(str(path), "warm", "EfficientDet")  # what torch and timm do once
        self.watch.seen.clear()
        count = 0
        for label in self.outcome.bodies.values():
            label, _, place = label.partition("\n")
            stem, class_name = place.split()
            path = str(self.output / f"{stem}.py")
            try:
                with torch.device("meta"):
                    self._built(path, stem, class_name)
            except Exception as error:
                sink, _, payload = label.partition(" | ")
                what = f"{type(error).__name__}: {error}"
                # A backbone of stated channels may be one that only a newer timm knows.
                if "name with channels" not in sink or "Unknown model" not in what:
                    self.outcome.broken.append(("an import", sink, payload, what))
            for event in self.watch.seen:
                sink, _, payload = label.partition(" | ")
                self.outcome.broken.append(("an event at import", sink, payload, event))
            self.watch.seen.clear()
            count += 1
        return count

    def _built(self, path: str, stem: str, class_name: str) -> None:
        with self.watched(module=path):
            loader = importlib.machinery.SourceFileLoader(stem, path)
            spec = importlib.util.spec_from_loader(stem, loader)
            assert spec
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            getattr(module, class_name)()


def _shape(source: str | bytes) -> str:
    """A digest of a syntax tree without its texts."""
    tree = ast.parse(source)
    parts = []
    for node in ast.walk(tree):
        parts.append(type(node).__name__)
        if isinstance(node, ast.Name):
            parts.append(node.id)
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
        elif isinstance(node, ast.Constant):
            parts.append("text" if isinstance(node.value, str) else repr(node.value))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _words(body: str) -> set[str]:
    """Every name in a piece of Python."""
    found = set()
    for node in ast.walk(ast.parse(body)):
        for name in ("id", "attr", "name", "arg", "module"):
            if isinstance(value := getattr(node, name, None), str):
                found.add(value)
    return found


def work(shard: int, count: int) -> dict[str, object]:
    bench = Bench()
    bench.learn()
    bench.watch.install()
    began = time.perf_counter()
    total = 0
    for s, sink in enumerate(SINKS):
        if s % count != shard:
            continue
        for payload in PAYLOADS:
            total += 1
            bench.run(sink, payload)
    compiled = time.perf_counter() - began
    distinct = len(bench.outcome.bodies)
    imported = bench.import_all()
    pwned = [*ROOT.rglob("pwned"), *bench.folder.rglob("pwned")]
    shutil.rmtree(bench.folder)
    return {
        "specs": total,
        "counts": bench.outcome.counts,
        "distinct": distinct,
        "imported": imported,
        "compile_seconds": round(compiled, 1),
        "seconds": round(time.perf_counter() - began, 1),
        "broken": bench.outcome.broken,
        "accepted": bench.outcome.accepted,
        "pwned": [str(path) for path in pwned],
    }


if __name__ == "__main__":
    print(json.dumps(work(*(int(word) for word in sys.argv[1:3]))))
