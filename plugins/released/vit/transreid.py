"""TransReID's released weights (He et al., ICCV 2021), and DMT's of the same form (Luo et al., CVPRW 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from harness.errors import UsageError
from plugins.released.vit.method import HALF, TransformerMethod, TransformerOptions
from plugins.released.vit.positions import grid_of
from plugins.released.vit.transreid_network import Form, TransReIDNetwork, unused
from plugins.weights.fitting import fill

EXAMPLE = Form(width=768, depth=12, hidden=3072, biased=True, patch=16, positions=256, sides=160, jigsaw=True)
"""The form of the release for VeRi-776 with stride 16."""

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
    release = "TransReID"
    holding = "TransReID's tensors: base.cls_token, base.blocks.0.norm1.weight, bottleneck.weight, ..."
    preprocessing = "RGB from 0 to 1, minus 0.5 and over 0.5; 256 x 256 for vehicles (R)"
    provenance = "github.com/damo-cv/TransReID, MIT: files named transformer_120.pth; one for each data set"
    model: TransReIDNetwork

    def assemble(self, state: Mapping[str, Tensor], source: str) -> TransReIDNetwork:
        """Return the network of a file."""
        state = {RENAMED.get(name, name): tensor for name, tensor in state.items()}
        form = self.form(Form.of, state, source)
        stride, positions = self.resize(state["base.pos_embed"][0], form.patch, source)
        network = self._built(form, stride, len(positions) - 1, source)
        used = {name: tensor for name, tensor in state.items() if not unused(name, form)}
        fill(network, {**used, "base.pos_embed": positions[None]}, source)
        return network

    def example(self) -> TransReIDNetwork:
        """Return the network of VeRi-776, ViT-B/16 with everything."""
        rows, columns = grid_of(self.input_size, EXAMPLE.patch, stride := self.options.stride or EXAMPLE.patch)
        return self._built(EXAMPLE, stride, rows * columns, "")

    def _built(self, form: Form, stride: int, positions: int, source: str) -> TransReIDNetwork:
        options = self.options
        self.find_sides(form.sides, source)
        if form.jigsaw and options.shuffle and options.shift > positions:
            raise UsageError(
                "the shift of the jigsaw branch is larger than the number of patches",
                found=options.shift,
                expected=f"1 to {positions}",
            )
        return TransReIDNetwork(
            form,
            self.normalised(HALF),
            stride=stride,
            positions=positions,
            place=options.feature,
            shift=options.shift if options.shuffle else 0,
        )

    def table(self) -> Tensor:
        """Return the table of embeddings, (rows, 1, d)."""
        return self.model.base.sie_embed
