"""``bench attend``: draws the attention of a trained network on image files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from harness.attend.boxes import Found, ImageBoxes
from harness.attend.overlays import FloatArray, draw_map, draw_parts
from harness.basics.digests import file_digest
from harness.basics.files import replace_file
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric, undisturbed
from harness.data.pictures import MAX_PIXELS, decode, size_on_disk
from harness.errors import CheckpointError, DataError, PluginError, RunError, UsageError
from harness.extraction.samples import to_unit_range
from harness.features.finding import RUN
from harness.methods.checkpoint import CHECKPOINT, check_known, load_checkpoint, same_form
from harness.methods.method import create
from harness.methods.network import NetworkMethod
from harness.registry.kinds import METHOD
from harness.registry.registry import Registry

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
"""The image formats that can be read, as named by Pillow."""

LONGEST_NAME = 80


@dataclass(frozen=True)
class DrawnAttention:
    """The pictures written for one image, and the name and weight of each part, in the order of the boxes."""

    image: Path
    files: tuple[Path, ...]
    parts: tuple[tuple[str, float], ...] = ()


def attend(
    run: Path,
    images: Sequence[Path],
    *,
    registry: Registry,
    out: Path | None = None,
    boxes: Path | None = None,
    detector: Path | None = None,
    scale: int = 1,
) -> list[DrawnAttention]:
    """Draw the attention of a trained network in some images; nothing is written before all images are read.

    The arguments are those of ``bench attend``.

    Raises:
        UsageError: the run does not exist, or its method has no network or does not use the given boxes.
        CheckpointError: the checkpoint is missing or damaged, or does not fit the method.
        DataError: an image is missing, cannot be read or has no boxes.
        RunError: a file cannot be written, or the attention is not finite.
    """
    path = find_checkpoint(run, registry)
    method = load_method(path, registry)
    folder = path.parent / "attention" if out is None else out
    if folder.exists() and not folder.is_dir():
        raise UsageError("the output folder is a file", where=folder, next_step="give another one with --out DIR")
    distinct = list(dict.fromkeys(images))
    for image in distinct:
        _check_image(image, scale)
    found = ImageBoxes(method, path.parent, boxes=boxes, detector=detector, registry=registry).of(distinct, FORMATS)
    with undisturbed(open_fabric(Compute(device="cpu"))):
        return [_draw(method, image, found[image], folder, scale) for image in distinct]


def find_checkpoint(run: Path, registry: Registry) -> Path:
    """Return the checkpoint in the folder of a run, or ``run`` itself if it is a file.

    Raises:
        UsageError: no such folder, or the run's method has no network.
        CheckpointError: the folder has no checkpoint.
    """
    if run.is_file():
        return run
    if not run.is_dir():
        raise UsageError("the run is missing", where=run, expected="a folder printed by 'bench run', or a checkpoint")
    path = run / CHECKPOINT
    if not path.is_file():
        name = _method_of(run)
        if name in registry.names(METHOD):
            _check_network(name, registry)
        raise CheckpointError(
            "the run's folder has no checkpoint",
            where=run,
            expected=CHECKPOINT,
            next_step="train it with 'bench run', or give the checkpoint that was passed to the run",
        )
    return path


def _method_of(run: Path) -> str:
    """Return the name of a run's method, or an empty string if its folder does not name it."""
    try:
        return str(read_json(read_whole(run / RUN, 1 << 20, "the run's file").decode())["method"])
    except (DataError, ValueError, KeyError, TypeError):
        return ""


def _check_network(name: str, registry: Registry) -> type[NetworkMethod]:
    found = registry.method(name)
    if not issubclass(found, NetworkMethod):
        raise UsageError(
            f"method '{name}' has no network",
            expected="a method that trains a network, such as rnn-ha, pgan or strong-baseline",
        )
    return found


