"""The commands that help an author: `fpnc new`, `fpnc schema`."""

import argparse
from pathlib import Path


def add_new(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`fpnc new NAME`."""
    command = commands.add_parser(
        "new",
        help="start a spec of your own",
        description="Write a small topology to begin with, and your editor's schema beside it.",
        epilog="example: fpnc new mine --from bifpn",
    )
    command.add_argument("name", metavar="NAME", help="its name: specs/NAME.yaml")
    command.add_argument("--from", dest="base", metavar="SPEC", help="the spec that it extends")
    command.add_argument(
        "-o", "--output-dir", default="specs", metavar="DIR", help="its folder (default: specs)"
    )
    command.set_defaults(run=_run_new)


def add_schema(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`fpnc schema`."""
    command = commands.add_parser(
        "schema",
        help="the JSON Schema of specs, for editors",
        description="Print the JSON Schema of a topology or a model, or write it to a folder.",
    )
    command.add_argument(
        "kind", nargs="?", choices=("topology", "model"), default="topology", help="of what"
    )
    command.add_argument("-o", "--output-dir", metavar="DIR", help="write KIND.schema.json there")
    command.set_defaults(run=_run_schema)


def _run_new(parsed: argparse.Namespace) -> int:
    from fpncompiler.authoring import start_spec
    from fpncompiler.spec.loading import check_named

    folder = Path(parsed.output_dir)
    if parsed.base:
        check_named(parsed.base, folder / f"{parsed.name}.yaml")
    written = start_spec(parsed.name, parsed.base, folder)
    for path in written:
        print(f"wrote {path.as_posix()}")
    print(f"  next: fpnc compile {written[0].as_posix()} --phi 0")
    return 0


def _run_schema(parsed: argparse.Namespace) -> int:
    from fpncompiler.authoring import schema_text, write_schema

    if parsed.output_dir is None:
        print(schema_text(parsed.kind), end="")
        return 0
    folder = Path(parsed.output_dir)
    written = write_schema(parsed.kind, folder)
    word = "wrote" if written else "unchanged"
    print(f"{word} {(folder / f'{parsed.kind}.schema.json').as_posix()}")
    return 0
