"""ResNets (He et al., 2016) and their kin, built after the names and shapes of a file, whose names they have.

The zoos share the names of torchvision's ResNet and differ in arithmetic that no name tells: the pooling after the
first convolution, whether a ReLU stands before it, and the stride of the last stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.errors import CheckpointError
from plugins.weights.formats import resemblance

DEEPEST_STAGE = 200
"""More blocks than any stage has; ResNet-152 has 36 in its third one."""

STAGES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Arithmetic:
    """What a zoo's ResNet computes and no name in a file tells.

    Attributes:
        last_stride: of the last stage.
        ceil_pool: the first pooling rounds up and does not pad.
        stem_relu: a ReLU stands before the first pooling.
    """

    last_stride: int = 1
    ceil_pool: bool = False
    stem_relu: bool = True


class Shapes:
    """The shapes of a file's tensors by name, below a prefix."""

    def __init__(self, state: Mapping[str, Tensor], prefix: str, source: object) -> None:
        self.found = {
            name.removeprefix(prefix): tuple(tensor.shape) for name, tensor in state.items() if name.startswith(prefix)
        }
        self.prefix, self.source = prefix, source
        self.advice = (None if self.found else resemblance(state)) or "see 'bench weights show FILE'"

    def below(self, prefix: str) -> Shapes:
        """Return the shapes below a further prefix."""
        found = Shapes({}, self.prefix + prefix, self.source)
        found.found = {name.removeprefix(prefix): one for name, one in self.found.items() if name.startswith(prefix)}
        return found

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def of(self, name: str, sides: int) -> tuple[int, ...]:
        """Return the shape of a tensor with so many sides.

        Raises:
            CheckpointError: there is none, or it has another number of sides.
        """
        shape = self.found.get(name)
        if shape is None or len(shape) != sides or 0 in shape:
            raise CheckpointError(
                "the weights are of no network that this method knows",
                where=self.source,
                found=f"{self.prefix}{name} {'is missing' if shape is None else f'of shape {shape}'}",
                expected=f"{self.prefix}{name} with {sides} sides",
                next_step=self.advice,
            )
        return shape

    def width(self, name: str) -> int:
        """Return the outputs of a convolution."""
        return self.of(name, 4)[0]

    def blocks(self, stage: int) -> int:
        """Return the number of blocks of a stage."""
        return next(
            (number for number in range(DEEPEST_STAGE) if f"layer{stage}.{number}.conv1.weight" not in self),
            DEEPEST_STAGE,
        )


