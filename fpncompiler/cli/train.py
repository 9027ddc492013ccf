"""`fpnc train`: a topology or a generated file, a data set, a run folder."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpncompiler.cli.options import add_options_of_detector, options_of
from fpncompiler.cli.report import Report
from fpncompiler.cli.training import are_installed, open_splits

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.detectors.detector import Code
    from fpncompiler.training.progress import Watch
    from fpncompiler.training.recipe import Recipe
    from fpncompiler.training.session import Outcome, Plan

RUNS = "runs/train"
OWN = ("epochs", "batch_size", "image_size", "seed")  # settings with an option of their own


def add_train(commands: "Commands") -> None:
    """`fpnc train SPEC --data DATA`."""
    command = commands.add_parser(
        "train",
        help="train a detector on a data set",
        description="Compile a topology, load its backbone's weights, train the detector and"
        " evaluate it after each epoch. Everything goes into a run folder, from which --resume"
        " goes on. Several processes: torchrun --nproc-per-node 2 -m fpncompiler train ..., or"
        " accelerate launch -m fpncompiler train ...",
        epilog="example: fpnc train bifpn --variant lite0 --data data/bccd --image-size 320",
    )
    command.add_argument(
        "spec", nargs="?", metavar="SPEC", help="a topology, or a file that `fpnc compile` wrote"
    )
    _add_data(command)
    _add_settings(command)
    command.add_argument("--runs", default=RUNS, metavar="DIR", help=f"default: {RUNS}")
    command.add_argument(
        "--name", dest="run_name", metavar="NAME", help="of the run folder (default: the model's)"
    )
    command.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped")
    command.add_argument(
        "--device", choices=("auto", "cpu"), default="auto", help="auto (default): a GPU if any"
    )
    command.add_argument("--tensorboard", action="store_true", help="write its events as well")
    command.add_argument(
        "--dry-run", action="store_true", help="build all, time three steps, and write nothing"
    )
    command.add_argument("--json", action="store_true", help="print the results as JSON")
    add_options_of_detector(command)
    command.set_defaults(run=_run, usage_error=command.error)


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", metavar="DATA", help="a COCO, Pascal VOC or YOLO data set")
    command.add_argument("--train-split", default="train", metavar="NAME", help="default: train")
    command.add_argument(
        "--val-split", default="val", metavar="NAME", help="default: val; `none`: no evaluation"
    )


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--recipe", default="small", metavar="NAME", help="small (default), turned, paper"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting, such as learning_rate=1e-3; may be given again",
    )
    command.add_argument("--settings", action="store_true", help="list all of them, and end")
    for name in OWN:
        option = f"--{name.replace('_', '-')}"
        command.add_argument(option, type=int, metavar="N", help=f"short for --set {name}=N")
    command.add_argument(
        "--backbone-weights",
        metavar="SOURCE",
        help="auto (default), timm, package, none or a file: see docs/weights.md",
    )


def _run(parsed: argparse.Namespace, report: Report) -> None:
    if parsed.settings:
        _tell_settings(report)
    elif not parsed.resume and not (parsed.spec and parsed.data):
        parsed.usage_error("give SPEC and --data, or --resume RUN")
    elif parsed.resume and (parsed.spec or parsed.data or parsed.set or any(_given(parsed))):
        parsed.usage_error("a run goes on with its own settings: give --resume RUN alone")
    elif are_installed(report):
        _silence_others()
        _train(parsed, report)


def _given(parsed: argparse.Namespace) -> list[Any]:
    return [getattr(parsed, name) is not None for name in (*OWN, "backbone_weights")]


def _silence_others() -> None:
    """Of several processes one is enough to talk."""
    if os.environ.get("RANK", "0") != "0":
        sys.stderr = sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _train(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.cli.watching import Display
    from fpncompiler.diagnostics import UserError
    from fpncompiler.training.run_folder import discard_unused
    from fpncompiler.training.session import train

    if parsed.dry_run:
        _try(parsed, report)
        return
    plan = _resumed(parsed, report) if parsed.resume else _planned(parsed, report)
    display = Display(report, plan.recipe.epochs)
    report.aside(f"run folder: {plan.folder.path.as_posix()}")
    try:
        outcome = train(plan, _watch(parsed, plan, display), resume=bool(parsed.resume))
    except UserError:
        if not parsed.resume:
            discard_unused(plan.folder)
        raise
    finally:
        display.close()
    _tell(parsed, plan, outcome, report)


def _watch(parsed: argparse.Namespace, plan: "Plan", display: "Watch") -> "Watch":
    from fpncompiler.cli.watching import Several

    if not parsed.tensorboard:
        return display
    from fpncompiler.training.tensorboard import Events

    return Several([display, Events(plan.folder.path / "tensorboard")])


def _try(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.training.trial import try_steps

    recipe, code = _recipe(parsed), _code(parsed)
    train, val = open_splits(_source(parsed), report)
    for line in try_steps(code, train, val, recipe, parsed.device):
        report.say(line)


def _planned(parsed: argparse.Namespace, report: Report) -> "Plan":
    """A new run. Its folder is made last, when nothing but the training can fail."""
    from fpncompiler.training.run_folder import config_of
    from fpncompiler.training.session import Plan
    from fpncompiler.training.shared import made_once, versions

    recipe, code, source = _recipe(parsed), _code(parsed), _source(parsed)
    train, val = open_splits(source, report)
    source = source | {"images": len(train.items), "classes": list(train.classes)}
    config = config_of(code, source, recipe, versions())
    folder = made_once(Path(parsed.runs), parsed.run_name or code.name, config, code)
    return Plan(code, train, val, recipe, folder, parsed.device)


def _resumed(parsed: argparse.Namespace, report: Report) -> "Plan":
    """A run that was begun, with its own settings."""
    from fpncompiler.training.recipe import recipe_from
    from fpncompiler.training.run_folder import code_of_run, open_run
    from fpncompiler.training.session import Plan

    folder = open_run(Path(parsed.resume))
    train, val = open_splits(folder.config["data"], report)
    recipe = recipe_from(folder.config["recipe"])
    return Plan(code_of_run(folder), train, val, recipe, folder, parsed.device)


def _recipe(parsed: argparse.Namespace) -> "Recipe":
    from fpncompiler.training.recipe import recipe_of

    given = {name: getattr(parsed, name) for name in (*OWN, "backbone_weights")}
    return recipe_of(parsed.recipe, parsed.set, **given)


def _code(parsed: argparse.Namespace) -> "Code":
    """The code of a spec, or of a generated file."""
    from fpncompiler.detectors.code import code_of_file, code_of_spec

    if parsed.spec.endswith(".py"):
        return code_of_file(Path(parsed.spec))
    return code_of_spec(parsed.spec, options_of(parsed))


def _source(parsed: argparse.Namespace) -> dict[str, Any]:
    return {
        "path": Path(parsed.data).resolve().as_posix(),
        "train": parsed.train_split,
        "val": parsed.val_split,
    }


def _tell_settings(report: Report) -> None:
    from fpncompiler.training.recipe import table

    rows = table()
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for key, default, what in rows:
        report.say(f"{key:{widths[0]}}  {default:>{widths[1]}}  {what}")


def _tell(parsed: argparse.Namespace, plan: "Plan", outcome: "Outcome", report: Report) -> None:
    """Print what came of the run."""
    from fpncompiler.evaluation.texts import evaluation_lines

    folder = plan.folder.path.as_posix()
    evaluation = outcome.evaluation
    if parsed.json:
        value = {
            "run": folder,
            "evaluation": evaluation.as_dict() if evaluation else None,
            "epochs": [epoch.row() for epoch in outcome.epochs],
        }
        print(json.dumps(value, indent=2))
        return
    for line in evaluation_lines(evaluation) if evaluation else ():
        report.say(line)
    report.say(f"\nin {folder}: {', '.join(outcome.files)}")
    report.say(f"next: fpnc predict {folder} IMAGE")
