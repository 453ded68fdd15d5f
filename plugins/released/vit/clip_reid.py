"""CLIP-ReID's released weights (Li et al., AAAI 2023): CLIP's image encoders, trained for re-identification."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from plugins.released.vit.clip_network import UNUSED, ClipForm, ClipReIDNetwork
from plugins.released.vit.method import HALF, IMAGENET, TransformerMethod, TransformerOptions


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
    model: ClipReIDNetwork

    def __init__(self) -> None:
        read = self.read("image_encoder.conv1.weight and others")
        state = {name: tensor for name, tensor in read.items() if not name.startswith(UNUSED)}
        form = self.form(ClipForm.of, state)
        if form.residual:
            state.pop("cv_embed", None)  # the released code makes it, and its ResNet does not use it
        name = "image_encoder." + ("attnpool." if form.residual else "") + "positional_embedding"
        stride, positions = self.resize(state, name, form.positions, form.patch)
        self.find_sides(form.sides)
        self.model = ClipReIDNetwork(form, stride=stride, positions=positions, neck=self.options.neck)
        self.fill(state)
        self.normalise(IMAGENET if form.residual else HALF)

    def table(self) -> Tensor:
        """Return the table of embeddings, (rows, d)."""
        return self.model.cv_embed
