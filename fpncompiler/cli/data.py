"""`fpnc data`: data sets shown, checked, fetched and converted."""

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.report import FINDINGS, HELP, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands, Parser
    from fpncompiler.datasets.findings import DataError, Finding, Opened

JSON_VERSION = 1
TILE, OVERLAP = 256, 64
LEAST_TILE = 64


def add_data(commands: "Commands") -> None:
    """`fpnc data show | check | convert | get`."""
    command = commands.add_parser(
        "data",
        help="show, check, convert and fetch data sets for training",
        description="Data sets of images with boxes, in the layouts of COCO, Pascal VOC and YOLO.",
        epilog="example: fpnc data check mydata --verify",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    _add_show(actions)
    _add_check(actions)
    _add_convert(actions)
    _add_get(actions)


def _add_show(actions: "Commands") -> None:
    show = actions.add_parser(
        "show",
        help="classes, counts and sizes, and pictures with labels",
        description="Count classes and boxes of each split, and write pictures of labelled images.",
        epilog="example: fpnc data show mydata --split val --pictures build/labels --count 8",
    )
    _add_source(show)
    show.add_argument("--pictures", metavar="DIR", help="write pictures of labelled images there")
    show.add_argument(
        "--count", type=_count, default=8, metavar="N", help="pictures a split (default: 8)"
    )
    show.set_defaults(run=_run_show, usage_error=show.error)


def _add_check(actions: "Commands") -> None:
    check = actions.add_parser(
        "check",
        help="what is wrong with a data set",
        description="Read every annotation and the header of every image, and list what is wrong;"
        " across splits too. `fpnc explain D903` tells more of a code.",
        epilog="exit codes: 0 no errors, 1 errors, 2 trouble",
    )
    _add_source(check)
    check.add_argument(
        "--verify", action="store_true", help="decode every image, and look for the same ones"
    )
    check.add_argument(
        "--limit", type=_count, default=5, metavar="N", help="findings shown a code (default: 5)"
    )
    check.set_defaults(run=_run_check, usage_error=check.error)


def _add_convert(actions: "Commands") -> None:
    convert = actions.add_parser(
        "convert",
        help="write a data set as COCO",
        description="Write what can be used of a data set as COCO: into a folder, with copies of"
        " the images, or, where OUT ends in .json, one split without them.",
        epilog="example: fpnc data convert mydata --to coco data/mydata",
    )
    _add_source(convert)
    convert.add_argument("out", metavar="OUT", help="a folder, or a .json file")
    convert.add_argument("--to", choices=("coco",), default="coco", help="the layout to write")
    convert.add_argument("--force", action="store_true", help="write over what is there")
    convert.set_defaults(run=_run_convert, usage_error=convert.error)


def _add_get(actions: "Commands") -> None:
    get = actions.add_parser(
        "get",
        help="fetch a data set",
        description="trees: 914 tree crowns in three aerial photos, from the wheel of deepforest"
        " 2.1.0 (MIT; 21 MB), which pip downloads and nothing installs; cut into tiles.",
        epilog="example: fpnc data get trees",
    )
    get.add_argument("name", choices=("trees",), metavar="NAME", help="trees")
    get.add_argument("--to", metavar="DIR", help="the folder to write (default: data/NAME)")
    get.add_argument(
        "--from", dest="wheel", metavar="WHEEL", help="the wheel, where it is at hand already"
    )
    get.add_argument(
        "--tile",
        type=_length,
        default=TILE,
        metavar="PX",
        help=f"length of a tile's sides (default: {TILE}; 0: whole scenes)",
    )
    get.add_argument(
        "--overlap",
        type=_length,
        default=OVERLAP,
        metavar="PX",
        help=f"of neighbouring tiles for training (default: {OVERLAP}); others share nothing",
    )
    get.add_argument("--force", action="store_true", help="write over what is there")
    get.set_defaults(run=_run_get, usage_error=get.error)


def _add_source(command: "Parser") -> None:
    command.add_argument("data", metavar="DATA", help="a folder, COCO's JSON, or YOLO's data.yaml")
    command.add_argument("--split", metavar="S", help="one split (default: all)")
    command.add_argument("--images", metavar="DIR", help="where the images are, if elsewhere")
    command.add_argument("--classes", metavar="FILE", help="names of the classes, one a line")
    command.add_argument("--json", action="store_true", help="everything as JSON")


def _count(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 999999")
    return value


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pixels")
    return int(text)


def _trouble(error: "DataError", report: Report) -> None:
    report.trouble(f"{error}{HELP if error.help else ''}" + error.help.replace("\n", "; "))


def _each(
    parsed: argparse.Namespace, *, verify: bool = False
) -> "Iterator[tuple[str, Opened | DataError]]":
    """Every split that is asked for, or why it cannot be read.

    Raises:
        DataError: there is no such data set or split.
    """
    from fpncompiler.datasets.findings import DataError
    from fpncompiler.datasets.opening import find_layout, open_dataset, split_named

    path = Path(parsed.data)
    images = Path(parsed.images) if parsed.images else None
    classes = Path(parsed.classes) if parsed.classes else None
    found = find_layout(path, images)
    names = (split_named(found, parsed.split, path),) if parsed.split else found.names
    for name in names:
        try:
            yield name, open_dataset(path, name, classes=classes, images=images, verify=verify)
        except DataError as error:
            yield name, error


def _opened(parsed: argparse.Namespace, report: Report) -> "list[Opened]":
    """The splits that can be used; of the others it is said why not."""
    from fpncompiler.datasets.findings import DataError

    good = []
    for _, opened in _each(parsed):
        if isinstance(opened, DataError):
            _trouble(opened, report)
        else:
            good.append(opened)
    return good


def _run_show(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.datasets.pictures import write_pictures
    from fpncompiler.datasets.statistics import statistics_of
    from fpncompiler.datasets.telling import counted, statistics_lines

    values = []
    for opened in _opened(parsed, report):
        dataset, figures = opened.dataset, statistics_of(opened.dataset)
        names = {"split": dataset.split, "layout": opened.layout}
        values.append({**names, **dataclasses.asdict(figures)})
        if not parsed.json:
            report.say("\n".join(statistics_lines(dataset, opened.layout, figures)))
        if opened.findings:
            report.aside(f"{counted(opened.findings)}: `fpnc data check` lists them")
        if parsed.pictures:
            written = write_pictures(dataset, Path(parsed.pictures), parsed.count)
            several = "s" * (len(written) > 1)
            report.aside(f"wrote {len(written)} picture{several} into {parsed.pictures}")
    if parsed.json:
        report.say(json.dumps({"version": JSON_VERSION, "splits": values}, indent=2))


def _run_check(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.datasets.findings import DataError
    from fpncompiler.datasets.leaks import leaks
    from fpncompiler.datasets.telling import as_value

    values: list[dict[str, object]] = []
    datasets = []
    for name, opened in _each(parsed, verify=parsed.verify):
        value: dict[str, object] = {"split": name}
        if isinstance(opened, DataError):
            value |= {"error": str(opened), "images": 0, "boxes": 0}
            report.code = max(report.code, FINDINGS)
        else:
            items = opened.dataset.items
            datasets.append(opened.dataset)
            value |= {"layout": opened.layout, "images": len(items)}
            value["boxes"] = sum(len(item.boxes) for item in items)
        value["findings"] = [as_value(finding) for finding in opened.findings]
        values.append(value)
        _say_split(value, opened.findings, parsed, report)
    shared = leaks(datasets, by_content=parsed.verify)
    if shared:
        values.append({"split": None, "findings": [as_value(finding) for finding in shared]})
        _say_findings(shared, parsed, report)
    if parsed.json:
        report.say(json.dumps({"version": JSON_VERSION, "splits": values}, indent=2))


def _say_split(
    value: dict[str, object],
    findings: "tuple[Finding, ...]",
    parsed: argparse.Namespace,
    report: Report,
) -> None:
    from fpncompiler.datasets.telling import counted

    _say_findings(findings, parsed, report)
    if parsed.json:
        return
    if "error" in value:
        report.aside(f"error: {value['error']}")
    told = f"{value['images']} images and {value['boxes']} boxes can be used"
    layout = f" ({value['layout']})" if "layout" in value else ""
    report.say(f"{value['split']}{layout}: {told}; {counted(findings)}", "bold")


def _say_findings(
    findings: "tuple[Finding, ...]", parsed: argparse.Namespace, report: Report
) -> None:
    from fpncompiler.datasets.telling import finding_lines

    if any(finding.severity == "error" for finding in findings):
        report.code = max(report.code, FINDINGS)
    if not parsed.json:
        for line in finding_lines(findings, parsed.limit):
            report.say(line)


def _run_convert(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.datasets.telling import finding_lines
    from fpncompiler.datasets.writing import write_document, write_folder

    out = Path(parsed.out)
    found = _opened(parsed, report)
    for opened in found:
        for line in finding_lines(opened.findings):
            report.aside(line)
    if not found:
        return
    if out.suffix.lower() == ".json":
        if len(found) > 1:
            names = ", ".join(opened.dataset.split for opened in found)
            parsed.usage_error(f"{parsed.out}: a file holds one split; give --split: {names}")
        folder = write_document(found[0].dataset, out, force=parsed.force)
        report.say(f"wrote {out.as_posix()}; its images: --images {folder.as_posix()}")
        return
    for path in write_folder([o.dataset for o in found], out, force=parsed.force):
        report.say(f"wrote {path.as_posix()}")


def _run_get(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.datasets.trees import download, write_trees

    if 0 < parsed.tile < LEAST_TILE or (parsed.tile and parsed.overlap >= parsed.tile):
        parsed.usage_error(f"--tile is 0 or at least {LEAST_TILE}, --overlap less than --tile")
    folder = Path(parsed.to or f"data/{parsed.name}")
    choices = {"tile": parsed.tile, "overlap": parsed.overlap}
    with tempfile.TemporaryDirectory() as beside:
        wheel = Path(parsed.wheel) if parsed.wheel else download(Path(beside))
        for path in write_trees(wheel, folder, **choices, force=parsed.force):
            report.say(f"wrote {path.as_posix()}")
