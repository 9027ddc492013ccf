"""Finding and reading spec files: the spec itself, the specs it extends, its model.

A spec names others by name, never by path. They are looked for beside the spec, then in `specs/` of
the working directory, then among the specs that ship with fpnc.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from fpncompiler.diagnostics import Edit, Fix, Sink, Span, nearest, suggest
from fpncompiler.spec.habits import is_misspelled
from fpncompiler.spec.inputs import is_input
from fpncompiler.spec.merging import merge, without
from fpncompiler.spec.names import name_fault
from fpncompiler.spec.tree import MAX_BYTES, Entry, Mapping, Node, Scalar, parse_tree

MAX_EXTENDS = 8
TEXT_NAME = "<text>"


class SpecNotFoundError(Exception):
    """The file that the user named cannot be read; the message says why."""

    code = "F607"


@dataclass(frozen=True, slots=True)
class Source:
    """A spec's tree, after `extends`, and where it came from."""

    path: Path | None
    tree: Mapping


def load_topology(spec: str | Path, sink: Sink) -> Source:
    """Read a topology from a path, or from YAML text (which has a line break).

    Raises:
        SpecNotFoundError: there is no such file, or it cannot be read.
        SpecError: the file is not a spec.
    """
    if isinstance(spec, str) and "\n" in spec:
        tree = parse_tree(spec.encode(), TEXT_NAME, sink)
        return Source(None, _extended(tree, [], sink))
    path = Path(spec)
    tree = parse_tree(read_spec(path), path.as_posix(), sink)
    return Source(path, _extended(tree, [path], sink))


def load_model(name: str, topology: Path | None, named_at: Node | None, sink: Sink) -> Source:
    """Read the model `name` from `models/` of the spec folders.

    Raises:
        SpecError: F501, there is no such model.
    """
    folders = [folder / "models" for folder in _folders(topology)]
    path = _find(name, folders)
    if path is None:
        message = f"there is no model `{name}`"
        span = named_at.span if named_at else None
        help = suggest(_bare(name), _names(folders))
        if name_fault(name) and not nearest(_bare(name), _names(folders)):
            help = "a model is a name: `mine` for `models/mine.yaml` beside the spec"
        sink.fatal("F501", message, span, help=help, fix=_rename(name, folders, span))
    tree = parse_tree(read_spec(path), _shown(path), sink)
    return Source(path, _extended(tree, [path], sink, "models"))


def load_named(name: str, beside: Path | None, span: Span | None, sink: Sink) -> Source:
    """Read the topology `name`, looked for beside a spec and in the spec folders.

    Raises:
        SpecError: F210, there is no such spec.
    """
    folders = _folders(beside)
    path = _find(name, folders)
    if path is None:
        help = suggest(name, _names(folders)) or "it is looked for beside this spec"
        fix = _rename(name, folders, span)
        sink.fatal("F210", f"there is no spec `{name}`", span, help=help, fix=fix)
    tree = parse_tree(read_spec(path), _shown(path), sink)
    return Source(path, _extended(tree, [path], sink))


def check_named(name: str, beside: Path) -> None:
    """Look for a topology as `extends` does, in a spec at a place.

    Raises:
        SpecError: F210, there is no such spec.
    """
    sink = Sink()
    load_named(name, beside, None, sink)
    sink.stop_on_errors()


def check_version(tree: Mapping, known: Iterable[str], sink: Sink) -> None:
    """Every spec begins with `fpnc: 1`, so that a later language can tell."""
    version = tree.get("fpnc")
    if version is None:
        if not is_misspelled("fpnc", tree, known):
            message, help = "the spec does not say `fpnc: 1`", "add it on top"
            fix = _version_on_top(tree)
            sink.error("F202", message, tree.span, help=help, fix=fix, is_missing=True)
    elif not isinstance(version, Scalar) or version.text != "1":
        help = "this compiler reads `fpnc: 1`"
        given = f": `{version.text}`" if isinstance(version, Scalar) else ""
        message = f"an unknown version of the language{given}"
        sink.error("F209", message, version.span, help=help)


def _version_on_top(tree: Mapping) -> Fix | None:
    """The fix that adds the version in front of the first key, if that begins a line."""
    first = next((entry.key.span for entry in tree.entries.values()), None)
    starts = (tree.span.line, tree.span.column)
    if first is None or starts != (first.line, 1):  # `{name: mine}`
        return None
    return Fix((Edit(replace(first, end_column=1), "", "fpnc: 1\n"),), safe=True)


