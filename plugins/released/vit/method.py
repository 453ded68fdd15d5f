"""What the methods of released transformers share: options, the input's grid, and embedded cameras and views."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from harness.data.images import IntArray
from harness.errors import CheckpointError, UsageError
from harness.methods.sizes import InputSize
from plugins.released.asked import Auto
from plugins.released.method import Normalise, ReleasedMethod, ReleasedOptions
from plugins.released.neck import Place
from plugins.released.pixels import KNOWN, Deviation, Mean
from plugins.released.vit.layers import resized
from plugins.released.vit.positions import Size, find_stride, grid_of
from plugins.released.vit.sides import WITHOUT, Sides, ViewList, sides_of
from plugins.weights.fitting import advice

Form = TypeVar("Form")

HALF, IMAGENET = KNOWN["half"], KNOWN["imagenet"]
"""Mean and deviation of the pixels' red, green and blue."""


class TransformerOptions(ReleasedOptions):
    """The options of a released transformer: what its file does not show."""

    input_size: InputSize | Auto = Field(
        "auto",
        description="input in pixels: a side, or height x width, to which positions are resized; auto: trained_size",
    )
    trained_size: InputSize = Field(256, description="input of the training, which the positions belong to (R)")
    stride: int = Field(0, ge=0, le=64, description="pixels from patch to patch; 0 finds 12 or 16 from the positions")
    feature: Place = Field("before", description="the feature, behind or before the neck's batch normalisation (R)")
    mean: Mean | Auto = Field(
        "auto",
        description="subtracted from colours, 0 to 1: imagenet, clip, half or numbers; auto: the release's",
    )
    deviation: Deviation | Auto = Field("auto", description="then divided by, in the same words")
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


class TransformerMethod(ReleasedMethod):
    """A released transformer; subclasses build the network and name the table of embeddings in it.

    Attributes:
        release: the name of the release, for messages.
        sides: what the rows of the table stand for; None if no side is embedded.
        listed: the views that the user gives in a list.
    """

    Options: ClassVar = TransformerOptions
    without: ClassVar = {"camera": WITHOUT, "view": "sie=camera, or name them with --set view_list=FILE"}
    release: ClassVar[str]
    sides: Sides | None = None
    listed: ViewList | None = None

    @property
    def trained_size(self) -> Size:
        """Height and width of the input in training."""
        size = self.options.trained_size
        return (size, size) if isinstance(size, int) else size

    @property
    def input_size(self) -> Size:
        """Height and width in pixels that images are resized to."""
        return self.asked_size or self.trained_size

    @abstractmethod
    def table(self) -> Tensor:
        """Return the table of embeddings of the network, (rows, ..., d)."""

    def form(self, of: Callable[[Mapping[str, Tensor]], Form], state: Mapping[str, Tensor], source: str) -> Form:
        """Return the form of the network that a file is of.

        Raises:
            CheckpointError: a tensor that decides it is missing or of another shape.
        """
        try:
            return of(state)
        except (KeyError, ValueError) as problem:
            raise CheckpointError(
                f"the weights are none of {self.release}'s",
                where=source,
                found=f"no tensor {problem}"
                if isinstance(problem, KeyError)
                else f"a tensor of another form: {problem}",
                expected=self.holding,
                next_step=advice((), state),
            ) from None

    def resize(self, positions: Tensor, patch: int, source: str, stride: int = 0) -> tuple[int, Tensor]:
        """Return the stride of the training, and the positional embeddings for the input.

        Args:
            positions: (1 + patches, d).
            patch: the side of a patch in pixels.
            source: the file, for messages.
            stride: the only stride of such a network; 0 for the user's or the one that is found.

        Raises:
            CheckpointError: the stride cannot be found.
            UsageError: the input is smaller than a patch.
        """
        given = stride or self.options.stride
        stride = find_stride(len(positions) - 1, patch, self.trained_size, given, source)
        if min(self.input_size) < patch:
            raise UsageError(
                "the input is smaller than a patch",
                found="{} x {} pixels".format(*self.input_size),
                expected=f"at least {patch}",
            )
        before, after = (grid_of(size, patch, stride) for size in (self.trained_size, self.input_size))
        return stride, resized(positions, before, after)

    def normalised(self, released: tuple[Sequence[float], Sequence[float]]) -> Normalise:
        """Return the normalisation of the pixels, by the options or, if these name none, as released."""
        options = self.options
        mean = released[0] if options.mean == "auto" else options.mean
        return Normalise(mean, released[1] if options.deviation == "auto" else options.deviation)

    def find_sides(self, rows: int, source: str) -> None:
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
                    found=f"--set {WITHOUT}" if rows else "a file without embeddings of cameras and views",
                    next_step="leave out view_list",
                )
            return
        cameras, views = sides_of(rows, options.cameras, options.views, source)
        self.sides = Sides(cameras, views, options.first_camera, options.first_view)
        self.test_needs = self.sides.needs
        if options.sie == "camera":
            if cameras == 1:
                raise UsageError(
                    "the weights embed no cameras", where=source, found="--set sie=camera", expected="sie=given or none"
                )
            self.test_needs -= {"view"}
        elif options.view_list:
            if views == 1:
                raise UsageError(
                    "a list of views is given, but the weights embed cameras alone",
                    where=source,
                    next_step="leave out view_list",
                )
            self.listed = ViewList(Path(options.view_list))
            self.test_needs = self.test_needs - {"view"} | {"path"}

    def features(self, images: Tensor, needed: Mapping[str, Any]) -> Tensor:
        """Return the features of images with the embeddings of their cameras and views."""
        features: Tensor = self.model(images, self._side(needed, images.device))
        return features

    def check_labels(self, keys: Sequence[str], labels: Mapping[str, IntArray]) -> None:
        """Refuse cameras and views that the weights do not know."""
        if self.sides is not None:
            listed = {} if self.listed is None else {"view": self.listed.checked(keys)}
            self.sides.check({**labels, **listed})

    def _side(self, needed: Mapping[str, Any], device: torch.device) -> Tensor | None:
        """Return what the cameras and views of some images add to their tokens, (n, 1, d), or None if nothing does."""
        if self.sides is None:
            return None
        view = needed.get("view")
        if self.listed is not None:
            view = torch.from_numpy(self.listed.of(needed["path"])).to(device)
        scale: float = self.options.sie_scale
        return scale * self.sides.embedding(self.table(), needed.get("camera"), view)
