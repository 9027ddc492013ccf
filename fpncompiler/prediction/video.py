"""Videos by PyAV: frames in, labelled frames out."""

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

from fpncompiler.datasets.decoding import MAX_PIXELS
from fpncompiler.detection.labelling import labelled
from fpncompiler.evaluation.detecting import Found
from fpncompiler.evaluation.pictures import labels_of
from fpncompiler.evaluation.reading import batches, framed
from fpncompiler.prediction.predicting import Using, found_in

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL.Image import Image

# suffix -> demuxer, so that no file is read as a list of other files or addresses
CONTAINERS: Mapping[str, str] = {
    ".avi": "avi",
    ".m4v": "mov",
    ".mkv": "matroska",
    ".mov": "mov",
    ".mp4": "mov",
    ".webm": "matroska",
}
USUAL_RATE = Fraction(25)  # frames a second, of videos that do not say
CODECS = ("libx264", "mpeg4")


class VideoError(Exception):
    """A video cannot be read or written; the message says why, without its path."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame uint8 [3, H, W] of a video: its number from 0, when it is shown, and what is seen."""

    number: int
    second: float | None
    image: Tensor
    found: Found


def predicted_frames(
    using: Using, file: Path, every: int, target: Path | None
) -> Generator[Frame, None, None]:
    """Detect on each `every`-th frame of a video; these make the labelled video `target`.

    `target` is written whole, with all frames that could be decoded, or not at all; close the
    generator if you leave early.

    Raises:
        VideoError: PyAV is missing, no frame can be decoded, or none written; also at the end,
            where only the first frames could be decoded.
    """
    try:
        import av
    except ImportError as error:
        raise VideoError("videos need PyAV: pip install 'fpnc[video]'") from error

    kind = CONTAINERS[file.suffix.lower()]
    try:
        with av.open(file.resolve().as_posix(), format=kind) as container:
            frames = _Frames(container, every)
            with _Output(target, frames.rate / every) as output:
                for batch in batches(frames, using.batch_size):
                    for frame in _detected(using, batch):
                        output.add(frame, using.detector.classes)
                        yield frame
    except (av.FFmpegError, OSError) as error:
        raise VideoError(_reason(error)) from error
    if frames.broken:
        raise VideoError(frames.broken)


_Raw = tuple[int, float | None, Tensor]


def _detected(using: Using, batch: Sequence[_Raw]) -> Iterator[Frame]:
    images = [framed(image, using.detector.image_size) for _, _, image in batch]
    for (number, second, image), found in zip(batch, found_in(using, images), strict=True):
        yield Frame(number, second, image, found)


class _Frames:
    """Each `every`-th frame that can be decoded; `broken` says afterwards what could not be."""

    def __init__(self, container: "InputContainer", every: int) -> None:
        if not container.streams.video:
            raise VideoError("there is no video in it")
        self.stream = container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self.container, self.every = container, every
        self.rate = Fraction(self.stream.average_rate or USUAL_RATE)
        self.broken = ""
        self.end = 0.0  # seconds, of the last frame

    def __iter__(self) -> Iterator[_Raw]:
        number = -1
        for number, frame in enumerate(self._decoded()):
            if frame.width * frame.height > MAX_PIXELS:
                raise VideoError(f"{frame.width} x {frame.height} pixels are too many")
            self.end = max(self.end, (frame.time or 0.0) + float(1 / self.rate))
            if number % self.every == 0:
                yield number, frame.time, _image(frame)
        if number < 0:
            raise VideoError(self.broken or "there is no frame in it")
        self.broken = self.broken or self._shortfall()

    def _decoded(self) -> Iterator["VideoFrame"]:
        """The frames; a piece that cannot be decoded is left out."""
        import av

        try:
            for packet in self.container.demux(self.stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError as error:
                    self.broken = f"not all of its frames can be decoded: {_reason(error)}"
                    continue
                yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))
        except (av.FFmpegError, OSError) as error:
            self.broken = f"it breaks off: {_reason(error)}"

    def _shortfall(self) -> str:
        """What is said of a video that ends long before it says, as one that was cut does."""
        import av

        said = 0.0
        if self.stream.duration and self.stream.time_base:
            said = float(self.stream.duration * self.stream.time_base)
        elif self.container.duration and not self.container.streams.audio:
            said = self.container.duration / av.time_base
        if said - self.end <= max(0.5, said / 20):
            return ""
        return f"it ends after {self.end:.1f} of {said:.1f} seconds"


class _Output:
    """The labelled video, beside its place until it is whole."""

    def __init__(self, target: Path | None, rate: Fraction) -> None:
        self.target, self.rate = target, rate
        self.part = target.with_name(f".{target.name}.part") if target else Path()
        self.container: OutputContainer | None = None
        self.stream: VideoStream | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, frame: Frame, classes: Sequence[str]) -> None:
        """Label a frame and append it; the first one gives the size."""
        if self.target is None:
            return
        import av

        picture = labelled(frame.image, labels_of(frame.found, classes))
        if self.container is None:
            self._open(picture)
        assert self.container is not None
        assert self.stream is not None
        picture = _even(picture)
        if picture.size != (self.stream.width, self.stream.height):
            picture = picture.resize((self.stream.width, self.stream.height))
        shown = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        self.container.mux(self.stream.encode(shown))

    def _open(self, picture: "Image") -> None:
        import av

        codec = next(name for name in CODECS if name in av.codecs_available)
        self.container = av.open(self.part.as_posix(), "w", format="mp4")
        stream = self.container.add_stream(codec, rate=self.rate.limit_denominator(65535))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = _even(picture).size
        stream.pix_fmt = "yuv420p"
        self.stream = stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.container is None or self.target is None:
            return
        try:
            if error is None:
                assert self.stream is not None
                self.container.mux(self.stream.encode())
            self.container.close()
            if error is None:
                os.replace(self.part, self.target)
        finally:
            self.part.unlink(missing_ok=True)


def _image(frame: "VideoFrame") -> Tensor:
    """A frame as uint8 [3, H, W], turned as it is shown."""
    pixels = np.rot90(frame.to_ndarray(format="rgb24"), k=round(frame.rotation / 90))
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _even(picture: "Image") -> "Image":
    """A picture with even sides, as video has them: by a black row or column more."""
    width, height = picture.size
    return picture.crop((0, 0, width + width % 2, height + height % 2))


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