def shipped_specs() -> Path:
    """The folder of the specs that ship: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "specs"
    return installed if installed.is_dir() else package.parent / "specs"


def _extended(tree: Mapping, chain: list[Path], sink: Sink, subfolder: str = "") -> Mapping:
    parent = tree.get("extends")
    if parent is None:
        return tree
    beside = [chain[0].parent] if chain else []
    folders = [*beside, *(folder / subfolder for folder in _folders(None))]
    if not isinstance(parent, Scalar) or name_fault(parent.text):
        _refuse_parent(parent, folders, sink)
    path = _find(parent.text, folders)
    if path is None:
        help = suggest(parent.text, _names(folders)) or "it is looked for beside this spec"
        fix = _rename(parent.text, folders, parent.span)
        sink.fatal("F210", f"there is no spec `{parent.text}`", parent.span, help=help, fix=fix)
    if path.resolve() in {p.resolve() for p in chain}:
        sink.fatal("F210", f"`{parent.text}` extends itself in the end", parent.span)
    if len(chain) > MAX_EXTENDS:
        sink.fatal("F210", f"more than {MAX_EXTENDS} specs extend each other", parent.span)
    base_tree = parse_tree(read_spec(path), _shown(path), sink)
    base = _extended(base_tree, [*chain, path], sink, subfolder)
    # A spec's title and source are its own, and so are a model's variants.
    inherited = without(base, "extends", "title", "source", "variants")
    return merge(_long_form(inherited), _long_form(tree))


def _long_form(tree: Mapping) -> Mapping:
    """The spec with every node as `name: {inputs: [...]}`, so that its settings can merge."""
    entries = dict(tree.entries)
    for key in ("nodes", "prologue"):
        nodes = tree.get(key)
        if isinstance(nodes, Mapping):
            entries[key] = Entry(entries[key].key, _long_nodes(nodes))
    return Mapping(entries, tree.span)


def _long_nodes(nodes: Mapping) -> Mapping:
    entries: dict[str, Entry] = {}
    for name, entry in nodes.entries.items():
        # `td( l )` is `td(l)` of the parent; both in one spec stay two, which is a fault.
        known = name.replace(" ", "")
        entries[name if known in entries else known] = _long_entry(entry)
    return Mapping(entries, nodes.span)


def _long_entry(entry: Entry) -> Entry:
    value = entry.value
    if isinstance(value, Mapping) and not is_input(value):
        return entry
    inputs = Entry(Scalar("inputs", True, value.span), value)
    return Entry(entry.key, Mapping({"inputs": inputs}, value.span))


def _folders(topology: Path | None) -> list[Path]:
    beside = [topology.parent] if topology else []
    return [*beside, Path("specs"), shipped_specs()]


def _find(name: str, folders: list[Path]) -> Path | None:
    if name_fault(name):
        return None
    candidates = (folder / f"{name}.yaml" for folder in folders)
    return next((path for path in candidates if path.is_file()), None)


def _refuse_parent(parent: Node, folders: list[Path], sink: Sink) -> NoReturn:
    """Record that `extends` has no name, and stop; a path or a title may be near one."""
    help, fix = "write one name, such as `extends: panet`", None
    if isinstance(parent, Scalar) and nearest(_bare(parent.text), _names(folders)):
        help = suggest(_bare(parent.text), _names(folders))
        fix = _rename(parent.text, folders, parent.span)
    sink.fatal("F210", "`extends` is the name of a spec", parent.span, help=help, fix=fix)


def _bare(name: str) -> str:
    """A name without folder and suffix, where one is given as a path."""
    return name.replace("\\", "/").rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")


def _rename(name: str, folders: list[Path], span: Span | None) -> Fix | None:
    meant = nearest(_bare(name), _names(folders))
    return Fix((Edit(span, name, meant),), safe=False) if span and meant else None


def _names(folders: list[Path]) -> list[str]:
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def read_spec(path: Path) -> bytes:
    """The bytes of a spec, and of a larger file enough to see that it is none.

    Raises:
        SpecNotFoundError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # a device may have no end
    except (OSError, ValueError) as error:  # a name may hold what no file can be called
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecNotFoundError(f"cannot read {path.as_posix()}: {reason}") from error


def _shown(path: Path) -> str:
    """A path for messages: relative to the working directory where it can be."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
