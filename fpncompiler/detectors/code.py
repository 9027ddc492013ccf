"""Generated code for a detector: compiled from a spec, or read from a file."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fpncompiler.api import module_of
from fpncompiler.codegen.header import split_header
from fpncompiler.detectors.detector import Code, Detector, DetectorError
from fpncompiler.options import Options
from fpncompiler.pipeline import Compiled, compile_spec
from fpncompiler.spec.finding import found_spec
from fpncompiler.spec.reading import Levels

LARGEST_FILE = 4 << 20  # bytes
KEPT = ("phi", "variant", "model", "backbone", "levels", "formula_scaling")


def code_of_spec(word: str, options: Options) -> Code:
    """Compile a spec, given by its path or the name of one that ships.

    Raises:
        SpecError: the spec has faults.
        SpecNotFoundError: there is none.
        DetectorError: the model that it makes detects nothing.
    """
    path = found_spec(word)
    return code_of(compile_spec(path, replace(options, classes=None)), word, options)


def code_of(compiled: Compiled, spec: str, options: Options) -> Code:
    """The code that a compilation has written.

    Raises:
        DetectorError: its model detects nothing.
    """
    if compiled.class_name != "EfficientDet":
        raise DetectorError(f"{spec}: this model segments, it detects nothing", "--model names one")
    return Code(compiled.name, spec, compiled.source, choice_of(options))


def code_of_file(path: Path) -> Code:
    """What `fpnc compile` wrote. Its text will be run as Python.

    Raises:
        DetectorError: it cannot be read, or is not one of ours.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else b""
        source = data.decode()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no text"
        raise DetectorError(f"{path.as_posix()}: {why}") from None
    parts = split_header(source)
    if parts is None:
        raise DetectorError(
            f"{path.as_posix()}: this is no file that fpnc has generated",
            "write one: fpnc compile specs/bifpn.yaml --phi 0",
        )
    if "\nclass EfficientDet(" not in source:
        raise DetectorError(
            f"{path.as_posix()}: there is no EfficientDet in it: it detects nothing"
        )
    stem = "".join(c if c.isalnum() and c.isascii() else "_" for c in path.stem)
    return Code(stem, path.as_posix(), source)


def build(
    code: Code, classes: tuple[str, ...], image_size: tuple[int, int] | None = None
) -> Detector:
    """A detector with random weights, for these classes.

    Raises:
        DetectorError: the code cannot be run, or the image size does not suit it.
    """
    try:
        module = module_of(code.source, code.name)
        model = module.EfficientDet(num_classes=len(classes))
    except (ImportError, SyntaxError, AttributeError, TypeError, RuntimeError) as error:
        raise DetectorError(f"{code.spec}: the generated code fails: {error}") from error
    size = image_size or tuple(module.IMAGE_SIZE)
    if min(size) < module.SMALLEST_SIDE:
        raise DetectorError(
            f"images of {size[0]}x{size[1]} pixels are too small for levels {module.LEVELS[0]} to "
            f"{module.LEVELS[-1]}",
            f"take {module.SMALLEST_SIDE} pixels a side or more, or fewer levels",
        )
    return Detector(code, module, model, classes, (int(size[0]), int(size[1])))


def choice_of(options: Options) -> dict[str, Any]:
    """What options say beyond the default, as JSON has it."""
    chosen = {name: getattr(options, name) for name in KEPT}
    if options.levels is not None:
        chosen["levels"] = [options.levels.low, options.levels.high]
    return {name: value for name, value in chosen.items() if value not in (None, False)}


def options_of_choice(choice: Mapping[str, Any]) -> Options:
    """The options that `choice_of` has told.

    Raises:
        DetectorError: it says something else.
    """
    known = {field.name for field in fields(Options)} & set(KEPT)
    if not set(choice) <= known:
        raise DetectorError(
            "the weights were made by another version of fpnc, or by something else"
        )
    given = dict(choice)
    if "levels" in given:
        finest, coarsest = (int(level) for level in given["levels"])
        given["levels"] = Levels(finest, coarsest)
    return Options(**given)
