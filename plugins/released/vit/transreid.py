"""TransReID's released weights (He et al., ICCV 2021), and DMT's of the same form (Luo et al., CVPRW 2021)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from plugins.released.vit.method import HALF, TransformerMethod, TransformerOptions
from plugins.released.vit.transreid_network import Form, TransReIDNetwork, unused

RENAMED = {"base.aux_embed": "base.sie_embed"}
"""DMT's names for TransReID's tensors."""


class TransReIDOptions(TransformerOptions):
    """The options of TransReID; the defaults are those of its recipes for vehicles."""

    shift: int = Field(8, ge=1, description="shift of the jigsaw branch, in patches and plus one (R)")
    shuffle: bool = Field(True, description="whether the jigsaw branch shifts and shuffles the patches (R)")


class TransReID(TransformerMethod):
    """A file of TransReID or DMT: ViT or DeiT, with or without the jigsaw branch and embedded cameras and views."""

    Options: ClassVar = TransReIDOptions
    about = "released weights of TransReID, ViT and DeiT (He et al., 2021), and of DMT"
    papers = (
        "S. He, H. Luo, P. Wang, F. Wang, H. Li, W. Jiang: TransReID: Transformer-based object re-identification. "
        "ICCV 2021",
    )
    model: TransReIDNetwork

    def __init__(self) -> None:
        state = {RENAMED.get(name, name): tensor for name, tensor in self.read("base.pos_embed and others").items()}
        form = self.form(Form.of, state)
        stride, positions = self.resize(state, "base.pos_embed", form.positions, form.patch)
        self.find_sides(form.sides)
        options = self.options
        self.model = TransReIDNetwork(
            form, stride=stride, positions=positions, neck=options.neck, shift=options.shift, shuffle=options.shuffle
        )
        self.fill({name: tensor for name, tensor in state.items() if not unused(name, form)})
        self.normalise(HALF)

    def table(self) -> Tensor:
        """Return the table of embeddings, (rows, 1, d)."""
        return self.model.base.sie_embed
