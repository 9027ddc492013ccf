"""`fpnc weights`: checkpoints shown, and loaded into generated models."""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpncompiler.cli.options import options_of
from fpncompiler.cli.report import Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.detectors.detector import Code
    from fpncompiler.detectors.importing import Imported
    from fpncompiler.options import Options
    from fpncompiler.pipeline import Compiled
    from fpncompiler.weights.effdet import Key
    from fpncompiler.weights.files import Weights

JSON_VERSION = 1
SUFFIX = ".safetensors"
SHOWN = 10  # misfits of a kind in a summary


def add_weights(commands: "Commands") -> None:
    """`fpnc weights import | show | pack`."""
    command = commands.add_parser(
        "weights",
        help="load a checkpoint of effdet into a generated model; show what a file holds",
        description="Files of weights, .pth or .safetensors. Reading one runs nothing in it.",
        epilog="example: fpnc weights import tf_efficientdet_d0.pth --to generated/bifpn_d0.py",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    _add_import(actions)
    _add_show(actions)
    _add_pack(actions)


def _add_import(actions: "Commands") -> None:
    command = actions.add_parser(
        "import",
        help="load a checkpoint of effdet into a generated model",
        description="Load a checkpoint of effdet, or a state dict of the model itself, into a"
        " generated file's model, and write its weights for `fpnc eval`, `predict` and `export`."
        " Runs the file's code.",
        epilog="exit codes: 0 everything fits, 1 something does not and nothing is written, 2 usage"
        " or environment",
    )
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="a .pth or .safetensors file")
    command.add_argument("--to", required=True, metavar="FILE", help="what `fpnc compile` wrote")
    command.add_argument(
        "-o", "--output", metavar="OUT", help=f"default: build/, FILE's name and {SUFFIX}"
    )
    command.add_argument(
        "--spec", metavar="SPEC", help="what FILE was made from (default: what its header says)"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--classes",
        type=_count,
        metavar="N",
        help="of the model (default: as many as the checkpoint has); for another number the class"
        " head's prediction keeps its initial values",
    )
    which.add_argument("--names", metavar="FILE", help="their names, one a line")
    command.add_argument(
        "--no-ema", action="store_true", help="not the averaged weights, where there are both"
    )
    command.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of initial values (default: 0)"
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument(
        "--report", choices=("summary", "all"), default="summary", help="all: a line a key"
    )
    form.add_argument("--json", action="store_true", help="what became of every key, as JSON")
    command.set_defaults(run=_run_import, usage_error=command.error)


def _add_show(actions: "Commands") -> None:
    command = actions.add_parser("show", help="list the tensors in a file of weights")
    command.add_argument("file", metavar="FILE", help="a .pth or .safetensors file")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the same as JSON")
    form.add_argument(
        "--card", action="store_true", help="what a detector's file says of itself, as JSON"
    )
    command.set_defaults(run=_run_show, usage_error=command.error)


def _add_pack(actions: "Commands") -> None:
    command = actions.add_parser(
        "pack",
        help="the best weights of a run as one small file",
        description="Write a detector's weights with their card, as 16-bit numbers, half as large."
        " The file needs no run folder beside it where the spec is at hand.",
        epilog="example: fpnc weights pack runs/train/bifpn_lite0 -o trees.safetensors",
    )
    command.add_argument("detector", metavar="DETECTOR", help="a run folder, or .safetensors")
    command.add_argument("-o", "--output", required=True, metavar="OUT", help="a .safetensors file")
    command.add_argument("--full", action="store_true", help="keep 32-bit numbers")
    command.set_defaults(run=_run_pack, usage_error=command.error)


