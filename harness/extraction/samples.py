"""From rows to batches: decoding, augmentation and boxes, the same in this process and in workers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision import tv_tensors

from harness.basics.seeds import derive
from harness.boxes import Boxes
from harness.data.images import IntArray
from harness.data.pictures import Pictures
from harness.errors import DataError, PluginError, RunError


class Ask(NamedTuple):
    """The rows of one batch, and the names of their streams of random numbers.

    Attributes:
        rows: (b,) int64.
        stream: of the batch: ``("augment", stage, epoch)``.
        first: the place of the first row in the stream; the next rows have the next places.
    """

    rows: IntArray
    stream: tuple[str | int, ...] = ()
    first: int = 0


class Batch(NamedTuple):
    """What one ``Ask`` gave.

    Attributes:
        rows: (b,) int64.
        images: (b, 3, height, width), uint8 or what the augmentation made of it.
        boxes: for each kind a list of b tensors (m, 6): label, score, x0, y0, x1, y1 in pixels.
        broken: errors of the images that could not be read, by their place in the batch; they are black.
    """

    rows: Tensor
    images: Tensor
    boxes: dict[str, list[Tensor]]
    broken: dict[int, DataError]


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Batch]):
    """The images of a data set as a torch data set whose items are whole batches.

    Attributes:
        pictures: the images.
        boxes: by kind, for the kinds that the method needs.
        augment: a transform of torchvision.transforms.v2, or None; it draws from torch's generator alone.
        seed: of the run.
    """

    pictures: Pictures
    boxes: Mapping[str, Boxes] = field(default_factory=dict)
    augment: Callable[..., Any] | None = None
    seed: int = 0

    def __getitem__(self, ask: Ask) -> Batch:
        """Return a batch; it depends on the ask alone, not on the process that serves it."""
        broken: dict[int, DataError] = {}
        images: list[Tensor] = []
        boxes: dict[str, list[Tensor]] = {kind: [] for kind in self.boxes}
        with _apart():
            for place, row in enumerate(ask.rows.tolist()):
                image = self._picture(row, place, broken)
                found = {kind: self._boxes_of(kind, row) for kind in self.boxes}
                if self.augment is not None:
                    torch.default_generator.manual_seed(derive(self.seed, *ask.stream, ask.first + place))
                    image, found = self._augmented(self.augment, image, found)
                images.append(image)
                for kind, tensor in found.items():
                    boxes[kind].append(tensor)
        shapes = {tuple(image.shape) for image in images}
        if len(shapes) > 1:
            expected = (3, *self.pictures.size)
            raise PluginError("augmented images differ in size", found=sorted(shapes), expected=expected)
        return Batch(torch.from_numpy(ask.rows), torch.stack(images), boxes, broken)

    def _picture(self, row: int, place: int, broken: dict[int, DataError]) -> Tensor:
        """Return (3, height, width) uint8; black, and noted in ``broken``, where it cannot be read."""
        try:
            return torch.from_numpy(self.pictures[row])
        except DataError as error:
            broken[place] = error
            return torch.zeros((3, *self.pictures.size), dtype=torch.uint8)

    def _boxes_of(self, kind: str, row: int) -> Tensor:
        return torch.from_numpy(self.boxes[kind].of(self.pictures.keys[row], self.pictures.size))

    def _augmented(
        self, augment: Callable[..., Any], image: Tensor, boxes: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if not boxes:
            return augment(tv_tensors.Image(image)).as_subclass(Tensor), {}
        size = self.pictures.size
        corners = {
            kind: tv_tensors.BoundingBoxes(tensor[:, 2:], format="XYXY", canvas_size=size)
            for kind, tensor in boxes.items()
        }
        with warnings.catch_warnings():
            # Erasing leaves boxes where they are, as it should, and warns that it does.
            warnings.filterwarnings("ignore", message=".*passing through inputs of type.*")
            moved = augment({"image": tv_tensors.Image(image), **corners})
        kept = {kind: _inside(tensor, moved[kind], moved["image"].shape[-2:]) for kind, tensor in boxes.items()}
        return moved["image"].as_subclass(Tensor), kept


@contextmanager
def _apart() -> Iterator[None]:
    """Leave torch's generator alone, and compute on one thread, as a worker does.

    For images this small threads save nothing, and on a busy machine they wait for each other 20 times as long.
    """
    generator, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(generator)


def _inside(before: Tensor, corners: Tensor, size: Sequence[int]) -> Tensor:
    """Return the boxes with their new corners, cut at the image's edges; those that left it are dropped."""
    corners = corners.as_subclass(Tensor).to(torch.float32)
    x = corners[:, 0::2].clamp(0, size[1])
    y = corners[:, 1::2].clamp(0, size[0])
    boxes = torch.stack([before[:, 0], before[:, 1], x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)
    return boxes[(x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])]


class Loader:
    """Serves asks in their order, from worker processes that live as long as the loader."""

    def __init__(self, samples: Samples, workers: int, *, pinned: bool = False) -> None:
        self._asks = _Asks()
        self._loader = DataLoader(
            samples,
            batch_size=None,
            sampler=self._asks,
            num_workers=workers,
            collate_fn=_as_is,
            pin_memory=pinned,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # else it draws from torch's own, more or less often by the workers
        )

    def serve(self, asks: Sequence[Ask]) -> Iterator[Batch]:
        """Yield one batch an ask.

        Raises:
            RunError: a worker was killed.
        """
        self._asks.waiting = asks
        try:
            yield from self._loader
        except RuntimeError as problem:
            if "DataLoader worker" not in str(problem):
                raise
            raise RunError(
                "a process that decodes images died",
                found=problem,
                next_step="it may have run out of memory, or of space in /dev/shm; try fewer --workers, or 0",
            ) from None


class _Asks(Sampler[Ask]):
    """A sampler whose asks are exchanged between epochs, so that workers need not start anew."""

    waiting: Sequence[Ask] = ()

    def __init__(self) -> None:
        """Start with nothing to ask."""

    def __iter__(self) -> Iterator[Ask]:
        return iter(self.waiting)

    def __len__(self) -> int:
        return len(self.waiting)


def _as_is(batch: Any) -> Any:
    return batch


def to_unit_range(images: Tensor, device: torch.device) -> Tensor:
    """Return images on the device as float32 from 0 to 1, channels last in memory."""
    moved = images.to(device, non_blocking=True)
    if moved.dtype == torch.uint8:
        moved = moved.to(torch.float32).div_(255)
    return moved.contiguous(memory_format=torch.channels_last)


def consecutive(count: int, size: int) -> list[IntArray]:
    """Return the rows 0 to ``count - 1`` in batches of one size; the last batch repeats its last row.

    Batches of one shape make a feature independent of how many images come after it. Fewer rows than
    ``size`` make one batch of their own.
    """
    size = min(size, count)
    return [np.minimum(np.arange(start, start + size), count - 1) for start in range(0, count, size or 1)]
