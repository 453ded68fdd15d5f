"""The zoo of layumi's Person_reID_baseline_pytorch: ``model.*``, ``classifier.*``, with ``opts.yaml`` beside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.data.resizing import Resizing
from harness.errors import CheckpointError, UsageError, first_of
from harness.methods.sizes import InputSize
from plugins.released.asked import Auto
from plugins.released.method import ReleasedMethod, ReleasedOptions, normalised, without
from plugins.released.neck import Flip, Place
from plugins.released.plain_yaml import read_plain_yaml
from plugins.released.resnet import Arithmetic, ResNet, Shapes, usual
from plugins.weights.fitting import fill

BESIDE = "opts.yaml"


class LayumiOptions(ReleasedOptions):
    """The options of layumi's weights."""

    input_size: InputSize = Field((256, 128), description="input in pixels: height x width, or a side such as 224")
    last_stride: Auto | Literal[1, 2] = Field("auto", description="stride of the last stage; auto: that of opts.yaml")
    feature: Place = Field("behind", description="the feature, behind or before the bottleneck")
    flip: bool = Field(default=True, description="sum the features of an image and of its mirror image")


class Layumi(ReleasedMethod):
    """A ResNet-50 with a bottleneck, whose features of an image and of its mirror image are summed."""

    about = "released weights of layumi's Person_reID_baseline_pytorch: ResNet-50 with a bottleneck, flipped"
    papers = (
        "Z. Zheng, L. Zheng, Y. Yang: A Discriminatively Learned CNN Embedding for Person Re-identification. 2017",
    )
    preprocessing = (
        "RGB from 0 to 1, ImageNet's mean and deviation; resized bicubically, to 256 x 128 for persons, 224 in older "
        "versions; the features behind the bottleneck of an image and of its mirror image, summed, of length 1"
    )
    provenance = (
        "net_last.pth of layumi's Person_reID_baseline_pytorch (MIT): a state dict, with opts.yaml beside it; say with "
        "--trained-on which data the weights have seen"
    )
    resizing = Resizing("bicubic")
    Options = LayumiOptions
    holding = "tensors model.* and classifier.add_block.* of layumi's baseline"
    options: LayumiOptions

    def assemble(self, state: Mapping[str, Tensor], source: str) -> nn.Module:
        """Return the network of a file.

        Raises:
            CheckpointError: its tensors are not of the ResNet-50 of this zoo.
            UsageError: nothing says the stride of the last stage.
        """
        wanted = without(state, "model.fc.", "classifier.classifier.", "n_averaged")
        odd = sorted(name for name in state if not name.startswith(("model.", "classifier.", "n_averaged")))
        if odd or "model.layer4.0.conv1.weight" not in state or "classifier.add_block.0.weight" not in state:
            raise CheckpointError(
                "the weights are of no network of layumi's that is known here",
                where=source,
                found=first_of(odd or sorted(state), 3),
                expected="ResNet-50, perhaps with IBN, and its bottleneck: without PCB and USAM",
                next_step="'bench weights show FILE' says what it looks like",
            )
        stride = self._stride(Path(source).parent / BESIDE)
        with torch.device("meta"):
            network = Bottlenecked(Shapes(wanted, "", source), stride, self.options.feature)
        fill(network, wanted, source)
        return self._whole(network)

    def example(self) -> nn.Module:
        """Return ResNet-50 with a bottleneck of 512."""
        names = {**usual(prefix="model."), "classifier.add_block.0.weight": torch.empty(512, 2048)}
        names["classifier.add_block.1.weight"] = torch.empty(512)
        return self._whole(Bottlenecked(Shapes(names, "", ""), 2, self.options.feature))

    def _whole(self, network: nn.Module) -> nn.Module:
        whole = normalised(network)
        return Flip(whole) if self.options.flip else whole

    def _stride(self, beside: Path) -> int:
        """Return the stride: the option's, or that of the file beside the weights.

        Raises:
            UsageError: neither says it.
        """
        if self.options.last_stride != "auto":
            return self.options.last_stride
        content = read_plain_yaml(beside)
        said = None if isinstance(content, str) else content.get("stride")
        if said not in (1, 2):
            raise UsageError(
                "the weights do not tell the stride of their last stage",
                where=beside,
                found=content if isinstance(content, str) else f"stride: {said}" if said else "no stride in it",
                expected=f"{BESIDE} beside the weights, as the training wrote it",
                next_step="copy it there, or give --set last_stride=2, the zoo's default, or --set last_stride=1",
            )
        self.read_files = {"opts": beside}
        return int(said)


class Bottlenecked(nn.Module):
    """From normalised images (n, 3, h, w) to features (n, d)."""

    def __init__(self, shapes: Shapes, stride: int, place: Place) -> None:
        super().__init__()
        self.model = ResNet(shapes.below("model."), Arithmetic(stride))
        self.classifier = AddBlock(shapes, self.model.channels)
        self.place = place

    def forward(self, images: Tensor) -> Tensor:
        """Return the features."""
        means: Tensor = self.model(images).mean((2, 3))
        return means if self.place == "before" else self.classifier.add_block(means)


class AddBlock(nn.Module):
    """The bottleneck: a linear layer, unless the zoo's ``linear_num`` is 0, and batch normalisation."""

    def __init__(self, shapes: Shapes, channels: int) -> None:
        super().__init__()
        first = shapes.found.get("classifier.add_block.0.weight", ())
        layers: list[nn.Module] = []
        if len(first) == 2:
            layers.append(nn.Linear(channels, first[0]))
            channels = first[0]
        if f"classifier.add_block.{len(layers)}.weight" in shapes:
            layers.append(nn.BatchNorm1d(channels))
        self.add_block = nn.Sequential(*layers)
