"""Any network that Python can build: one of torchvision, or one that a function of the user's returns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from harness.basics.seeds import derive
from harness.data.resizing import Interpolation, Resizing
from harness.errors import CheckpointError, PluginError, UsageError
from harness.features.seen import NOTHING
from harness.methods.method import Method, Options
from harness.methods.sizes import InputSize
from plugins.layers.schedules import split_words
from plugins.released.built.builder import TORCHVISION, build, module_of
from plugins.released.built.head import drop_head
from plugins.released.outputs import features_in
from plugins.released.pixels import KNOWN, Deviation, Mean, PixelOptions, Pixels
from plugins.weights.fitting import fill
from plugins.weights.reading import read_weights

Prefixes = Annotated[tuple[str, ...], BeforeValidator(split_words)]
"""Beginnings of names, on the command line ``module.,base.``."""


class NetworkOptions(Options):
    """The options that come first."""

    network: str = Field("", description="torchvision:NAME, or MODULE:FUNCTION, which is called without arguments")
    weights: str = Field("", description="the file; none: random weights by the run's seed")


class BuiltOptions(PixelOptions, NetworkOptions):
    """The options of a network that Python builds; the defaults are those of networks trained on ImageNet."""

    strip: Prefixes = Field((), description="beginnings to take off the names of the file's tensors: module.,base.")
    ignore: Prefixes = Field((), description="tensors of the file to leave out, by how their names then begin")
    head: str = Field(
        "auto",
        description="the classifier: drop, keep, or the layer to drop; auto: drop it from torchvision's networks",
    )
    output: str = Field("", description="number, from 0, or key of the features among several returned tensors")
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width")
    range: Literal["0..1", "0..255"] = Field("0..1", description="of the pixels after mean and deviation")
    mean: Mean = Field(
        KNOWN["imagenet"][0], description="subtracted from colours, 0 to 1: imagenet, clip, half, a number or three"
    )
    deviation: Deviation = Field(KNOWN["imagenet"][1], description="then divided by, in the same words")
    interpolation: Interpolation = Field("bilinear", description="of pictures that are resized")


class Built(Method):
    """A network that Python builds, with the weights of a file.

    Attributes:
        model: None without a word for the network, for ``bench methods show``.
    """

    about = "any network that Python can build, with a file of its weights"
    Options = BuiltOptions
    preprocessing = "RGB, 224 x 224, ImageNet's mean and deviation, unless the options say otherwise"
    provenance = "a file of the user's; --trained-on says what it has seen"
    options: BuiltOptions
    model: nn.Module | None = None

    def __init__(self) -> None:
        options = self.options
        self.resizing = Resizing(options.interpolation)
        if not options.network:
            if torch.get_default_device().type == "meta":  # where nothing is computed, as for 'bench methods show'
                return
            raise UsageError(
                "no network was named", next_step="name it with --set network=torchvision:resnet50 or mypackage:build"
            )
        if not options.weights:
            raise UsageError(
                "no weights were given",
                where=f"--set network={options.network}",
                next_step="give their file with --set weights=FILE, or draw them with --set weights=none",
            )
        self.modules = (module_of(options.network),)
        with torch.random.fork_rng([]):
            torch.manual_seed(derive(self.seed, "network"))
            network = build(options.network)
        dropped = self._drop(network)
        if options.weights == "none":
            self.trained_on = (NOTHING,)
        else:
            state = read_weights(Path(options.weights), f"the tensors of {options.network}", instead="'none'")
            fill(network, self._renamed(state, dropped), options.weights)
        self.model = BuiltNetwork(network, options)

    @torch.no_grad()
    def embed(self, images: Tensor, **needed: Any) -> Tensor:  # noqa: ARG002 - the contract
        """Return what the network returns; no features without one.

        Raises:
            PluginError: it fails on these images, or returns no features.
        """
        if self.model is None:
            return images.new_zeros(len(images), 0)
        features: Tensor = self.model(images)
        return features

    def _drop(self, network: nn.Module) -> str:
        """Take off the classifier if the options want that, and return its path, empty if it stays."""
        head = self.options.head
        if head == "auto":
            head = "drop" if module_of(self.options.network) == TORCHVISION else "keep"
        return "" if head == "keep" else drop_head(network, "" if head == "drop" else head, self.input_size)

    def _renamed(self, state: Mapping[str, Tensor], dropped: str) -> dict[str, Tensor]:
        """Return the file's tensors under the network's names, without those of the classifier that was taken off."""
        found: dict[str, Tensor] = {}
        left_out = (*self.options.ignore, *([f"{dropped}."] if dropped else []))
        for name, tensor in state.items():
            short = name
            for prefix in self.options.strip:
                short = short.removeprefix(prefix)
            if left_out and short.startswith(left_out):
                continue
            if short in found:
                raise CheckpointError(
                    "two tensors of the file have one name without their beginnings",
                    where=self.options.weights,
                    found=short,
                    next_step="take fewer beginnings off with --set strip",
                )
            found[short] = tensor
        return found


class BuiltNetwork(nn.Module):
    """A network behind its pixels."""

    def __init__(self, network: nn.Module, options: BuiltOptions) -> None:
        super().__init__()
        self.pixels = Pixels(options, scale=255.0 if options.range == "0..255" else 1.0)
        self.network = network
        self.word = options.network
        self.output = options.output

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, d) float32."""
        try:
            found = self.network(self.pixels(images))
        except (RuntimeError, ValueError, TypeError, AssertionError, IndexError, KeyError, AttributeError) as problem:
            height, width = images.shape[2:]
            raise PluginError(
                f"the network {self.word} fails on images",
                found=f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:300],
                expected=f"one that takes ({len(images)}, 3, {height}, {width}) float32",
            ) from problem
        return features_in(found, len(images), self.output, self.word, PluginError)
