"""The commands that help an author: `fpnc new`, `fpnc schema`, `fpnc backbones`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.report import Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands


def add_new(commands: "Commands") -> None:
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


def add_schema(commands: "Commands") -> None:
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


def add_backbones(commands: "Commands") -> None:
    """`fpnc backbones`."""
    command = commands.add_parser(
        "backbones",
        help="list the timm backbones that can be named",
        description="List timm backbones with their levels, channels and trainable parameters.",
        epilog="example: fpnc backbones 'tf_efficientnet_b*'",
    )
    command.add_argument("pattern", nargs="?", default="*", help="names, with `*` for any letters")
    command.set_defaults(run=_run_backbones)


def _run_new(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.authoring import start_spec
    from fpncompiler.spec.loading import check_named

    folder = Path(parsed.output_dir)
    if parsed.base:
        check_named(parsed.base, folder / f"{parsed.name}.yaml")
    written = start_spec(parsed.name, parsed.base, folder)
    for path in written:
        report.say(f"wrote {path.as_posix()}")
    report.say(f"  next: fpnc compile {written[0].as_posix()} --phi 0")


def _run_schema(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.authoring import schema_text, write_schema

    if parsed.output_dir is None:
        report.say(schema_text(parsed.kind).rstrip("\n"))
        return
    folder = Path(parsed.output_dir)
    written = write_schema(parsed.kind, folder)
    word = "wrote" if written else "unchanged"
    report.say(f"{word} {(folder / f'{parsed.kind}.schema.json').as_posix()}")


def _run_backbones(parsed: argparse.Namespace, report: Report) -> None:
    from fnmatch import fnmatchcase

    from fpncompiler.backbones import backbone_names, find_backbone

    names = [name for name in backbone_names() if fnmatchcase(name, parsed.pattern)]
    for name in names:
        backbone = find_backbone(name)
        assert backbone is not None
        channels = " ".join(f"C{level}={width}" for level, width in backbone.channels.items())
        largest = max(backbone.parameters.values())
        report.say(f"{name:32} {largest:>13,} parameters  {channels}")
    if not names:
        report.trouble(f"no measured backbone is called {parsed.pattern}")
