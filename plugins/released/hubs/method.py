"""What the methods of the hubs share: options, the preprocessing that a network was trained with, and its feature."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.basics.seeds import derive
from harness.data.resizing import Interpolation, Resizing
from harness.errors import PluginError, UsageError, in_one_line
from harness.features.seen import NOTHING
from harness.methods.method import Options
from harness.methods.sizes import InputSize
from plugins.released.asked import Auto, OwnSize, given
from plugins.released.outputs import features_in
from plugins.released.pixels import Deviation, Mean, PixelOptions, Pixels


class HubOptions(Options):
    """The options of all hubs; ``auto`` is what the network was trained with."""

    model: str = Field("", description="the network's name in the library")
    weights: str = Field("hub", description="hub, a file, or none for random weights by the run's seed")
    input_size: InputSize | Auto = Field("auto", description="input in pixels: a side, or height x width")
    mean: Mean | Auto = Field("auto", description="subtracted from colours, 0 to 1: imagenet, clip, half or numbers")
    deviation: Deviation | Auto = Field("auto", description="then divided by, in the same words")
    interpolation: Interpolation | Auto = Field("auto", description="of pictures that are resized")
    fit: Literal["auto", "stretch"] = Field(
        "auto", description="pictures of another shape: auto crops as in training, stretch keeps the whole picture"
    )


@dataclass(frozen=True)
class Preprocessing:
    """What a network was trained with: height and width, mean and deviation of the colours, and the way to the size."""

    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    resizing: Resizing


class HubMethod(OwnSize):
    """A network of a library; subclasses write ``build``.

    Attributes:
        word: the method's own name, which is that of its extra.
        model: None without a name, for ``bench methods show``.
    """

    Options = HubOptions
    preprocessing = "the network's own size, mean, deviation, interpolation and crop"
    provenance = "the hub of the library, or a file of the user's; --trained-on says what it has seen"
    word: ClassVar[str]
    options: HubOptions
    model: nn.Module | None = None

    def __init__(self) -> None:
        if not given(self.options.model, "no network was named", next_step="name it with --set model=NAME"):
            return
        with torch.random.fork_rng([]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries warn of their own future
            torch.manual_seed(derive(self.seed, "network"))
            network, own = self.build()
            if self.options.weights == "none":
                self.trained_on = (NOTHING,)
            self._try_size(network)
        self.size = own.size
        word, options = self.options.interpolation, self.options
        kept = Resizing(own.resizing.interpolation) if options.fit == "stretch" else own.resizing
        self.resizing = kept if word == "auto" else replace(kept, interpolation=word)
        mean = own.mean if options.mean == "auto" else options.mean
        deviation = own.deviation if options.deviation == "auto" else options.deviation
        pixels = PixelOptions.model_validate({"mean": tuple(mean), "deviation": tuple(deviation)})
        self.model = HubNetwork(network, Pixels(pixels), options.model)

    def _try_size(self, network: nn.Module) -> None:
        """Refuse a size that the options ask for and the network does not take."""
        if self.asked_size is None or torch.get_default_device().type == "meta":
            return
        height, width = self.asked_size
        try:
            with torch.no_grad():
                network.eval()(torch.zeros(1, 3, height, width))
        except Exception as problem:  # whatever a network raises
            raise UsageError(
                f"{self.options.model} does not take images of {height} x {width} pixels",
                found=in_one_line(problem, named=True),
                next_step="leave out --set input_size, or give one that the network takes",
            ) from None

    @abstractmethod
    def build(self) -> tuple[nn.Module, Preprocessing]:
        """Return the network with its weights, from normalised images to (n, d), and what it was trained with.

        Raises:
            UsageError: the library, or the network in it, is missing.
            CheckpointError: the weights cannot be loaded, or are of another network.
        """

    @torch.no_grad()
    def embed(self, images: Tensor, **needed: Any) -> Tensor:  # noqa: ARG002 - the contract
        """Return the pooled feature of the network; none without a network."""
        if self.model is None:
            return images.new_zeros(len(images), 0)
        features: Tensor = self.model(images)
        return features


class HubNetwork(nn.Module):
    """A network behind its pixels."""

    def __init__(self, network: nn.Module, pixels: Pixels, name: str) -> None:
        super().__init__()
        self.pixels = pixels
        self.network = network
        self.name = name

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d) float32."""
        found = self.network(self.pixels(images))
        return features_in(found, len(images), "", self.name, PluginError)


def unknown_fit(name: str, mode: str) -> UsageError:
    """Return the error for a way of fitting pictures that is not built here."""
    return UsageError(
        f"{name} was trained on pictures with borders, which bench does not draw",
        found=mode,
        next_step="stretch pictures in place of that, with --set fit=stretch",
    )
