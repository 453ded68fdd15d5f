"""Any network that Python can build: one of torchvision, or one that a function of the user's returns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from harness.basics.seeds import derive
from harness.data.resizing import Interpolation, Resizing
from harness.errors import CheckpointError, PluginError, UsageError, in_one_line
from harness.features.seen import NOTHING
from harness.methods.exported import CARD, read_card
from harness.methods.method import Options
from harness.methods.sizes import InputSize
from plugins.layers.schedules import split_words
from plugins.released.asked import Auto, OwnSize, given
from plugins.released.built.builder import TORCHVISION, build, module_of
from plugins.released.built.head import drop_head
from plugins.released.outputs import features_in
from plugins.released.pixels import KNOWN, Channels, Deviation, Mean, PixelOptions, Pixels
from plugins.weights.fitting import fill
from plugins.weights.reading import metadata_of, read_weights, unwrapped

Prefixes = Annotated[tuple[str, ...], BeforeValidator(split_words)]
"""Beginnings of names, on the command line ``module.,base.``."""

Pair = Mapping[str, tuple[float, ...]]
"""A mean and a deviation of the colours by these words."""


class NetworkOptions(Options):
    """The options that come first."""

    network: str = Field("", description="torchvision:NAME, or MODULE:FUNCTION, which is called without arguments")
    weights: str = Field("", description="the file; none: random weights by the run's seed")


class BuiltOptions(NetworkOptions):
    """The options of a network that Python builds; the defaults are those of networks trained on ImageNet."""

    strip: Prefixes = Field((), description="beginnings to take off the names of the file's tensors: module.,base.")
    ignore: Prefixes = Field((), description="tensors of the file to leave out, by how their names then begin")
    head: str = Field(
        "auto",
        description="the classifier: drop, keep, or the layer to drop; auto: drop it from torchvision's networks",
    )
    output: str = Field("", description="number, from 0, or key of the features among several returned tensors")
    input_size: InputSize | Auto = Field(
        "auto", description="input in pixels: a side, or height x width; auto: as a file of 'bench export' says, or 224"
    )
    range: Literal["0..1", "0..255"] = Field("0..1", description="of the pixels after mean and deviation")
    mean: Mean | Auto = Field(
        "auto",
        description="subtracted from colours, 0 to 1: imagenet, clip, half or numbers; auto: the file's, or imagenet",
    )
    deviation: Deviation | Auto = Field("auto", description="then divided by, in the same words")
    channels: Channels = Field("rgb", description="order of the colours that the network expects")
    interpolation: Interpolation | Auto = Field(
        "auto", description="of pictures that are resized; auto: as the file says, or bilinear"
    )


class Built(OwnSize):
    """A network that Python builds, with the weights of a file.

    Attributes:
        model: None without a word for the network, for ``bench methods show``.
        exported: whether ``bench export`` wrote the file of weights.
    """

    about = "any network that Python can build, with a file of its weights"
    Options = BuiltOptions
    preprocessing = "RGB, 224 x 224, ImageNet's mean and deviation, unless the options say otherwise"
    provenance = "a file of the user's; --trained-on says what it has seen"
    options: BuiltOptions
    model: nn.Module | None = None
    exported: bool = False

    def __init__(self) -> None:
        options = self.options
        naming = "name it with --set network=torchvision:resnet50 or mypackage:build"
        if not given(options.network, "no network was named", next_step=naming):
            return
        if not options.weights:
            raise UsageError(
                "no weights were given",
                where=f"--set network={options.network}",
                next_step="give their file with --set weights=FILE, or draw them with --set weights=none",
            )
        if options.weights != "none":
            self._follow(Path(options.weights))
        else:
            self.resizing = self._resizing(Resizing())
        self.modules = (module_of(options.network),)
        with torch.random.fork_rng([]):
            torch.manual_seed(derive(self.seed, "network"))
            network = build(options.network)
        own = frozenset(network.state_dict())
        dropped = self._drop(network)
        pixels: Pair = {"mean": KNOWN["imagenet"][0], "deviation": KNOWN["imagenet"][1]}
        if options.weights == "none":
            self.trained_on = (NOTHING,)
        else:
            holding = f"the tensors of {options.network}"
            state = read_weights(Path(options.weights), holding, instead="'none'", named=str)
            if self.exported:
                state, pixels = _without_pixels(state, pixels, options.weights)
            fill(network, self._renamed(state, own, dropped), options.weights)
        asked = {name: value for name in pixels if (value := getattr(options, name)) != "auto"}
        colours = PixelOptions.model_validate({**pixels, **asked, "channels": options.channels})
        self.model = BuiltNetwork(network, colours, options)

    def _follow(self, path: Path) -> None:
        """Take size, resizing and metric from a file that ``bench export`` wrote, as far as no option says them."""
        card = read_card(metadata_of(path).get(CARD), path)
        self.resizing = self._resizing(card.resizing if card else Resizing())
        if card is not None:
            self.exported, self.size, self.metric = True, card.input_size, card.metric

    def _resizing(self, own: Resizing) -> Resizing:
        word = self.options.interpolation
        return own if word == "auto" else replace(own, interpolation=word)

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

    def _renamed(self, state: Mapping[str, Tensor], own: Collection[str], dropped: str) -> dict[str, Tensor]:
        """Return the file's tensors under the network's names, without those of the classifier that was taken off.

        Args:
            state: the tensors by the file's names.
            own: the names in the network with its classifier.
            dropped: the path of the classifier, empty if it stays.
        """
        found: dict[str, Tensor] = {}
        left_out = (*self.options.ignore, *([f"{dropped}."] if dropped else []))
        for name, tensor in state.items():
            short = self._short(name, own)
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

    def _short(self, name: str, own: Collection[str]) -> str:
        """Return a name without the beginnings that the options name, nor those of torch's wrappers."""
        for prefix in self.options.strip:
            name = (name if name.startswith(prefix) else unwrapped(name, own)).removeprefix(prefix)
        return unwrapped(name, own)


def _without_pixels(state: Mapping[str, Tensor], usual: Pair, source: str) -> tuple[dict[str, Tensor], Pair]:
    """Return the tensors of an exported file without its mean and deviation, and these, if it has them.

    A run of this method, or of a library's network, has them beside the network, whose names then begin with a word.

    Raises:
        CheckpointError: the deviation is not above 0.
    """
    own = {name: state.get(f"pixels.{name}") for name in usual}
    if any(one is None or one.numel() != 3 for one in own.values()):
        return dict(state), usual
    rest = {name.removeprefix("network."): one for name, one in state.items() if not name.startswith("pixels.")}
    found = {name: tuple(map(float, one.flatten().tolist())) for name, one in own.items() if one is not None}
    if min(found["deviation"]) <= 0:
        raise CheckpointError(
            "the file's deviation of the colours is not above 0", where=source, found=found["deviation"]
        )
    return rest, found


class BuiltNetwork(nn.Module):
    """A network behind its pixels."""

    def __init__(self, network: nn.Module, pixels: PixelOptions, options: BuiltOptions) -> None:
        super().__init__()
        self.pixels = Pixels(pixels, scale=255.0 if options.range == "0..255" else 1.0)
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
                found=in_one_line(problem, named=True),
                expected=f"one that takes ({len(images)}, 3, {height}, {width}) float32",
            ) from problem
        return features_in(found, len(images), self.output, self.word, PluginError)