class IBN(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the rest (Pan et al., 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = channels // 2
        self.IN = nn.InstanceNorm2d(self.first, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.first)

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) normalised maps."""
        return torch.cat([self.IN(maps[:, : self.first]), self.BN(maps[:, self.first :])], dim=1)


class SqueezeExcite(nn.Module):
    """Weights of channels by their means (Hu et al., 2018), by two layers without biases."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) weighted maps."""
        weights: Tensor = self.fc(maps.mean((2, 3)))
        return maps * weights[:, :, None, None]


class NonLocal(nn.Module):
    """Each cell receives a weighted sum of all cells (Wang et al., 2018), through few channels."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.g = nn.Conv2d(channels, inner, 1)
        self.theta = nn.Conv2d(channels, inner, 1)
        self.phi = nn.Conv2d(channels, inner, 1)
        self.W = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) maps, the sums added."""
        values, queries, keys = (part(maps).flatten(2) for part in (self.g, self.theta, self.phi))  # (n, i, h w)
        similar = queries.transpose(1, 2) @ keys / keys.shape[2]  # (n, h w, h w)
        sums = (similar @ values.transpose(1, 2)).transpose(1, 2)  # (n, i, h w)
        added: Tensor = self.W(sums.unflatten(2, maps.shape[2:]))
        return maps + added


class Block(nn.Module):
    """A basic block or a bottleneck, as the names say, with the widths of a file."""

    def __init__(self, shapes: Shapes, at: str, inputs: int, stride: int) -> None:
        super().__init__()
        deep = f"{at}.conv3.weight" in shapes
        width = shapes.width(f"{at}.conv1.weight")
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False) if deep else _three(inputs, width, stride)
        self.bn1 = IBN(width) if f"{at}.bn1.IN.weight" in shapes else nn.BatchNorm2d(width)
        if deep:
            groups = max(1, width // shapes.of(f"{at}.conv2.weight", 4)[1])
            self.conv2 = _three(width, width, stride, groups if width % groups == 0 else 1)
        else:
            self.conv2 = _three(width, shapes.width(f"{at}.conv2.weight"), 1)
        self.bn2 = nn.BatchNorm2d(self.conv2.out_channels)
        outputs = shapes.width(f"{at}.conv{3 if deep else 2}.weight")
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False) if deep else None
        self.bn3 = nn.BatchNorm2d(outputs) if deep else None
        self.se = (
            SqueezeExcite(outputs, shapes.of(f"{at}.se.fc.0.weight", 2)[0])
            if f"{at}.se.fc.0.weight" in shapes
            else None
        )
        self.downsample = None
        if f"{at}.downsample.0.weight" in shapes:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.outputs = outputs

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h / stride, w / stride) maps."""
        inner = functional.relu(self.bn1(self.conv1(maps)))
        inner = self.bn2(self.conv2(inner))
        if self.conv3 is not None and self.bn3 is not None:
            inner = self.bn3(self.conv3(functional.relu(inner)))
        if self.se is not None:
            inner = self.se(inner)
        return functional.relu(inner + (maps if self.downsample is None else self.downsample(maps)))


def _three(inputs: int, outputs: int, stride: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, groups=groups, bias=False)


class ResNet(nn.Module):
    """The network up to its last map, with torchvision's names; ``NL_1`` to ``NL_4`` are fast-reid's non-local blocks.

    Raises:
        CheckpointError: the file has no such network.
    """

    def __init__(self, shapes: Shapes, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.arithmetic = arithmetic
        channels = shapes.width("conv1.weight")
        self.conv1 = nn.Conv2d(3, channels, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.behind: dict[int, int] = {}
        for stage in STAGES:
            blocks = nn.Sequential()
            for number in range(max(1, shapes.blocks(stage))):
                stride = {1: 1, 4: arithmetic.last_stride}.get(stage, 2) if number == 0 else 1
                block = Block(shapes, f"layer{stage}.{number}", channels, stride)
                channels = block.outputs
                blocks.append(block)
            setattr(self, f"layer{stage}", blocks)
            self._add_non_local(shapes, stage, channels)
        self.channels = channels

    def _add_non_local(self, shapes: Shapes, stage: int, channels: int) -> None:
        """Add the non-local blocks of a stage: the last ones of its blocks are each followed by one."""
        parts = nn.ModuleList()
        while f"NL_{stage}.{len(parts)}.g.weight" in shapes and len(parts) < DEEPEST_STAGE:
            parts.append(NonLocal(channels, shapes.width(f"NL_{stage}.{len(parts)}.g.weight")))
        if len(parts):
            setattr(self, f"NL_{stage}", parts)

    def forward(self, images: Tensor) -> Tensor:
        """Return the last map (n, c, h/16, w/16), or h/32 and w/32 with a last stride of 2."""
        maps = self.bn1(self.conv1(images))
        if self.arithmetic.stem_relu:
            maps = functional.relu(maps)
        pooled = {"ceil_mode": True} if self.arithmetic.ceil_pool else {"padding": 1}
        maps = functional.max_pool2d(maps, 3, 2, **pooled)
        for stage in STAGES:
            blocks = self.get_submodule(f"layer{stage}")
            parts = list(getattr(self, f"NL_{stage}", ()))
            if not parts:
                maps = blocks(maps)
                continue
            first = sum(1 for _ in blocks.children()) - len(parts)
            for number, block in enumerate(blocks.children()):
                maps = block(maps)
                if number >= first:
                    maps = parts[number - first](maps)
        found: Tensor = maps
        return found

    @property
    def depth(self) -> int | None:
        """The number of layers, as in the name ResNet-50; None for another number of blocks than any usual one has."""
        counts = tuple(len(self.get_submodule(f"layer{stage}")) for stage in STAGES)  # type: ignore[arg-type]
        return DEPTHS.get((counts, getattr(self.get_submodule("layer1.0"), "conv3", None) is not None))


DEPTHS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}
"""Layers of a network by the blocks of its stages, and whether these are bottlenecks (He et al., 2016, table 1)."""


def usual(depth: int = 50, *, ibn: bool = False, prefix: str = "") -> dict[str, Tensor]:
    """Return the shapes of a usual ResNet's convolutions as tensors without numbers, to build an example after."""
    counts, deep = next(form for form, layers in DEPTHS.items() if layers == depth)
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7)}
    inputs = 64
    for stage, count in zip(STAGES, counts, strict=True):
        width = 32 << stage
        outputs = 4 * width if deep else width
        for number in range(count):
            at = f"layer{stage}.{number}"
            shapes[f"{at}.conv1.weight"] = (width, inputs, *((1, 1) if deep else (3, 3)))
            shapes[f"{at}.conv2.weight"] = (width, width, 3, 3)
            if deep:
                shapes[f"{at}.conv3.weight"] = (outputs, width, 1, 1)
            if ibn and stage < 4:
                shapes[f"{at}.bn1.IN.weight"] = (width // 2,)
            if number == 0 and (stage > 1 or deep):
                shapes[f"{at}.downsample.0.weight"] = (outputs, inputs, 1, 1)
            inputs = outputs
    return {f"{prefix}{name}": torch.empty(shape, device="meta") for name, shape in shapes.items()}
