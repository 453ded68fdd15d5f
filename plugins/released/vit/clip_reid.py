"""CLIP-ReID's released weights (Li et al., AAAI 2023): CLIP's image encoders, trained for re-identification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from harness.errors import UsageError
from plugins.released.vit.clip_network import CELL, UNUSED, ClipForm, ClipReIDNetwork
from plugins.released.vit.method import HALF, IMAGENET, TransformerMethod, TransformerOptions
from plugins.released.vit.positions import grid_of
from plugins.weights.fitting import fill

EXAMPLE = ClipForm(blocks=(12,), width=768, projected=512, patch=16, positions=256, sides=0)
"""The form of the release for VeRi-776."""


class ClipReIDOptions(TransformerOptions):
    """The options of CLIP-ReID; the defaults are those of its recipes for vehicles."""

    sie_scale: float = Field(1.0, description="factor of these embeddings (R)")


class ClipReID(TransformerMethod):
    """A file of CLIP-ReID: ViT-B/16 or ResNet-50, with or without embedded cameras and views."""

    Options: ClassVar = ClipReIDOptions
    about = "released weights of CLIP-ReID, ViT and ResNet (Li et al., 2023)"
    papers = (
        "S. Li, L. Sun, Q. Li: CLIP-ReID: Exploiting vision-language model for image re-identification without "
        "concrete text labels. AAAI 2023",
    )
    release = "CLIP-ReID"
    holding = "CLIP-ReID's tensors: image_encoder.conv1.weight, bottleneck.weight, bottleneck_proj.weight, ..."
    preprocessing = "RGB from 0 to 1, minus 0.5 and over 0.5, ImageNet's for a ResNet; 256 x 256 for vehicles (R)"
    provenance = (
        "github.com/Syliz517/CLIP-ReID, MIT: files named ViT-B-16_60.pth or RN50_120.pth; one for each data set"
    )
    model: ClipReIDNetwork

    def assemble(self, state: Mapping[str, Tensor], source: str) -> ClipReIDNetwork:
        """Return the network of a file."""
        used = {name: tensor for name, tensor in state.items() if not name.startswith(UNUSED)}
        form = self.form(ClipForm.of, used, source)
        if form.residual:
            used.pop("cv_embed", None)  # the released code makes it, and its ResNet does not use it
            self._check_residual()
        name = "image_encoder." + ("attnpool." if form.residual else "") + "positional_embedding"
        stride, used[name] = self.resize(used[name], form.patch, source, CELL if form.residual else 0)
        network = self._built(form, stride, len(used[name]) - 1, source)
        fill(network, used, source)
        return network

    def example(self) -> ClipReIDNetwork:
        """Return the network of VeRi-776, ViT-B/16 without embedded sides."""
        rows, columns = grid_of(self.input_size, EXAMPLE.patch, stride := self.options.stride or EXAMPLE.patch)
        return self._built(EXAMPLE, stride, rows * columns, "")

    def _built(self, form: ClipForm, stride: int, positions: int, source: str) -> ClipReIDNetwork:
        self.find_sides(form.sides, source)
        pixels = self.normalised(IMAGENET if form.residual else HALF)
        return ClipReIDNetwork(form, pixels, stride=stride, positions=positions, place=self.options.feature)

    def _check_residual(self) -> None:
        """Refuse what a ResNet cannot do: another stride, or cells that are cut off."""
        if self.options.stride not in (0, CELL):
            raise UsageError("a ResNet has no patches with a stride", found=f"--set stride={self.options.stride}")
        if any(side % CELL for side in self.input_size):
            raise UsageError(
                "the input does not fit a ResNet",
                found="{} x {} pixels".format(*self.input_size),
                expected=f"multiples of {CELL}",
            )

    def table(self) -> Tensor:
        """Return the table of embeddings, (rows, d)."""
        return self.model.cv_embed
