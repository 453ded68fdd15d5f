"""OSNet (Zhou et al., 2019) and its IBN and AIN forms (2021), built after the names and shapes of torchreid's files."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from plugins.released.resnet import Shapes

STREAMS = 4
"""Streams of a block, of one to four light convolutions each."""


class Convolution(nn.Module):
    """A convolution without biases, a normalisation and a ReLU, each optional but the first."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module | None, *, relu: bool = True) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = conv, norm, relu

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) maps."""
        maps = self.conv(maps)
        if self.bn is not None:
            maps = self.bn(maps)
        return functional.relu(maps) if self.relu else maps


def one(inputs: int, outputs: int, *, relu: bool = True, norm: bool = True) -> Convolution:
    """Return a 1 x 1 convolution."""
    return Convolution(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs) if norm else None, relu=relu)


class Light(nn.Module):
    """A 1 x 1 convolution, then one of 3 x 3 within each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) maps."""
        return functional.relu(self.bn(self.conv2(self.conv1(maps))))


class Stream(nn.Module):
    """Light convolutions in a row, under the name that the AIN form gives them."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(Light(channels) for _ in range(depth)))

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) maps."""
        found: Tensor = self.layers(maps)
        return found


class Gate(nn.Module):
    """Weights of channels by their means, shared by all streams of a block."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) weighted maps."""
        means = functional.adaptive_avg_pool2d(maps, 1)
        weights: Tensor = self.fc2(functional.relu(self.fc1(means))).sigmoid()
        return maps * weights


class Block(nn.Module):
    """Four streams of growing depth, gated and summed; the form follows from the names.

    Plain streams are called ``conv2a`` to ``conv2d``, those of the AIN form ``conv2.0`` to ``conv2.3``. An instance
    normalisation ``IN`` stands behind the sum with the input in the IBN form, and before it in the AIN form.
    """

    def __init__(self, shapes: Shapes, at: str, inputs: int) -> None:
        super().__init__()
        middle, outputs = shapes.width(f"{at}.conv1.conv.weight"), shapes.width(f"{at}.conv3.conv.weight")
        self.conv1 = one(inputs, middle)
        self.named = f"{at}.conv2a.conv1.weight" in shapes
        if self.named:
            self.conv2a = Light(middle)
            for word, depth in zip("bcd", range(2, STREAMS + 1), strict=True):
                setattr(self, f"conv2{word}", nn.Sequential(*(Light(middle) for _ in range(depth))))
        else:
            self.conv2 = nn.ModuleList(Stream(middle, depth) for depth in range(1, STREAMS + 1))
        self.gate = Gate(middle, shapes.width(f"{at}.gate.fc1.weight"))
        instance = f"{at}.IN.weight" in shapes
        self.inside = instance and not self.named
        self.conv3 = one(middle, outputs, relu=False, norm=not self.inside)
        self.downsample = one(inputs, outputs, relu=False) if f"{at}.downsample.conv.weight" in shapes else None
        self.IN = nn.InstanceNorm2d(outputs, affine=True) if instance else None
        self.outputs = outputs

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, c, h, w) maps."""
        first = self.conv1(maps)
        streams = [getattr(self, f"conv2{word}") for word in "abcd"] if self.named else list(self.conv2)
        summed = self.conv3(sum(self.gate(stream(first)) for stream in streams))
        same = maps if self.downsample is None else self.downsample(maps)
        if self.IN is None:
            return functional.relu(summed + same)
        if self.inside:
            return functional.relu(self.IN(summed) + same)
        return functional.relu(self.IN(summed + same))


class OSNet(nn.Module):
    """The whole network without its classifier, of any width.

    Raises:
        CheckpointError: the file has no such network.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        channels = shapes.width("conv1.conv.weight")
        batch = "conv1.bn.running_mean" in shapes
        norm: nn.Module = nn.BatchNorm2d(channels) if batch else nn.InstanceNorm2d(channels, affine=True)
        self.conv1 = Convolution(nn.Conv2d(3, channels, 7, 2, padding=3, bias=False), norm)
        apart = "pool2.0.conv.weight" in shapes
        for stage in (2, 3, 4):
            first = Block(shapes, f"conv{stage}.0", channels)
            second = Block(shapes, f"conv{stage}.1", first.outputs)
            channels = second.outputs
            blocks = nn.Sequential(first, second)
            setattr(self, f"conv{stage}", blocks)
            if stage < 4:
                smaller = nn.Sequential(one(channels, channels), nn.AvgPool2d(2, 2))
                if apart:
                    setattr(self, f"pool{stage}", smaller)
                else:
                    blocks.append(smaller)
        self.conv5 = one(channels, channels)
        width = shapes.of("fc.0.weight", 2)[0]
        self.fc = nn.Sequential(nn.Linear(channels, width), nn.BatchNorm1d(width), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (n, d) of normalised images (n, 3, h, w)."""
        maps = functional.max_pool2d(self.conv1(images), 3, 2, padding=1)
        for name in ("conv2", "pool2", "conv3", "pool3", "conv4"):
            part = getattr(self, name, None)
            maps = maps if part is None else part(maps)
        found: Tensor = self.fc(self.conv5(maps).mean((2, 3)))
        return found
