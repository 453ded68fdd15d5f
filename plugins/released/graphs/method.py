"""What the methods of ONNX and TorchScript files share: options, the size of the input, and first checks of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.data.resizing import Interpolation, Resizing
from harness.errors import CheckpointError, UsageError
from harness.methods.exported import Card
from harness.methods.method import Method, create
from harness.methods.sizes import InputSize
from plugins.released.pixels import PixelOptions

Auto = Literal["auto"]


class GraphOptions(PixelOptions):
    """The options of a network in a file of its own computation."""

    weights: str = Field("", description="the file")
    input_size: InputSize | Auto = Field(
        "auto", description="input in pixels: a side, or height x width; auto: as the file says"
    )
    range: Literal["auto", "0..1", "0..255"] = Field(
        "auto", description="of the pixels before mean and deviation are used; auto: as the file says, or 0..1"
    )
    interpolation: Interpolation | Auto = Field(
        "auto", description="of pictures that are resized; auto: as the file says, or bilinear"
    )


class GraphMethod(Method):
    """A network in a file of its own computation, which ``open_file`` opens."""

    Options = GraphOptions
    options: GraphOptions
    size: tuple[int, int]

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in pixels that images are resized to."""
        return self.size

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
        given = self.options.input_size
        asked = None if given == "auto" else (given, given) if isinstance(given, int) else given
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
        self.size = asked or fixed or (0, 0)
        own = card.resizing if card else Resizing()
        word = self.options.interpolation
        self.resizing = own if word == "auto" else Resizing(word, own.keep_ratio, own.share)
        if card is not None:
            self.metric = card.metric

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options alone: what is open in this process is opened again in the other."""
        return create, (type(self), self.options, self.seed)


def existing(path: str, word: str, holding: str) -> Path:
    """Return the path of a given file.

    Args:
        path: as the option ``weights`` gives it.
        word: of the method, for messages.
        holding: what such a file holds, for messages.

    Raises:
        UsageError: no file is given.
        CheckpointError: it is missing or empty, or is a page of the web in its place.
    """
    if not path:
        raise UsageError(f"{word} needs {holding}", next_step="give it with --set weights=FILE")
    found = Path(path)
    if not found.is_file():
        raise CheckpointError("no such weights file", where=found, expected=holding)
    with found.open("rb") as file:
        start = file.read(200).lstrip().lower()
    stands_in = {
        b"": "an empty file",
        b"<!doctype html": "a page of the web, as a failed download leaves it",
        b"<html": "a page of the web, as a failed download leaves it",
        b"version https://git-lfs": "a pointer of Git LFS, whose content is not here",
    }
    for sign, what in stands_in.items():
        if start == sign or (sign and start.startswith(sign)):
            raise CheckpointError(
                "the weights file holds no network", where=found, found=what, expected=holding,
                next_step="download it again",
            )  # fmt: skip
    return found