def load_method(path: Path, registry: Registry) -> NetworkMethod:
    """Return a trained method from its checkpoint, in evaluation mode.

    Raises:
        UsageError: the method is unknown, has no network or needs labels at test time.
        CheckpointError: the checkpoint is missing or damaged, or does not fit the method.
    """
    state, info = load_checkpoint(path)
    kind = _check_network(info.method, registry)
    check_known(path, info, kind)
    with same_form(path, f"the method '{info.method}'"):
        method = cast(NetworkMethod, create(kind, kind.Options.model_validate(info.options)))
        method.restore(state, info.classes)
    beyond = sorted(need for need in method.test_needs if not need.startswith("boxes."))
    if beyond:
        raise UsageError(
            f"method '{info.method}' needs more than images and boxes",
            found=", ".join(beyond),
            expected="a method that embeds images, with or without boxes",
        )
    method.model.eval()
    return method


def _check_image(image: Path, scale: int) -> None:
    if not image.is_file():
        raise DataError("the image is missing", where=image)
    decode(image, (1, 1), FORMATS)
    width, height = size_on_disk(image, FORMATS)
    if width * height * scale**2 > MAX_PIXELS:
        raise UsageError(
            "the picture is too large",
            where=image,
            found=f"{width * scale} x {height * scale} pixels",
            expected=f"at most {MAX_PIXELS} pixels",
            next_step="choose a smaller --scale",
        )


def _draw(method: NetworkMethod, image: Path, boxes: Found, folder: Path, scale: int) -> DrawnAttention:
    width, height = size_on_disk(image, FORMATS)
    picture = decode(image, (height * scale, width * scale), FORMATS)
    maps, rows = _attention(method, image, boxes)
    drawn = {_safe(word): draw_map(picture, cells) for word, cells in maps.items()}
    parts: tuple[tuple[str, float], ...] = ()
    if rows is not None:
        high, wide = method.input_size
        sides: FloatArray = np.array([1, 1, wide, high, wide, high], np.float32)
        drawn["parts"] = draw_parts(picture, np.divide(rows, sides, dtype=np.float32))
        names = {number: part for _, known in boxes.values() for number, part in known.items()}
        parts = tuple((names.get(int(row[0]), str(int(row[0]))), float(row[1])) for row in rows)
    name = f"{_safe(image.stem)}-{file_digest(image)[:8]}"
    files = {folder / f"{name}-{word}.png": content for word, content in sorted(drawn.items())}
    for path, content in files.items():
        with replace_file(path, "wb") as file:
            file.write(content)
    return DrawnAttention(image, tuple(files), parts)


def _attention(method: NetworkMethod, image: Path, boxes: Found) -> tuple[dict[str, FloatArray], FloatArray | None]:
    """Return the attention in one image: maps (h, w) by name, and parts (m, 6) or None.

    Each image is a batch of its own, so that its digits do not depend on the others.
    """
    pixels = torch.from_numpy(decode(image, method.input_size, FORMATS, method.resizing))[None]
    needed = {keyword: [torch.from_numpy(rows)] for keyword, (rows, _) in boxes.items()}
    with torch.no_grad():
        found = method.attend(to_unit_range(pixels, torch.device("cpu")), **needed)
    maps = {word: _checked(method, image, word, cells, (1, -1, -1))[0] for word, cells in found.maps.items()}
    if found.parts is None:
        return maps, None
    return maps, _checked(method, image, "parts", found.parts[0], (-1, 6))


def _checked(method: NetworkMethod, image: Path, word: str, found: torch.Tensor, shape: tuple[int, ...]) -> FloatArray:
    """Return a tensor as an array, or raise an error; -1 in the shape matches any size."""
    name = type(method).__name__
    fits = found.ndim == len(shape) and all(side in {-1, own} for side, own in zip(shape, found.shape, strict=True))
    if not fits or (word != "parts" and not found.numel()):
        raise PluginError(
            f"{name}.attend returned '{word}' of a wrong shape",
            found=tuple(found.shape),
            expected="(1, h, w) for a map of one image, (m, 6) for its parts",
        )
    if not found.isfinite().all():
        raise RunError(
            f"the attention of {name} is not finite",
            where=image,
            found=word,
            next_step="lower the learning rate: the training may have diverged",
        )
    numbers: FloatArray = found.detach().to("cpu", torch.float32).numpy()
    return numbers


def _safe(name: str) -> str:
    """Return a name that is safe in a file name: no separators, leading dots or special characters."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".-")[:LONGEST_NAME] or "image"
