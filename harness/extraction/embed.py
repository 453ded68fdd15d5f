"""Features of images, batch by batch, from a method's ``embed``; its output is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor

from harness.basics.host import processors
from harness.compute.compute import FULL
from harness.data.images import IntArray
from harness.errors import DataError, PluginError, RunError
from harness.extraction.samples import Batch, BatchRequest, Loader, Samples, to_unit_range
from harness.extraction.subjects import Subjects
from harness.methods.method import Method, trains
from harness.methods.networks import networks_of
from harness.methods.trouble import in_plugin

Features = npt.NDArray[np.float32]

BATCH = 64
"""Images embedded at once in float32 on a processor, and during validation."""

FAST_BATCH = 16
"""Images embedded at once in bfloat16 on a processor, whose caches hold the feature maps of only a few images."""

GPU_BATCHES = (16, 256)
"""The fewest and the most images embedded at once on a GPU."""

WORKING_SPACE = 40
"""Memory reserved for a network's activations, in bytes per byte of a float32 image: a feature map of 64 channels at
half the side, or of 256 channels at a quarter, takes 5, a residual block holds about four maps at once, and this is
doubled for safety."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """The features of one batch.

    Attributes:
        rows: (b,) int64 rows of the subjects.
        features: (b, d) float32; None from the first batch with an unreadable image onwards.
        broken: the errors of this batch's unreadable images, in the process that decoded it.
    """

    rows: IntArray
    features: Features | None
    broken: Sequence[DataError]


def embed(
    method: Method, subjects: Subjects, fabric: Fabric, batches: Sequence[IntArray], *, workers: int | None = None
) -> Iterator[Embedded]:
    """Yield the features of each batch in order; each process computes its share, and all yield the same features.

    All networks of the method are moved to the device and put in evaluation mode. The batches have equal sizes.

    Raises:
        PluginError: ``embed`` did not return one row of floats per image.
        RunError: a feature is not finite.
    """
    ready(method, fabric)
    world, rank = fabric.world_size, fabric.global_rank
    requests = [BatchRequest(batches[min(start + rank, len(batches) - 1)]) for start in range(0, len(batches), world)]
    loader = Loader(
        Samples(subjects.pictures, subjects.boxes),
        choose_workers(workers, fabric, cached=subjects.pictures.cached),
        pinned=fabric.device.type == "cuda",
        once=True,
    )
    whole = True
    for group, (batch, features) in enumerate(_launched(method, subjects, fabric, loader.serve(requests))):
        whole = whole and not _any(fabric, bool(batch.broken))
        gathered = _gathered(fabric, features()) if whole and features is not None else None
        for place, rows in enumerate(batches[group * world : (group + 1) * world]):
            broken = list(batch.broken.values()) if place == rank else []
            yield Embedded(rows, None if gathered is None else gathered[place], broken)


def _launched(
    method: Method, subjects: Subjects, fabric: Fabric, batches: Iterable[Batch]
) -> Iterator[tuple[Batch, Callable[[], Features] | None]]:
    """Yield each batch with a function that waits for its features, or None after a broken image; a GPU works ahead."""
    waiting: list[tuple[Batch, Callable[[], Features] | None]] = []
    whole = True
    for batch in batches:
        whole = whole and not batch.broken
        waiting.append((batch, launch(method, subjects, batch, fabric) if whole else None))
        if len(waiting) > (fabric.device.type == "cuda"):
            yield waiting.pop(0)
    yield from waiting


def ready(method: Method, fabric: Fabric) -> None:
    """Prepare all networks of the method for embedding: device, precision, channels last, evaluation mode."""
    for network in networks_of(method).values():
        fabric.strategy.precision.convert_module(network)
        network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this form
        network.eval()


def launch(method: Method, subjects: Subjects, batch: Batch, fabric: Fabric) -> Callable[[], Features]:
    """Start embedding a batch, and return a function that waits for its checked (b, d) float32 features."""
    keys = tuple(subjects.pictures.keys[row] for row in batch.rows.tolist())
    needed: dict[str, Any] = {
        keyword: [tensor.to(fabric.device) for tensor in tensors] for keyword, tensors in batch.boxes.items()
    }
    if "path" in method.test_needs:
        needed["path"] = keys
    if "vehicle" in method.test_needs:
        needed["vehicle"] = torch.from_numpy(subjects.vehicle[batch.rows.numpy()]).to(fabric.device)
    for word, numbers in subjects.labels.items():
        needed[word] = torch.from_numpy(numbers[batch.rows.numpy()]).to(fabric.device)
    images = fabric.strategy.precision.convert_input(to_unit_range(_turned(batch, subjects), fabric.device))
    with torch.inference_mode(), fabric.autocast(), in_plugin(f"{type(method).__name__}.embed", type(method)):
        returned = method.embed(images, **needed)
    done: torch.cuda.Event | None = None
    if isinstance(returned, Tensor) and returned.device.type == "cuda":
        stream = torch.cuda.current_stream(returned.device)
        returned = returned.to("cpu", non_blocking=True)  # queued after this batch and before the next one
        done = stream.record_event()

    def wait() -> Features:
        if done is not None:
            done.synchronize()
        return _checked(method, returned, keys)

    return wait


def _turned(batch: Batch, subjects: Subjects) -> Tensor:
    """Return the images of a batch, those behind the plain ones mirrored."""
    if subjects.plain is None:
        return batch.images
    images, turned = batch.images.clone(), batch.rows >= subjects.plain
    images[turned] = images[turned].flip(-1)
    return images


def _checked(method: Method, returned: object, keys: Sequence[str]) -> Features:
    """Return the result of ``embed`` as (b, d) float32, or raise an error that names what is wrong with it."""
    name = type(method).__name__
    if not isinstance(returned, Tensor | np.ndarray):
        raise PluginError(
            f"{name}.embed did not return a tensor", found=type(returned).__name__, expected="a float tensor (n, d)"
        )
    try:
        tensor = torch.as_tensor(returned).detach()
        stored = tensor.to("cpu", torch.float32).to_dense().numpy()
    except (TypeError, ValueError, RuntimeError) as problem:  # objects, reversed bytes, a tensor of the meta device
        about = f"{type(returned).__name__} of {returned.dtype}"
        raise PluginError(
            f"{name}.embed returned features that cannot be stored",
            found=f"{about} on {returned.device}" if isinstance(returned, Tensor) else about,
            expected="a float tensor (n, d) with values",
        ) from problem
    if tensor.ndim != 2 or tensor.shape[0] != len(keys) or tensor.shape[1] == 0:
        raise PluginError(
            f"{name}.embed returned features of a wrong shape",
            found=tuple(tensor.shape),
            expected=f"({len(keys)}, d): one row for each of the {len(keys)} images",
        )
    if not tensor.is_floating_point():
        raise PluginError(f"{name}.embed did not return floats", found=tensor.dtype, expected="float32")
    features: Features = stored
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        raise RunError(
            f"{name} gave features that are not finite",
            where=keys[int(np.flatnonzero(wrong)[0])],
            found=f"{int(wrong.sum())} of {len(keys)} images in this batch",
            next_step="lower the learning rate: the training may have diverged"
            if trains(type(method))
            else "check the weights, and the range, mean and deviation of the pixels",
        )
    return features


def choose_workers(workers: int | None, fabric: Fabric, *, cached: bool) -> int:
    """Return the number of decoding processes for each computing process.

    Images cached in memory need none. On a processor, half of the cores decode, at most four; with a GPU, all cores
    but one, at most sixteen.
    """
    if workers is not None:
        return workers
    if cached:
        return 0
    cores = processors() // max(1, fabric.world_size)
    return min(4, cores // 2) if fabric.device.type == "cpu" else max(0, min(16, cores - 1))


def choose_batch(fabric: Fabric, size: tuple[int, int]) -> int:
    """Return the number of images embedded at once, which is the same on all devices of one model.

    Args:
        fabric: the devices; in 32-true on a CPU the batch size, and with it the digits, are those of filed records.
        size: height and width in pixels.
    """
    if fabric.device.type == "cpu":
        return BATCH if fabric.strategy.precision.precision == FULL else FAST_BATCH
    if fabric.device.type != "cuda":
        return BATCH
    image = WORKING_SPACE * 3 * 4 * size[0] * size[1]
    fitting = torch.cuda.get_device_properties(fabric.device).total_memory // 8 // image
    fewest, most = GPU_BATCHES
    return max(fewest, min(most, 1 << max(0, fitting.bit_length() - 1)))


def _gathered(fabric: Fabric, features: Features) -> Features:
    """Return the features of all processes, (processes, b, d)."""
    if fabric.world_size == 1:
        return features[None]
    gathered: Features = fabric.all_gather(torch.from_numpy(features)).cpu().numpy()  # type: ignore[union-attr]  # a tensor for a tensor
    return gathered


def _any(fabric: Fabric, flag: bool) -> bool:
    if fabric.world_size == 1:
        return flag
    return bool(fabric.all_gather(torch.tensor(flag, dtype=torch.int32)).any())  # type: ignore[union-attr]  # a tensor for a tensor
