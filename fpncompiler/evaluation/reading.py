"""Images read and framed by threads, ahead of the model that takes them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from torch import Tensor

from fpncompiler.datasets.images import ImageError, read_image
from fpncompiler.detection.pictures import letterbox

T = TypeVar("T")
WORKERS = 4


@dataclass(frozen=True, slots=True)
class Framed:
    """An image in its frame: uint8 [3, H, W], the factor to the frame's pixels, its own size.

    `image` is the image itself, uint8 [3, h, w], where somebody has asked to keep it.
    """

    frame: Tensor
    scale: float
    height: int
    width: int
    image: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What was asked for, and the image, or the reason why there is none."""

    asked: T
    framed: Framed | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that could not be used, and why."""

    file: str
    reason: str


def framed(image: Tensor, size: tuple[int, int], *, keep: bool = False) -> Framed:
    """An image uint8 [3, h, w] scaled into a frame of `size` (height, width), its aspect kept."""
    frame, scale = letterbox(image, size)
    return Framed(frame, scale, image.shape[-2], image.shape[-1], image if keep else None)


def read_ahead(
    wanted: Iterable[T],
    file_of: Callable[[T], Path],
    size: tuple[int, int],
    ahead: int,
    *,
    keep: bool = False,
) -> Iterator[Read[T]]:
    """Read images in their order, at most `ahead` of them before they are taken."""
    source = iter(wanted)
    with ThreadPoolExecutor(WORKERS, "fpnc-read") as pool:
        waiting: deque[Future[Read[T]]] = deque()
        try:
            for each in source:
                waiting.append(pool.submit(_read, each, file_of, size, keep))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read(wanted: T, file_of: Callable[[T], Path], size: tuple[int, int], keep: bool) -> Read[T]:
    try:
        return Read(wanted, framed(read_image(file_of(wanted)), size, keep=keep))
    except ImageError as error:
        return Read(wanted, None, str(error))


def batches(source: Iterable[T], size: int) -> Iterator[list[T]]:
    """`size` at a time, the last ones fewer."""
    source = iter(source)
    while batch := [*islice(source, size)]:
        yield batch
