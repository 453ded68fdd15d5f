"""What the methods of ONNX and TorchScript files share: options, the size of the input, and first checks of a file."""

from __future__ import annotations

import zipfile
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.basics.foreign import Foreign
from harness.data.resizing import Interpolation, Resizing
from harness.errors import CheckpointError, UsageError
from harness.methods.exported import Card
from harness.methods.method import Options, create
from harness.methods.sizes import InputSize
from plugins.released.asked import Auto, OwnSize, given
from plugins.released.pixels import PixelOptions
from plugins.weights.kinds import check_regular, form_of


class FileOptions(Options):
    """The option that comes first."""

    weights: str = Field("", description="the file")


class GraphOptions(PixelOptions, FileOptions):
    """The options of a network in a file of its own computation."""

    input_size: InputSize | Auto = Field(
        "auto", description="input in pixels: a side, or height x width; auto: as the file says"
    )
    range: Literal["auto", "0..1", "0..255"] = Field(
        "auto", description="of the pixels before mean and deviation are used; auto: as the file says, or 0..1"
    )
    interpolation: Interpolation | Auto = Field(
        "auto", description="of pictures that are resized; auto: as the file says, or bilinear"
    )


class GraphMethod(OwnSize):
    """A network in a file of its own computation; subclasses write ``open_file``.

    Attributes:
        holding: what a file holds, for messages.
        own: the words of ``Foreign`` for such a file.
        network: from images, RGB from 0 to 1, to features; None without a file, for ``bench methods show``.
    """

    Options = GraphOptions
    preprocessing = "RGB from 0 to 1, unless the file or the options say otherwise; the size is the file's"
    provenance = "a file of the user's; --trained-on says what it has seen"
    holding: ClassVar[str]
    own: ClassVar[tuple[str, ...]]
    options: GraphOptions
    network: nn.Module | None = None

    def __init__(self) -> None:
        next_step = "give it with --set weights=FILE"
        if given(self.options.weights, "no weights were given", expected=self.holding, next_step=next_step):
            self.network = self.open_file(existing(self.options.weights, self.holding, self.own))

    @abstractmethod
    def open_file(self, path: Path) -> nn.Module:
        """Return the network of a file, and call ``follow`` with what the file says."""

    @torch.no_grad()
    def embed(self, images: Tensor, **needed: Any) -> Tensor:  # noqa: ARG002 - the contract
        """Return the features of the file's network; none without a file.

        Raises:
            CheckpointError: the network fails on these pictures, or returns no features.
        """
        if self.network is None:
            return images.new_zeros(len(images), 0)
        if images.device.type == "meta":  # 'bench methods show' then tries real numbers
            raise NotImplementedError
        features: Tensor = self.network(images)
        return features

    def follow(self, card: Card | None, found: tuple[int, int] | None, path: Path) -> None:
        """Set input size, resizing and metric: what the options say, else the file.

        Args:
            card: what ``bench export`` wrote into the file, or None.
            found: height and width that the file's own input declares, or None.
            path: of the file, for messages.

        Raises:
            CheckpointError: the options ask for another size than the file takes.
            UsageError: neither of them says the size.
        """
        asked = self.asked_size
        fixed = found or (card and card.input_size)
        if asked is None and fixed is None:
            raise UsageError(
                "the file does not say the size of its network's input",
                where=path,
                next_step="give it with --set input_size=224, or 256x128 for height x width",
            )
        if found is not None and asked not in (None, found):
            raise CheckpointError(
                "the network takes pictures of another size",
                where=path,
                found=f"{found[0]} x {found[1]} pixels in the file, {'x'.join(map(str, asked or ()))} in the options",
                next_step="leave out --set input_size",
            )
        self.size = fixed or self.size
        own = card.resizing if card else Resizing()
        word = self.options.interpolation
        self.resizing = own if word == "auto" else replace(own, interpolation=word)
        if card is not None:
            self.metric = card.metric

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options alone: what is open in this process is opened again in the other."""
        return create, (type(self), self.options, self.seed)


def existing(path: str, holding: str, own: Collection[str]) -> Path:
    """Return the path of a given file.

    Args:
        path: as the option ``weights`` gives it.
        holding: what such a file holds, for messages.
        own: the words of ``Foreign`` for such a file.

    Raises:
        CheckpointError: it is missing or something else.
    """
    found = Path(path)
    check_regular(found, holding, "")
    form = form_of(found)
    with found.open("rb") as file:
        page = file.read(64).lstrip().lower().startswith((b"<!doctype", b"<html"))  # whatever the file's name says
    if isinstance(form, Foreign) and form.word in own and not page:
        return found
    tensors = Foreign(
        "tensors without their network", "give the network as well: --method torch --set network=torchvision:resnet50"
    )
    if form == "zip" and not zipfile.is_zipfile(found):
        raise CheckpointError(
            "the file is damaged", where=found, found="a zip without its end", next_step="copy or download it again"
        )
    saved_page = Foreign("a page of the web", "download the file itself; on a page, use its download link")
    other = saved_page if page else form if isinstance(form, Foreign) else tensors
    raise CheckpointError(f"the file is {other.what}", where=found, expected=holding, next_step=other.next_step)