def _run_pack(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.codegen.files import check_target
    from fpncompiler.detectors.checkpoints import open_detector, save_detector

    output = Path(parsed.output)
    if output.suffix != SUFFIX:
        parsed.usage_error(f"-o {output.as_posix()}: the file's name ends in {SUFFIX}")
    detector = open_detector(Path(parsed.detector))
    check_target(output)
    save_detector(output, detector, detector.model.state_dict(), half=not parsed.full)
    size = output.stat().st_size
    report.say(f"wrote {output.as_posix()}: {size / 1e6:.1f} MB, {len(detector.classes)} classes")


def _run_show(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.weights.files import open_weights

    weights = open_weights(Path(parsed.file))
    if parsed.card:
        if "fpnc" not in weights.metadata:
            report.trouble(f"{parsed.file}: these weights have no card")
            return
        report.say(json.dumps(json.loads(weights.metadata["fpnc"]), indent=2))
        return
    report.say(_shown_as_json(weights) if parsed.json else _shown(weights))


def _shown(weights: "Weights") -> str:
    """A line a tensor, and what they come to."""
    width = max(len(key) for key in weights.state)
    lines = [
        f"{key:{width}}  {_dtype(value):8}  {[*value.shape]}"
        for key, value in weights.state.items()
    ]
    count = sum(value.numel() for value in weights.state.values())
    size = sum(value.numel() * value.element_size() for value in weights.state.values())
    lines.append(f"{len(weights.state)} tensors, {count:,} values, {size:,} bytes")
    lines.append(f"from {weights.origin}" + _around(weights))
    lines += [f"metadata {key}: {value}" for key, value in sorted(weights.metadata.items())]
    return "\n".join(lines)


def _around(weights: "Weights") -> str:
    """What was left out, in words."""
    prefix = f"; keys began with `{weights.prefix}`" if weights.prefix else ""
    dropped = f"; not used: {', '.join(weights.dropped)}" if weights.dropped else ""
    return prefix + dropped


def _shown_as_json(weights: "Weights") -> str:
    tensors = {
        key: {"dtype": _dtype(value), "shape": [*value.shape]}
        for key, value in weights.state.items()
    }
    document = {
        "version": JSON_VERSION,
        **_origin(weights),
        "metadata": dict(sorted(weights.metadata.items())),
        "values": sum(value.numel() for value in weights.state.values()),
        "tensors": tensors,
    }
    return json.dumps(document, indent=2)


def _origin(weights: "Weights") -> dict[str, Any]:
    return {
        "format": weights.format,
        "part": weights.part,
        "prefix": weights.prefix,
        "dropped": [*weights.dropped],
    }


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _run_import(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.codegen.files import check_target
    from fpncompiler.detectors.checkpoints import save_detector
    from fpncompiler.detectors.importing import import_checkpoint
    from fpncompiler.weights.errors import MisfitError
    from fpncompiler.weights.kinds import format_of

    file, checkpoint = Path(parsed.to), Path(parsed.checkpoint)
    output = Path(parsed.output) if parsed.output else Path("build", f"{file.stem}{SUFFIX}")
    format_of(checkpoint)
    if output.suffix != SUFFIX:
        parsed.usage_error(f"-o {output.as_posix()}: the file's name ends in {SUFFIX}")
    if output.exists() and output.samefile(checkpoint):
        parsed.usage_error(f"-o {output.as_posix()}: this is the checkpoint itself")
    code, compiled = _code(file, parsed.spec)
    names = _names(Path(parsed.names)) if parsed.names else None
    output.parent.mkdir(parents=True, exist_ok=True)
    check_target(output)
    imported = import_checkpoint(
        checkpoint,
        code,
        compiled,
        classes=names or parsed.classes,
        averaged=not parsed.no_ema,
        seed=parsed.seed,
    )
    fits = imported.matching.fits
    if fits:
        save_detector(output, imported.detector, imported.detector.model.state_dict())
    written = output.as_posix() if fits else ""
    if parsed.json:
        report.say(_as_json(imported, written))
    else:
        for line in _lines(imported, checkpoint, written, everything=parsed.report == "all"):
            report.say(line)
    if not fits:
        raise MisfitError(
            f"{checkpoint.as_posix()} does not fit {file.as_posix()}: nothing is written",
            "; ".join(imported.matching.hints),
        )


def _code(file: Path, spec: str | None) -> "tuple[Code, Compiled]":
    """A generated file, and its spec as it compiles now."""
    from fpncompiler.codegen.files import check_file
    from fpncompiler.detectors.code import choice_of, code_of_file
    from fpncompiler.pipeline import compile_spec
    from fpncompiler.spec.finding import found_spec
    from fpncompiler.weights.errors import WeightsError

    code = code_of_file(file)
    word, options = _request(file, spec)
    if options.inference:
        raise WeightsError(
            f"{file.as_posix()} is the form for inference, which has no weights of training",
            "import into the training form; its `fuse_for_inference()` gives the other",
        )
    compiled = compile_spec(found_spec(word), options)
    if check_file(file, compiled.source).state != "current":
        return code, compiled
    return replace(code, spec=word, choice=choice_of(options)), compiled


def _request(file: Path, spec: str | None) -> "tuple[str, Options]":
    """The spec and the options that a generated file was made with."""
    from fpncompiler.cli.recorded import RecordedError, recorded
    from fpncompiler.options import Options
    from fpncompiler.weights.errors import WeightsError

    try:
        request = recorded(file, file.parent)
    except RecordedError as error:
        raise WeightsError(f"{file.as_posix()}: {error}", "compile it again") from None
    if request is not None:
        return spec or _portable(request.spec), options_of(request)
    if spec is None:
        raise WeightsError(
            f"{file.as_posix()}: its header names no spec file", "name one by `--spec`"
        )
    return spec, Options()


def _portable(spec: str) -> str:
    """`bifpn` for `specs/bifpn.yaml`: by its name it is found here, or among those that ship."""
    path = Path(spec)
    return path.stem if path.parts[:-1] == ("specs",) else spec


def _names(path: Path) -> tuple[str, ...]:
    from fpncompiler.datasets.raw import read_classes

    return read_classes(path)


def _lines(
    imported: "Imported", checkpoint: Path, written: str, *, everything: bool
) -> Iterator[str]:
    """What became of the keys, for people."""
    from fpncompiler.weights.effdet import FATES, MISFITS

    matching, detector = imported.matching, imported.detector
    yield f"{checkpoint.as_posix()}: {imported.weights.origin}{_around(imported.weights)}"
    for fate, words in FATES.items():
        keys = matching.of(fate)
        if not keys:
            continue
        yield f"  {len(keys):5} {words}{_common(keys)}"
        if everything or fate in MISFITS or fate == "initial":
            yield from (f"          {_told(key)}" for key in keys[: None if everything else SHOWN])
            if len(keys) > SHOWN and not everything:
                yield f"          ... and {len(keys) - SHOWN} more; --report all lists them"
    if written:
        total = len(detector.model.state_dict())
        yield (
            f"wrote {written}: {len(matching.state)} of {total} tensors from the checkpoint, "
            f"{len(detector.classes)} classes"
        )


def _common(keys: "list[Key]") -> str:
    """What is said of all keys, said once."""
    details = sorted({key.detail for key in keys if "->" in key.detail})
    return f" ({', '.join(details)})" if details else ""


def _told(key: "Key") -> str:
    detail = f": {key.detail}" if key.detail else ""
    if not key.ours or not key.theirs or key.ours == key.theirs:
        return f"{key.ours or key.theirs}{detail}"
    return f"{key.theirs} -> {key.ours}{detail}"


def _as_json(imported: "Imported", written: str) -> str:
    """What became of every key, for programs."""
    from fpncompiler.weights.effdet import FATES

    matching = imported.matching
    document = {
        "version": JSON_VERSION,
        **_origin(imported.weights),
        "fits": matching.fits,
        "written": written or None,
        "classes": [*imported.detector.classes],
        "counts": {fate: len(matching.of(fate)) for fate in FATES},
        "hints": [*matching.hints],
        "keys": [
            {
                "fate": key.fate,
                "model": key.ours or None,
                "checkpoint": key.theirs or None,
                "detail": key.detail,
            }
            for key in matching.keys
        ],
    }
    return json.dumps(document, indent=2)


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of classes from 1 up")
    return int(text)
