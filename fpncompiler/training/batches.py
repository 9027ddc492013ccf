"""Batches of a data set in a random order that depends on the seed and the epoch alone.

    epoch 0: 7 2 5 1 | 0 6 3 4 | 8 7 2 5      the last batch is filled from the epoch's beginning
    process 0: 7 2 | 0 6 | 8 7                each process takes its part of each batch

So a run that is resumed, or spread over more processes, sees the same batches; and what is done to
an image at random depends on seed, epoch and image, not on who reads it.
"""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from fpncompiler.datasets.images import ImageError, read_image
from fpncompiler.datasets.model import DataSet, Item
from fpncompiler.training.augment import Sample, augment
from fpncompiler.training.objective import Batch
from fpncompiler.training.recipe import Recipe

Place = tuple[int, int]  # epoch, index of the image
AHEAD = 4  # batches that a worker prepares before they are asked for


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of each batch a process has."""

    rank: int = 0
    processes: int = 1


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches in which each image comes at least once."""
    return -(-images // batch_size)


def epoch_order(images: int, seed: int, epoch: int) -> list[int]:
    """Every index once, in the order of an epoch."""
    generator = torch.Generator().manual_seed(_mixed(seed, epoch))
    return torch.randperm(images, generator=generator).tolist()


@dataclass(frozen=True, slots=True)
class Order:
    """The batches of the steps from `first` to the end, as places of a process's images."""

    images: int
    batch_size: int
    epochs: int
    seed: int
    first: int = 0
    share: Share = Share()

    def __iter__(self) -> Iterator[list[Place]]:
        steps = steps_per_epoch(self.images, self.batch_size)
        part = self.batch_size // self.share.processes
        for epoch in range(self.first // steps, self.epochs):
            order = epoch_order(self.images, self.seed, epoch)
            for step in range(self.first % steps if epoch == self.first // steps else 0, steps):
                start = step * self.batch_size + self.share.rank * part
                yield [(epoch, order[(start + i) % len(order)]) for i in range(part)]

    def __len__(self) -> int:
        return self.epochs * steps_per_epoch(self.images, self.batch_size) - self.first


class Samples(Dataset[tuple[Sample, str, str]]):
    """The images of a data set, augmented; by place, not by index."""

    def __init__(self, items: Sequence[Item], frame: tuple[int, int], recipe: Recipe) -> None:
        self.items = items
        self.frame = frame
        self.recipe = recipe

    def __getitem__(self, place: Place) -> tuple[Sample, str, str]:
        """A sample, the name of its file, and that of one which could not be read, if any."""
        epoch, index = place
        sample, item, unreadable = self._readable(index)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_mixed(self.recipe.seed, epoch, index))
            return augment(sample, self.frame, self.recipe), item.file.as_posix(), unreadable

    def _readable(self, index: int) -> tuple[Sample, Item, str]:
        """The image at an index, or the next that can be read."""
        unreadable = ""
        for offset in range(len(self.items)):
            item = self.items[(index + offset) % len(self.items)]
            try:
                return sample_of(item), item, unreadable
            except ImageError as error:
                unreadable = unreadable or f"{item.file.as_posix()}: {error}"
        raise ImageError(f"none of the images can be read; the first: {unreadable}")


def sample_of(item: Item) -> Sample:
    """An item with its pixels.

    Raises:
        ImageError: they cannot be read.
    """
    return Sample(
        read_image(item.file),
        torch.tensor(item.boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(item.labels, dtype=torch.int64),
        torch.tensor(item.crowd, dtype=torch.bool),
    )


@dataclass(frozen=True, slots=True)
class Collate:
    """Makes a batch of samples, with room for the same number of boxes in each image."""

    room: int

    def __call__(self, samples: Sequence[tuple[Sample, str, str]]) -> Batch:
        """The batch of what `Samples` gives."""
        count = len(samples)
        boxes = torch.zeros(count, self.room, 4)
        labels = torch.full((count, self.room), -1)
        crowd = torch.zeros(count, self.room, dtype=torch.bool)
        for row, (sample, _, _) in enumerate(samples):
            found = len(sample.labels)
            boxes[row, :found] = sample.boxes
            labels[row, :found] = sample.labels
            crowd[row, :found] = sample.crowd
        images = torch.stack([sample.image for sample, _, _ in samples])
        unreadable = tuple(why for _, _, why in samples if why)
        return Batch(
            images, boxes, labels, crowd, tuple(name for _, name, _ in samples), unreadable
        )


def create_loader(
    data: DataSet, frame: tuple[int, int], recipe: Recipe, first: int, share: Share
) -> "DataLoader[Batch]":
    """Batches of all steps from `first` on; workers keep a few ready."""
    order = Order(
        len(data.items), recipe.batch_size, recipe.epochs, recipe.seed, first=first, share=share
    )
    room = max(1, *(len(item.boxes) for item in data.items))
    return DataLoader(
        Samples(data.items, frame, recipe),  # type: ignore[arg-type]
        batch_sampler=order,
        collate_fn=Collate(room),
        num_workers=recipe.workers,
        prefetch_factor=AHEAD if recipe.workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_quiet,
        generator=torch.Generator().manual_seed(recipe.seed),  # or it would draw from torch's own
    )


def _quiet(worker: int) -> None:
    """Leave signals, which a whole group gets, to the process that trains; read in one thread."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    torch.set_num_threads(1)


def _mixed(*numbers: int) -> int:
    """One seed of several numbers, which differs wherever one of them does."""
    seed = 0x9E3779B97F4A7C15
    for number in numbers:
        seed = ((seed ^ number) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & (2**63 - 1)
        seed ^= seed >> 31
    return seed
