"""`fpnc predict`: a detector on images, folders, patterns and videos."""

import argparse
import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fpncompiler.cli.detecting import add_detector, counted, opened, progress, reported, settings_of
from fpncompiler.cli.report import FINDINGS, HELP, TROUBLE, Report

if TYPE_CHECKING:
    from fpncompiler.cli.options import Commands
    from fpncompiler.detectors.detector import Detector
    from fpncompiler.evaluation.detecting import Found
    from fpncompiler.prediction.document import Document
    from fpncompiler.prediction.predicting import Predicted, Using
    from fpncompiler.prediction.sources import Source, Sources

DEFAULT_OUTPUT = "build/predictions"


def add_predict(commands: "Commands") -> None:
    """`fpnc predict DETECTOR SOURCE...`."""
    command = commands.add_parser(
        "predict",
        help="find objects in images and videos",
        description="Run a detector on images and videos, draw what it finds, and say it as JSON."
        " What cannot be read is reported and skipped.",
        epilog="example: fpnc predict runs/bifpn_lite0 photos 'more/**/*.jpg' --score 0.4",
    )
    command.lists_files = True
    command.add_argument(
        "detector", metavar="DETECTOR", help="a run folder of `fpnc train`, or .safetensors"
    )
    command.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="images, videos, folders (without the folders in them), or patterns in quotes",
    )
    command.add_argument(
        "-o", "--output", default=DEFAULT_OUTPUT, metavar="DIR", help=f"default: {DEFAULT_OUTPUT}"
    )
    command.add_argument(
        "--classes", metavar="NAME,...", help="classes that are looked for (default: all)"
    )
    command.add_argument(
        "--json", metavar="FILE", help="write all detections as one COCO document; - prints it"
    )
    command.add_argument(
        "--no-pictures", action="store_true", help="write no labelled pictures and videos"
    )
    command.add_argument(
        "--every",
        type=counted(100_000),
        default=1,
        metavar="N",
        help="of a video take each N-th frame (default: 1)",
    )
    add_detector(command, score=0.3, score_flag="--score")
    command.set_defaults(run=_run, usage_error=command.error)


@dataclass(slots=True)
class _Work:
    """A run as it goes on."""

    using: "Using"
    report: Report
    document: "Document"
    folder: Path | None  # of pictures
    prints_json: bool
    every: int
    read: int = 0
    skipped: int = 0
    written: list[Path] = field(default_factory=list)

    @property
    def classes(self) -> Sequence[str]:
        return self.using.detector.classes

    def skip(self, file: str, reason: str, what: str = "skipped") -> None:
        self.skipped += 1
        self.report.aside(f"{what} {file}: {reason}")

    def say(self, text: str) -> None:
        (self.report.aside if self.prints_json else self.report.say)(text)


def _run(parsed: argparse.Namespace, report: Report) -> None:
    from fpncompiler.codegen.files import check_target
    from fpncompiler.prediction.sources import sources_of

    writes_file = parsed.json not in (None, "-")
    if writes_file:
        check_target(Path(parsed.json))
    sources = sources_of(parsed.sources)
    fault = "" if parsed.no_pictures else _overwriting(sources, Path(parsed.output))
    if fault:
        report.trouble(fault)
        return
    with reported(report):
        _predict(parsed, opened(parsed), sources, report)


def _overwriting(sources: "Sources", folder: Path) -> str:
    """What would be lost if pictures went into a folder."""
    inside = [each.file for each in sources.found if each.file.resolve().parent == folder.resolve()]
    if not inside:
        return ""
    return (
        f"pictures would be written beside {inside[0].as_posix()}, perhaps over it"
        f"{HELP}another folder for -o, or --no-pictures"
    )


def _predict(
    parsed: argparse.Namespace, detector: "Detector", sources: "Sources", report: Report
) -> None:
    from fpncompiler.evaluation.devices import device_of
    from fpncompiler.evaluation.ready import running
    from fpncompiler.prediction.document import Document
    from fpncompiler.prediction.predicting import Using

    wanted = _wanted(parsed, detector)
    device = device_of(parsed.device)
    folder = None if parsed.no_pictures else Path(parsed.output)
    with running(detector, device) as ready:
        using = Using(ready, settings_of(parsed), parsed.batch_size, device, wanted)
        document = Document(detector.classes)
        work = _Work(using, report, document, folder, parsed.json == "-", parsed.every)
        for missing in sources.skipped:
            work.skip(missing.file, missing.reason)
        if sources.others:
            names = ", ".join(file.as_posix() for file in sources.others[:3])
            more = ", ..." if len(sources.others) > 3 else ""
            report.aside(f"left out {_files(len(sources.others))} of other kinds: {names}{more}")
        if folder is not None and sources.found:
            folder.mkdir(parents=True, exist_ok=True)
        _images(work, [each for each in sources.found if not each.is_video])
        for each in sources.found:
            if each.is_video:
                _video(work, each)
    _finish(parsed, work)


