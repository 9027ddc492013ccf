"""Images that stand in two splits: what is learnt there cannot be measured there."""

from collections.abc import Sequence

from fpncompiler.datasets.checking import file_digest
from fpncompiler.datasets.findings import Finding, Findings
from fpncompiler.datasets.model import DataSet

UNIONS = ("all", "trainval")  # splits that hold others by their nature


def leaks(splits: Sequence[DataSet], *, by_content: bool) -> tuple[Finding, ...]:
    """The images of several splits that are in more than one, each with the first that has it.

    Args:
        by_content: files of other names count too, if their bytes are the same.
    """
    findings = Findings()
    names: dict[str, tuple[str, str]] = {}
    for split in splits:
        if split.split in UNIONS:
            continue
        for item in split.items:
            key = file_digest(item.file) if by_content else str(item.file.resolve())
            first, file = names.setdefault(key, (split.split, item.file.as_posix()))
            if first != split.split:
                other = "" if file == item.file.as_posix() else f", as {file}"
                message = f"it is in `{split.split}` and in `{first}`{other}"
                findings.add("D924", message, item.file)
    return tuple(findings.found)
