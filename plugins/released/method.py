"""What methods with released weights share: their options, and a network that is read from a file, never trained."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.errors import UsageError
from harness.methods.method import Method, Options
from harness.methods.sizes import InputSize
from plugins.weights.reading import read_weights


class ReleasedOptions(Options):
    """The options of all zoos."""

    weights: str = Field("", description="the released file")
    input_size: InputSize = Field(256, description="input in pixels: a side, or height x width")


class ReleasedMethod(Method):
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
            UsageError: an option contradicts the file.
        """
        source = self.options.weights
        if source:
            state = read_weights(Path(source), self.holding)
            self.model = self.assemble(state, source)
        else:
            self.model = self.example()
        self.model.eval().requires_grad_(requires_grad=False)

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

    def embed(self, images: Tensor, **needed: Any) -> Tensor:  # noqa: ARG002 - the contract
        """Return the features (n, d) float32 of images (n, 3, h, w), RGB from 0 to 1.

        Raises:
            UsageError: no weights were given.
        """
        if not self.options.weights and images.device.type != "meta":
            raise UsageError(
                "no weights were given",
                expected=f"a file with {self.holding}",
                next_step="give it with --set weights=FILE",
            )
        features: Tensor = self.model(images)
        return features.to(torch.float32)
