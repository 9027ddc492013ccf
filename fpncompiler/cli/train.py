"""`fpnc train`: a topology or a generated file, a data set, a run folder."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpncompiler.cli.options import add_options_of_detector, options_of_detector
from fpncompiler.cli.report import HELP, INTERRUPTED, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.datasets.model import DataSet
    from fpncompiler.detectors.detector import Code
    from fpncompiler.training.progress import Watch
    from fpncompiler.training.recipe import Recipe
    from fpncompiler.training.run_folder import RunFolder
    from fpncompiler.training.session import Outcome, Plan

RUNS = "runs/train"


def add_train(commands: "Commands") -> None:
    """`fpnc train SPEC --data DATA`."""
    command = commands.add_parser(
        "train",
        help="train a detector on a data set",
        description="Compile a topology, attach its backbone's weights, train the detector and"
        " evaluate it after each epoch. Everything goes into a run folder, from which --resume goes"
        " on. Several processes: torchrun --nproc-per-node 2 -m fpncompiler train ..., or accelerate"
        " launch -m fpncompiler train ...",
        epilog="example: fpnc train bifpn --variant lite0 --data data/bccd --image-size 320",
    )
    command.add_argument(
        "spec", nargs="?", metavar="SPEC", help="a topology, or a file that `fpnc compile` wrote"
    )
    command.add_argument("--data", metavar="DATA", help="a COCO, Pascal VOC or YOLO data set")
    command.add_argument("--train-split", default="train", metavar="NAME", help="default: train")
    command.add_argument(
        "--val-split", default="val", metavar="NAME", help="default: val; `none` for no evaluation"
    )
    command.add_argument("--recipe", default="small", metavar="NAME", help="small (default), paper")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="see --settings"
    )
    command.add_argument("--epochs", type=int, metavar="N", help="for --set epochs=N")
    command.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    command.add_argument("--image-size", type=int, metavar="N", help="pixels a side")
    command.add_argument("--seed", type=int, metavar="N", help="default: 0")
    command.add_argument("--settings", action="store_true", help="list what --set can set")
    command.add_argument("--device", choices=("auto", "cpu"), default="auto", help="default: auto")
    command.add_argument("--runs", default=RUNS, metavar="DIR", help=f"default: {RUNS}")
    command.add_argument("--name", metavar="NAME", help="of the run folder (default: the model's)")
    command.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped")
    command.add_argument("--tensorboard", action="store_true", help="write its events as well")
    command.add_argument(
        "--dry-run", action="store_true", help="check all, time two steps, and write nothing"
    )
    command.add_argument("--json", action="store_true", help="print the results as JSON")
    add_options_of_detector(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.cli.missing import needs

    if parsed.settings:
        _tell_settings(report)
        return
    if not parsed.resume and not (parsed.spec and parsed.data):
        parsed.usage_error("give SPEC and --data, or --resume RUN")
    if not needs(report, "train", "accelerate", "pycocotools"):
        return
    _silence_libraries()
    from fpncompiler.cli.failures import told

    with told(report):
        _train(parsed, report)


def _train(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.cli.watching import Display
    from fpncompiler.training.progress import InterruptedRunError
    from fpncompiler.training.session import train

    if parsed.dry_run:
        from fpncompiler.training.trial import try_steps

        _tell_trial(try_steps(_planned(parsed, report)), report)
        return
    plan = _resumed(parsed, report) if parsed.resume else _planned(parsed, report)
    display = Display(report, plan.recipe.epochs)
    try:
        outcome = train(plan, _watches(parsed, plan, display), resume=bool(parsed.resume))
    except InterruptedRunError:
        report.code = INTERRUPTED
        raise
    finally:
        display.close()
    if outcome.is_main:
        _finish(parsed, plan, outcome, report)


def _watches(parsed: argparse.Namespace, plan: "Plan", display: "Watch") -> "Watch":
    from fpncompiler.cli.watching import Several

    if not parsed.tensorboard:
        return display
    from fpncompiler.training.tensorboard import Events

    return Several([display, Events(plan.folder.path / "tensorboard")])


def _planned(parsed: argparse.Namespace, report: Report) -> "Plan":
    """A new run. The folder is made last, when nothing but the training can fail."""
    from fpncompiler.training.recipe import recipe_of
    from fpncompiler.training.run_folder import config_of
    from fpncompiler.training.session import Plan
    from fpncompiler.training.shared import made_once, versions

    given = {
        "epochs": parsed.epochs,
        "batch_size": parsed.batch_size,
        "image_size": parsed.image_size,
        "seed": parsed.seed,
    }
    recipe = recipe_of(parsed.recipe, parsed.set, **given)
    code = code_named(parsed)
    source = {
        "path": Path(parsed.data).resolve().as_posix(),
        "train": parsed.train_split,
        "val": parsed.val_split,
    }
    train, val = _data(source, report)
    source |= {"images": len(train.items), "classes": list(train.classes)}
    config = config_of(code, source, recipe, versions())
    folder = made_once(
        Path(parsed.runs), parsed.name or code.name, config, code, dry=parsed.dry_run
    )
    return Plan(code, train, val, recipe, folder, parsed.device)


def _resumed(parsed: argparse.Namespace, report: Report) -> "Plan":
    """A run that was begun, with its own settings."""
    from fpncompiler.detectors.checkpoints import CODE_FILE
    from fpncompiler.detectors.code import code_of_file
    from fpncompiler.detectors.detector import Code
    from fpncompiler.training.recipe import recipe_from
    from fpncompiler.training.run_folder import open_run
    from fpncompiler.training.session import Plan

    if parsed.set or any((parsed.spec, parsed.data, parsed.epochs, parsed.image_size)):
        parsed.usage_error("a run goes on with its own settings: give --resume RUN alone")
    folder = open_run(Path(parsed.resume))
    config = folder.config
    code = code_of_file(folder.path / CODE_FILE)
    code = Code(config["name"], config["spec"], code.source, config["choice"])
    train, val = _data(config["data"], report)
    return Plan(code, train, val, recipe_from(config["recipe"]), folder, parsed.device)


def code_named(parsed: argparse.Namespace) -> "Code":
    """The code of a spec, or of a generated file."""
    from fpncompiler.detectors.code import code_of_file, code_of_spec

    if parsed.spec.endswith(".py"):
        return code_of_file(Path(parsed.spec))
    return code_of_spec(parsed.spec, options_of_detector(parsed))


def _data(source: dict[str, Any], report: Report) -> "tuple[DataSet, DataSet | None]":
    """The two splits; what is wrong with them is counted, and left out."""
    from fpncompiler.cli.data import tell_briefly
    from fpncompiler.datasets.opening import open_dataset

    path = Path(source["path"])
    train = open_dataset(path, source["train"])
    tell_briefly(train, report)
    if source["val"] == "none":
        return train.dataset, None
    val = open_dataset(path, source["val"])
    tell_briefly(val, report)
    return train.dataset, val.dataset


def _tell_settings(report: Report) -> None:
    from fpncompiler.training.recipe import table

    rows = table()
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for key, default, what in rows:
        report.say(f"{key:{widths[0]}}  {default:>{widths[1]}}  {what}")


def _tell_trial(lines: list[str], report: Report) -> None:
    for line in lines:
        report.say(line)


def _finish(parsed: argparse.Namespace, plan: "Plan", outcome: "Outcome", report: Report) -> None:
    """Write the reports, and print what came of the run."""
    from fpncompiler.training.reports import write_reports

    lines = write_reports(plan, outcome)
    folder = plan.folder.path.as_posix()
    if parsed.json:
        evaluation = outcome.evaluation
        print(
            json.dumps(
                {
                    "run": folder,
                    "evaluation": evaluation.as_dict() if evaluation else None,
                    "epochs": [epoch.row() for epoch in outcome.epochs],
                },
                indent=2,
            )
        )
        return
    for line in lines:
        report.say(line)
    report.say(f"\nwrote {folder}: best.safetensors, results.csv, curves.svg, pictures/ and more")
    report.say(f"next: fpnc predict {folder} IMAGE...{HELP if False else ''}")


def _silence_libraries() -> None:
    """Of several processes one is enough to talk."""
    if os.environ.get("RANK", "0") != "0":
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
