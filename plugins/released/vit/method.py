"""What the methods of released transformers share: options, reading a file, and embedded cameras and views."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.data.images import IntArray
from harness.errors import CheckpointError, UsageError
from harness.methods.method import Method, Options
from harness.methods.sizes import InputSize
from plugins.released.vit.layers import Normalised, resized
from plugins.released.vit.positions import Size, find_stride, grid_of
from plugins.released.vit.sides import WITHOUT, Sides, ViewList, sides_of
from plugins.weights.fitting import advice, fill
from plugins.weights.reading import read_weights

Form = TypeVar("Form")

HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class TransformerOptions(Options):
    """The options of a released transformer; what a file shows is found, the others are those of its release."""

    weights: str = Field("", description="the file of the release, as it was downloaded")
    input_size: InputSize | Literal["trained"] = Field(
        "trained", description="input in pixels: trained, a side, or height x width; positions are resized to it"
    )
    trained_size: InputSize = Field(256, description="input of the training, which the positions belong to (R)")
    stride: int = Field(0, ge=0, le=64, description="pixels from patch to patch; 0 finds 12 or 16 from the positions")
    neck: Literal["before", "after"] = Field("before", description="feature before or behind the neck (R)")
    pixels: Literal["release", "half", "imagenet"] = Field(
        "release", description="mean and deviation of the pixels: those of the release's recipe, 0.5, or ImageNet's"
    )
    sie: Literal["given", "camera", "none"] = Field(
        "given",
        description="embeddings of camera and view: as given in the file, by camera with the mean over its views, or "
        "none",
    )
    sie_scale: float = Field(3.0, description="factor of these embeddings (R)")
    cameras: int = Field(0, ge=0, description="cameras in the table of embeddings; 0 finds those of VeRi-776")
    views: int = Field(0, ge=0, description="views in the table of embeddings; 0 finds those of VeRi-776")
    first_camera: int = Field(1, ge=0, description="the data set's number of the table's first camera")
    first_view: int = Field(0, ge=0, description="number of the table's first view")
    view_list: str = Field("", description="file with a line for each image: its path, then anything, then its view")


class TransformerMethod(Method):
    """A released transformer; subclasses build the network and name the table of embeddings in it."""

    Options: ClassVar = TransformerOptions
    without: ClassVar = {"camera": WITHOUT, "view": "sie=camera, or name them with --set view_list=FILE"}
    model: nn.Module
    sides: Sides | None = None
    listed: ViewList | None = None

    @property
    def trained_size(self) -> Size:
        """Height and width of the input in training."""
        return _pair(self.options.trained_size)

    @property
    def input_size(self) -> Size:
        """Height and width in pixels that images are resized to."""
        size = self.options.input_size
        return self.trained_size if size == "trained" else _pair(size)

    @property
    def path(self) -> Path:
        """The file of weights."""
        return Path(self.options.weights)

    def read(self, holding: str) -> dict[str, Tensor]:
        """Return the tensors of the file by name.

        Args:
            holding: what the file holds, for messages.

        Raises:
            UsageError: no file is given.
            CheckpointError: the file cannot be read.
        """
        if not self.options.weights:
            raise UsageError("no weights are given", expected=holding, next_step="give them with --set weights=FILE")
        return read_weights(self.path, holding)

    def form(self, of: Callable[[Mapping[str, Tensor]], Form], state: Mapping[str, Tensor]) -> Form:
        """Return the form of the network that the file is of.

        Raises:
            CheckpointError: a tensor that decides it is missing or of another shape.
        """
        try:
            return of(state)
        except (KeyError, ValueError) as problem:
            raise CheckpointError(
                f"the weights are none of {type(self).__name__}'s",
                where=self.path,
                found=f"no tensor {problem}" if isinstance(problem, KeyError) else "a tensor of another shape",
                next_step=advice((), state),
            ) from None

    def resize(self, state: dict[str, Tensor], name: str, positions: int, patch: int) -> tuple[int, int]:
        """Resize the positional embeddings ``name`` in a state to the input, and return the stride and their number.

        Args:
            state: the tensors, one of which is replaced.
            name: the positional embeddings, (..., 1 + positions, d).
            positions: their number without the class token's.
            patch: the side of a patch in pixels.

        Raises:
            CheckpointError: the stride cannot be found, or the input is smaller than a patch.
        """
        stride = find_stride(positions, patch, self.trained_size, self.options.stride, self.path)
        before, after = (grid_of(size, patch, stride) for size in (self.trained_size, self.input_size))
        if before != after:
            found = resized(state[name].reshape(1 + positions, -1), before, after)
            state[name] = found.reshape(*state[name].shape[:-2], *found.shape)
        return stride, after[0] * after[1]

    def fill(self, state: Mapping[str, Tensor]) -> None:
        """Load the tensors into the network, which must need exactly these, or raise a CheckpointError."""
        fill(self.model, state, self.path)

    @abstractmethod
    def table(self) -> Tensor:
        """Return the table of embeddings of the network, (rows, ..., d)."""

    def normalise(self, released: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
        """Set the mean and the deviation of the pixels, by the options or, if these name none, as released."""
        self.pixels = Normalised(*{"half": HALF, "imagenet": IMAGENET}.get(self.options.pixels, released))

    def find_sides(self, rows: int) -> None:
        """Set what the rows of the table of embeddings stand for, and what is therefore needed at test time.

        Raises:
            UsageError: an option is given that the file or another option makes useless.
            CheckpointError: the options do not fit the file.
        """
        options = self.options
        if not rows or options.sie == "none":
            if options.view_list:
                raise UsageError(
                    "a list of views is given, but no view is embedded",
                    found="no table of embeddings in the file" if not rows else f"--set {WITHOUT}",
                    next_step="leave out view_list",
                )
            return
        cameras, views = sides_of(rows, options.cameras, options.views, self.path)
        self.sides = Sides(cameras, views, options.first_camera, options.first_view)
        self.test_needs = self.sides.needs
        if options.sie == "camera":
            if cameras == 1:
                raise UsageError(
                    "the weights embed no cameras",
                    where=self.path,
                    found="--set sie=camera",
                    expected="sie=given or none",
                )
            self.test_needs -= {"view"}
        elif options.view_list:
            self.listed = ViewList(Path(options.view_list))
            self.test_needs = self.test_needs - {"view"} | {"path"}

    def check_labels(self, keys: Sequence[str], labels: Mapping[str, IntArray]) -> None:
        """Refuse cameras and views that the weights do not know."""
        if self.sides is None:
            return
        listed = {} if self.listed is None else {"view": self.listed.checked(keys)}
        self.sides.check({**labels, **listed})

    def embed(self, images: Tensor, **needed: Any) -> Tensor:
        """Return the features of the images, each with the embedding of its camera and view."""
        side = self._side(images.device, needed)
        normalised = self.pixels(images)
        features: Tensor = self.model(normalised) if side is None else self.model(normalised, side)
        return features.to(torch.float32)

    def _side(self, device: torch.device, needed: Mapping[str, Any]) -> Tensor | None:
        """Return what the cameras and views of some images add, (n, 1, d), or None if nothing does."""
        if self.sides is None:
            return None
        view = needed.get("view")
        if self.listed is not None:
            view = torch.from_numpy(self.listed.of(needed["path"])).to(device)
        side = self.sides.embedding(self.table(), needed.get("camera"), view)
        scale: float = self.options.sie_scale
        return scale * side


def _pair(size: int | Size) -> Size:
    return (size, size) if isinstance(size, int) else size