def _wanted(parsed: argparse.Namespace, detector: "Detector") -> frozenset[int]:
    """The indices of the classes that are named."""
    from fpncompiler.detectors.detector import DetectorError
    from fpncompiler.diagnostics import suggest

    names = [name.strip() for name in (parsed.classes or "").split(",") if name.strip()]
    known = {name.strip().casefold(): index for index, name in enumerate(detector.classes)}
    for name in names:
        if name.casefold() not in known:
            help = suggest(name, detector.classes)
            raise DetectorError(f"--classes: the detector knows no {name!r}", help)
    if parsed.classes is not None and not names:
        parsed.usage_error("--classes names none")
    return frozenset(known[name.casefold()] for name in names)


def _images(work: _Work, sources: "Sequence[Source]") -> None:
    from fpncompiler.evaluation.reading import Skipped
    from fpncompiler.prediction.predicting import predicted

    with progress("image") as tell:
        for number, each in enumerate(predicted(work.using, sources), start=1):
            if isinstance(each, Skipped):
                work.skip(each.file, each.reason)
            else:
                _image(work, each)
            tell(number, len(sources))


def _image(work: _Work, each: "Predicted") -> None:
    from fpncompiler.codegen.files import put_file
    from fpncompiler.detection.labelling import encoded, labelled
    from fpncompiler.evaluation.pictures import labels_of

    file = each.source.file.as_posix()
    height, width = each.image.shape[-2:]
    work.read += 1
    work.document.add(file, (height, width), each.found)
    work.say(f"{file}: {_told(each.found, work.classes)}")
    if work.folder is not None:
        target = work.folder / f"{each.source.name}.jpg"
        picture = labelled(each.image, labels_of(each.found, work.classes))
        put_file(target, encoded(picture), replace=True)
        work.written.append(target)


def _told(found: "Found", classes: Sequence[str]) -> str:
    """`3 cell, 1 tree`."""
    counts = Counter(found["labels"].tolist())
    return ", ".join(f"{counts[k]} {classes[k]}" for k in sorted(counts)) or "nothing"


def _video(work: _Work, source: "Source") -> None:
    from fpncompiler.prediction.video import VideoError, predicted_frames

    file = source.file.as_posix()
    target = None if work.folder is None else work.folder / f"{source.name}.mp4"
    frames = boxes = 0
    try:
        taken = predicted_frames(work.using, source.file, work.every, target)
        with progress("frame") as tell, contextlib.closing(taken):
            for frame in taken:
                frames += 1
                boxes += len(frame.found["scores"])
                height, width = frame.image.shape[-2:]
                facts = {"frame": frame.number, "seconds": frame.second}
                work.document.add(file, (height, width), frame.found, **facts)
                tell(frames, 0)
    except VideoError as error:
        work.skip(file, str(error), "incomplete" if frames else "skipped")
    if frames:
        work.read += 1
        work.say(f"{file}: {boxes} detections in {frames} frames")
    if target is not None and frames and target.is_file():
        work.written.append(target)


def _files(count: int) -> str:
    """`1 file`, `2 files`."""
    return f"{count} file{'s' * (count != 1)}"


def _finish(parsed: argparse.Namespace, work: _Work) -> None:
    from fpncompiler.codegen.files import put_file

    if work.skipped:
        work.report.code = max(work.report.code, FINDINGS if work.read else TROUBLE)
    text = json.dumps(work.document.as_dict(), ensure_ascii=False)
    if work.prints_json:
        print(text)
    elif parsed.json:
        put_file(Path(parsed.json), text.encode(), replace=True)
        work.report.aside(f"wrote {parsed.json}")
    if work.written:
        work.report.aside(f"wrote {_files(len(work.written))} into {parsed.output}")
    if work.skipped:
        work.report.aside(f"could not be read: {_files(work.skipped)}")
