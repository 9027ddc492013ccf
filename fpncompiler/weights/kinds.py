"""What a file is, by how it begins and not by its name."""

import stat
import zipfile
from pathlib import Path
from typing import Literal

from fpncompiler.weights.errors import WeightsError

Format = Literal["torch", "safetensors"]
LARGEST = 8 << 30  # bytes of a file, and of the values in it
WANTED = "give a .pth of torch.save or a .safetensors file"
# How files begin that are taken for weights, what they are, and what to do.
STRANGERS = (
    (
        b"version https://git-lfs",
        "is a pointer of Git LFS, not the file that it stands for",
        "run `git lfs pull` where it comes from",
    ),
    (b"<", "is a web page or other markup", "the download has failed: get the file again"),
    (b"\x89HDF", "is HDF5, as Keras writes it", WANTED),
    (b"\x1f\x8b", "is packed by gzip", "unpack it first"),
    (b"\x93NUMPY", "is an array of NumPy", WANTED),
)
ZIP, PICKLE = b"PK\x03\x04", b"\x80"
TAR_MAGIC, TAR_PLACE = b"ustar", 257


def format_of(path: Path) -> Format:
    """The format of a file of weights.

    Raises:
        WeightsError: there is no such file, it is too large, or it is something else.
    """
    name = path.as_posix()
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "no plain file"
            raise WeightsError(f"{name} is {what}", WANTED)
        if found.st_size > LARGEST:
            raise WeightsError(
                f"{name} has {found.st_size:,} bytes, and {LARGEST:,} are read at most",
                "save the state dict alone, without the optimizer's",
            )
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise WeightsError(f"there is no file {name}") from None
    except OSError as error:
        raise WeightsError(f"{name}: {error.strerror or error}") from None
    except ValueError:  # a name with NUL
        raise WeightsError(f"{name!r} is no name of a file") from None
    return _format_of_head(head, name, found.st_size, is_named=path.suffix == ".safetensors")


def _format_of_head(head: bytes, name: str, size: int, *, is_named: bool) -> Format:
    if not head:
        raise WeightsError(f"{name} is empty", WANTED)
    for start, what, help in STRANGERS:
        if head.startswith(start):
            raise WeightsError(f"{name} {what}", help)
    if head[TAR_PLACE:].startswith(TAR_MAGIC):
        raise WeightsError(f"{name} is a tar archive, which torch reads no longer", WANTED)
    if head.startswith((ZIP, PICKLE)) and head[8:9] != b"{":
        return "torch"
    if head[8:9] == b"{" or is_named:
        return "safetensors"
    raise WeightsError(f"{name} is no file of weights: it begins with {head[:8]!r}", WANTED)


def check_archive(path: Path) -> None:
    """See that a zip archive is one of torch.save, and no larger unpacked than packed.

    Raises:
        WeightsError: it is not.
    """
    name = path.as_posix()
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(
            f"{name} is cut short or damaged: {error}", "get the file again"
        ) from None
    names = {part.filename.rpartition("/")[2] for part in parts}
    if "constants.pkl" in names:
        raise WeightsError(
            f"{name} is a program of TorchScript, not weights",
            "save `model.state_dict()` by torch.save",
        )
    if "data.pkl" not in names:
        raise WeightsError(f"{name} is a zip archive, but not of torch.save", WANTED)
    if sum(part.file_size for part in parts) > path.stat().st_size:
        raise WeightsError(
            f"{name} is compressed, as torch.save never does, and is not unpacked", WANTED
        )
