"""What methods with released weights share: their options, and a network that is read from a file, never trained."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from harness.methods.method import Options
from harness.methods.sizes import InputSize
from plugins.layers.augment import MEAN, STD
from plugins.released.asked import Auto, OwnSize, given
from plugins.weights.reading import read_weights


class ReleasedOptions(Options):
    """The options of all zoos."""

    weights: str = Field("", description="the released file")
    input_size: InputSize | Auto = Field(256, description="input in pixels: a side, or height x width")


class Normalise(nn.Module):
    """Subtracts a mean from images (n, 3, h, w) and divides by a deviation, three numbers each."""

    def __init__(self, mean: Sequence[float] = MEAN, deviation: Sequence[float] = STD, scale: float = 1.0) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("deviation", deviation)):
            numbers = torch.tensor(tuple(values)).view(1, 3, 1, 1)
            self.register_buffer(name, numbers, persistent=False)
        self.scale = scale

    mean: Tensor
    deviation: Tensor

    def forward(self, images: Tensor) -> Tensor:
        """Return the normalised images; before, they are multiplied by the scale."""
        return (images * self.scale - self.mean) / self.deviation


def normalised(network: nn.Module, normalise: Normalise | None = None) -> nn.Sequential:
    """Return a network whose images are normalised first, by ImageNet's colours unless others are given."""
    return nn.Sequential(OrderedDict(normalise=normalise or Normalise(), network=network))


def without(state: Mapping[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    """Return the tensors whose names do not begin with one of the prefixes, such as those of a classifier."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(prefixes)}


class ReleasedMethod(OwnSize):
    """A network from a released file; subclasses write ``assemble``.

    Attributes:
        holding: what a file of this zoo holds, for messages.
        model: the network in evaluation mode; without a file, for ``bench methods show``, that of ``example``.
    """

    Options = ReleasedOptions
    holding: ClassVar[str] = "the network's tensors by name"
    model: nn.Module

    def __init__(self) -> None:
        """Read the weights and build the network that they fit.

        Raises:
            CheckpointError: the file cannot be read, or is of another network.
            UsageError: no file is given, or an option contradicts it.
        """
        source = self.options.weights
        holding, next_step = f"a file with {self.holding}", "give it with --set weights=FILE"
        if given(source, "no weights were given", expected=holding, next_step=next_step):
            self.model = self.assemble(read_weights(Path(source), self.holding), source)
        else:
            self.model = self.example()
        self.model.eval()

    @abstractmethod
    def assemble(self, state: Mapping[str, Tensor], source: str) -> nn.Module:
        """Return the network that the tensors of a file are of, with these tensors.

        Args:
            state: the tensors by name.
            source: the file, for messages.

        Raises:
            CheckpointError: they are of no network of this zoo.
        """

    @abstractmethod
    def example(self) -> nn.Module:
        """Return the zoo's usual network with random weights, which ``bench methods show`` describes."""

    def features(self, images: Tensor, needed: Mapping[str, Any]) -> Tensor:  # noqa: ARG002 - for subclasses
        """Return the features of ``embed`` of any length; override it if the network takes more than images."""
        features: Tensor = self.model(images)
        return features

    @torch.no_grad()
    def embed(self, images: Tensor, **needed: Any) -> Tensor:
        """Return the features (n, d) float32, of length 1, of images (n, 3, h, w), RGB from 0 to 1."""
        return functional.normalize(self.features(images, needed).to(torch.float32))
