"""Darknet's ``extraction.conv.weights``, YOLO v1's first convolutions trained on ImageNet: read, checked, filled in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.errors import CheckpointError

FloatArray = npt.NDArray[np.float32]

CONVOLUTIONS = 20
"""YOLO's first convolutions, trained on ImageNet (Redmon et al., 2016, section 2.2)."""

HEADER = 16
"""Bytes of four int32: major and minor version, revision, images seen."""

EPSILON = 1e-6
"""Darknet divides by the root of the variance plus this; torch by the root of the variance plus its own 1e-5."""


@dataclass(frozen=True)
class _Layer:
    """A convolution with its batch normalisation, or None, and the layer's values in the file.

    ``about`` is (4, outputs): biases, scales, means, variances; ``weight`` is (outputs, inputs, rows, columns).
    """

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d | None
    about: FloatArray
    weight: FloatArray


def load_darknet(trunk: nn.Sequential, path: Path, convolutions: int = CONVOLUTIONS) -> None:
    """Fill the first convolutions of a trunk from a file of darknet's.

    The file holds, after its header, for each convolution the biases, scales, rolling means, rolling variances and
    weights as float32. A layer with batch normalisation takes them over as they are; torch then divides by
    sqrt(variance + 1e-5) and darknet by sqrt(variance) + 1e-6, a relative difference below 1e-5 / variance. In a layer
    without it, scales, means and variances become a part of weights and biases, with darknet's own division.

    Args:
        trunk: convolutions, each followed by its batch normalisation, if any.
        path: the file.
        convolutions: how many of the trunk's convolutions the file holds.

    Raises:
        CheckpointError: there is no such file, its size is of another network, or a value is no number or a variance
            below zero; nothing is filled in.
    """
    for layer in _read(_layers(trunk)[:convolutions], path):
        _fill(layer)


def _layers(trunk: nn.Sequential) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """Return the convolutions, each with the batch normalisation that follows it."""
    modules: list[nn.Module | None] = [*trunk, None]
    return [
        (module, after if isinstance(after, nn.BatchNorm2d) else None)
        for module, after in pairwise(modules)
        if isinstance(module, nn.Conv2d)
    ]


def _read(layers: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]], path: Path) -> list[_Layer]:
    if not path.is_file():
        raise CheckpointError(
            "no such weights file",
            where=path,
            expected="darknet's extraction.conv.weights, or 'none'",
            next_step="give it with --set weights=FILE",
        )
    counts = [4 * convolution.out_channels + convolution.weight.numel() for convolution, _ in layers]
    found, expected = path.stat().st_size, HEADER + 4 * sum(counts)
    if found != expected:
        raise CheckpointError(
            "the weights file is of another network, or was not copied to its end",
            where=path,
            found=f"{found:,} bytes",
            expected=f"{expected:,} bytes: a header of {HEADER}, and the biases, scales, means, variances and weights "
            f"of {len(layers)} convolutions",
            next_step="give darknet's extraction.conv.weights with --set weights=FILE",
        )
    values = np.fromfile(path, "<f4", offset=HEADER).astype(np.float32, copy=False)
    pieces = np.split(values, np.cumsum(counts)[:-1])
    read = []
    for number, ((convolution, norm), piece) in enumerate(zip(layers, pieces, strict=True), 1):
        outputs = convolution.out_channels
        about, weight = piece[: 4 * outputs].reshape(4, outputs), piece[4 * outputs :]
        if not np.isfinite(piece).all() or (about[3] < 0).any():
            raise CheckpointError(
                "the weights file is damaged, or of another network",
                where=f"{path}, convolution {number}",
                found="values that are no finite numbers, or variances below zero",
                next_step="copy the file again",
            )
        read.append(_Layer(convolution, norm, about, weight.reshape(convolution.weight.shape)))
    return read


@torch.no_grad()
def _fill(layer: _Layer) -> None:
    bias, scale, mean, variance = (_tensor(row) for row in layer.about)
    weight, norm = _tensor(layer.weight), layer.norm
    if norm is None:
        factor = scale / (variance.sqrt() + EPSILON)
        weight, bias = weight * factor[:, None, None, None], bias - mean * factor
    filled = {"weight": weight, "bias": bias}
    if norm is not None:
        norm.load_state_dict(
            {"weight": scale, "bias": bias, "running_mean": mean, "running_var": variance}, strict=False
        )
        del filled["bias"]
    layer.convolution.load_state_dict(filled)


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(values.astype(np.float64))
