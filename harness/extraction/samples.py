"""Batches of images and their boxes, decoded and augmented identically in this process and in workers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info
from torchvision import tv_tensors

from harness.basics.seeds import derive
from harness.boxes import Boxes
from harness.data.images import IntArray
from harness.data.pictures import Pictures
from harness.errors import BenchError, DataError, PluginError, RunError


class BatchRequest(NamedTuple):
    """The rows of one batch and the stream of their random numbers.

    Attributes:
        rows: (b,) int64.
        stream: the name of the batch's stream: ``("augment", stage, epoch)``.
        first: the position of the first row in the stream; the other rows follow it.
    """

    rows: IntArray
    stream: tuple[str | int, ...] = ()
    first: int = 0


class Batch(NamedTuple):
    """The batch of one ``BatchRequest``.

    Attributes:
        rows: (b,) int64.
        images: (b, 3, height, width), uint8 unless the augmentation converted it.
        boxes: for each kind a list of b tensors (m, 6): label, score, x0, y0, x1, y1 in pixels.
        broken: the errors of unreadable images by their position in the batch; these images are black.
    """

    rows: Tensor
    images: Tensor
    boxes: dict[str, list[Tensor]]
    broken: dict[int, DataError]


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Batch]):
    """A torch data set whose items are whole batches of images.

    ``augment`` is a transform of torchvision.transforms.v2 that uses no random generator but torch's, or None.
    """

    pictures: Pictures
    boxes: Mapping[str, Boxes] = field(default_factory=dict)
    augment: Callable[..., Any] | None = None
    seed: int = 0

    def __getitem__(self, request: BatchRequest) -> Batch:
        """Return a batch, which depends only on the request and not on the process that serves it."""
        broken: dict[int, DataError] = {}
        images: list[Tensor] = []
        boxes: dict[str, list[Tensor]] = {kind: [] for kind in self.boxes}
        with _isolated():
            for place, row in enumerate(request.rows.tolist()):
                image = self._picture(row, place, broken)
                key, size = self.pictures.keys[row], self.pictures.size
                found = {kind: torch.from_numpy(known.of(key, size)) for kind, known in self.boxes.items()}
                if self.augment is not None:
                    torch.default_generator.manual_seed(derive(self.seed, *request.stream, request.first + place))
                    image, found = self._augmented(self.augment, image, found)
                images.append(image)
                for kind, tensor in found.items():
                    boxes[kind].append(tensor)
        shapes = {tuple(image.shape) for image in images}
        if len(shapes) > 1:
            expected = (3, *self.pictures.size)
            raise PluginError("augmented images differ in size", found=sorted(shapes), expected=expected)
        return Batch(torch.from_numpy(request.rows), torch.stack(images), boxes, broken)

    def _picture(self, row: int, place: int, broken: dict[int, DataError]) -> Tensor:
        """Return (3, height, width) uint8; an unreadable image is black and its error is added to ``broken``."""
        try:
            return torch.from_numpy(self.pictures[row])
        except DataError as error:
            broken[place] = error
            return torch.zeros((3, *self.pictures.size), dtype=torch.uint8)

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
            # Random erasing rightly leaves boxes unchanged, but warns about it.
            warnings.filterwarnings("ignore", message=".*passing through inputs of type.*")
            moved = augment({"image": tv_tensors.Image(image), **corners})
        kept = {kind: _inside(tensor, moved[kind], moved["image"].shape[-2:]) for kind, tensor in boxes.items()}
        return moved["image"].as_subclass(Tensor), kept


@contextmanager
def _isolated() -> Iterator[None]:
    """Restore torch's generator afterwards, and compute on one thread, as a worker does.

    Images are too small to gain from threads, and on a busy machine waiting for each other makes them 20 times slower.
    """
    generator, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(generator)


def _inside(before: Tensor, corners: Tensor, size: Sequence[int]) -> Tensor:
    """Return the boxes with their new corners, clipped to the image; boxes outside it are dropped."""
    corners = corners.as_subclass(Tensor).to(torch.float32)
    x = corners[:, 0::2].clamp(0, size[1])
    y = corners[:, 1::2].clamp(0, size[0])
    boxes = torch.stack([before[:, 0], before[:, 1], x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)
    return boxes[(x[:, 1] > x[:, 0]) & (y[:, 1] > y[:, 0])]


class Loader:
    """Serves requests in order, from worker processes that live as long as the loader.

    If it serves only ``once``, they end with the last batch: a process that lives on keeps every file locked that was
    open when it was forked.
    """

    def __init__(self, samples: Samples, workers: int, *, pinned: bool = False, once: bool = False) -> None:
        self._requests: list[BatchRequest] = []  # replaced between epochs, while the workers keep running
        self._loader = DataLoader(
            _Told(samples),
            batch_size=None,
            sampler=self._requests,
            num_workers=workers,
            collate_fn=_as_is,
            pin_memory=pinned,
            persistent_workers=workers > 0 and not once,
            generator=torch.Generator(),  # torch's own generator would advance by an amount that depends on the workers
        )

    def serve(self, requests: Sequence[BatchRequest]) -> Iterator[Batch]:
        """Yield one batch per request, or raise a RunError if a worker process died, and any BenchError of a worker."""
        self._requests[:] = requests
        try:
            for batch in self._loader:
                if isinstance(batch, BenchError):
                    raise batch
                yield batch
        except RuntimeError as problem:
            if "DataLoader worker" not in str(problem):
                raise
            raise RunError(
                "a process that decodes images died",
                found=problem,
                next_step="try fewer --workers, or 0: it may have run out of memory or of space in /dev/shm",
            ) from None


@dataclass(frozen=True, eq=False)
class _Told(Dataset[Batch | BenchError]):
    """Samples whose own errors a worker hands over as they are; torch would put its traceback into their message."""

    samples: Samples

    def __getitem__(self, request: BatchRequest) -> Batch | BenchError:
        try:
            return self.samples[request]
        except BenchError as error:
            if get_worker_info() is None:
                raise
            return error


def _as_is(batch: Any) -> Any:
    return batch


def to_unit_range(images: Tensor, device: torch.device) -> Tensor:
    """Return images on the device as float32 from 0 to 1, in channels-last memory format."""
    moved = images.to(device, non_blocking=True)
    if moved.dtype == torch.uint8:
        moved = moved.to(torch.float32).div_(255)
    return moved.contiguous(memory_format=torch.channels_last)


def consecutive(count: int, size: int) -> list[IntArray]:
    """Return the rows 0 to ``count - 1`` in batches of equal size; the last batch is padded with its last row.

    Equal shapes make a feature independent of the number of images after it. If there are fewer rows than ``size``,
    they form one smaller batch.
    """
    size = min(size, count)
    return [np.minimum(np.arange(start, start + size), count - 1) for start in range(0, count, size or 1)]
