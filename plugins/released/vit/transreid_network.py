"""The network of TransReID (He et al., ICCV 2021) at test time, with the names of its released files.

Section numbers are the paper's; ``(R)`` marks what only its released code says.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plugins.released.neck import Place
from plugins.released.vit.layers import attend, tokens_of

EPSILON = 1e-6
"""Of the layer normalisations (R)."""

PARTS = 4
"""The groups of patches of the jigsaw branch (section 3.2; R)."""

BLOCK = re.compile(r"base\.blocks\.(\d+)\.")


@dataclass(frozen=True)
class Form:
    """The form of a network, as the names and shapes of its file show it.

    Attributes:
        width: the numbers of a token: 768, or 384 for DeiT's small form.
        depth: the number of blocks, of which the jigsaw branch replaces the last.
        hidden: the width inside a block's perceptron.
        biased: whether queries, keys and values have a bias.
        patch: the side of a patch in pixels.
        positions: the number of patches.
        sides: the rows of the table of cameras and views; 0 without such a table.
        jigsaw: whether the network has the jigsaw branch.
    """

    width: int
    depth: int
    hidden: int
    biased: bool
    patch: int
    positions: int
    sides: int
    jigsaw: bool

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Form:
        """Return the form of a file's network.

        Raises:
            KeyError: a tensor that decides the form is missing.
            ValueError: it has a form that no such network has.
        """
        width, _, patch, _ = state["base.patch_embed.proj.weight"].shape
        one, positions, _ = state["base.pos_embed"].shape
        hidden, _ = state["base.blocks.0.mlp.fc1.weight"].shape
        blocks = {match[1] for match in map(BLOCK.match, state) if match}
        sides, *_ = state["base.sie_embed"].shape if "base.sie_embed" in state else (0,)
        form = cls(
            width,
            len(blocks),
            hidden,
            "base.blocks.0.attn.qkv.bias" in state,
            patch,
            positions - 1,
            sides,
            "b1.0.norm1.weight" in state,
        )
        if one != 1 or positions < 2 or not patch or width % form.heads:
            raise ValueError(f"{width} numbers a token, patches of {patch} pixels, positions {one} x {positions}")
        return form

    @property
    def small(self) -> bool:
        """Whether this is the small ViT of 8 blocks, whose heads and scale differ from all others' (R)."""
        return self.depth == 8 and self.width == 768

    @property
    def heads(self) -> int:
        """The number of heads, which no shape shows: one for 64 numbers of a token, but 8 in the small ViT (R)."""
        return 8 if self.small else max(1, self.width // 64)

    @property
    def scale(self) -> float | None:
        """The factor of the attention's products; None for the usual one."""
        return self.width**-0.5 if self.small else None


class Attention(nn.Module):
    """Attention of a token to all tokens of its image."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.heads, self.scale = form.heads, form.scale
        self.qkv = nn.Linear(form.width, 3 * form.width, bias=form.biased)
        self.proj = nn.Linear(form.width, form.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, tokens, d) for (n, tokens, d)."""
        mixed: Tensor = self.proj(attend(self.qkv(tokens), self.heads, self.scale))
        return mixed


class Block(nn.Module):
    """Attention and a perceptron, each behind a normalisation and added to its input."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(form.width, eps=EPSILON)
        self.attn = Attention(form)
        self.norm2 = nn.LayerNorm(form.width, eps=EPSILON)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(form.width, form.hidden), act=nn.GELU(), fc2=nn.Linear(form.hidden, form.width))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, tokens, d) for (n, tokens, d)."""
        tokens = tokens + self.attn(self.norm1(tokens))
        moved: Tensor = tokens + self.mlp(self.norm2(tokens))
        return moved


class Trunk(nn.Module):
    """The vision transformer: overlapping patches, positions, sides, and blocks (sections 3.1 and 3.3)."""

    def __init__(self, form: Form, stride: int, positions: int) -> None:
        super().__init__()
        projection = nn.Conv2d(3, form.width, form.patch, stride=stride)
        self.patch_embed = nn.Sequential(OrderedDict(proj=projection))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, form.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + positions, form.width))
        if form.sides:
            self.sie_embed = nn.Parameter(torch.zeros(form.sides, 1, form.width))
        used = form.depth - form.jigsaw
        self.blocks = nn.Sequential(*(Block(form) for _ in range(used)))
        self.norm = nn.Identity() if form.jigsaw else nn.LayerNorm(form.width, eps=EPSILON)

    def forward(self, images: Tensor, side: Tensor | None) -> Tensor:
        """Return the tokens, (n, 1 + patches, d), for images and, if any, what their sides add, (n, 1, d)."""
        tokens = tokens_of(self.patch_embed(images), self.cls_token) + self.pos_embed
        if side is not None:
            tokens = tokens + side
        found: Tensor = self.norm(self.blocks(tokens))
        return found


class TransReIDNetwork(nn.Module):
    """TransReID at test time.

    Args:
        form: the form of the network.
        pixels: normalises the images.
        stride: the distance of two patches in pixels.
        positions: the number of patches of an input.
        place: whether the feature is that before or behind the normalisations of the neck.
        shift: how many patches the jigsaw branch moves to the end, plus one (R); 0 to leave the patches in order.
    """

    def __init__(
        self,
        form: Form,
        pixels: nn.Module,
        *,
        stride: int,
        positions: int,
        place: Place,
        shift: int = 0,
    ) -> None:
        super().__init__()
        self.jigsaw, self.place, self.shift = form.jigsaw, place, shift
        self.pixels = pixels
        self.base = Trunk(form, stride, positions)
        self.bottleneck = nn.BatchNorm1d(form.width)
        if form.jigsaw:
            self.b1, self.b2 = (nn.Sequential(Block(form), nn.LayerNorm(form.width, eps=EPSILON)) for _ in range(2))
            for number in range(1, PARTS + 1):
                self.add_module(f"bottleneck_{number}", nn.BatchNorm1d(form.width))

    def forward(self, images: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the features: (n, d), or (n, 5 d) with the jigsaw branch, whose four local features count a quarter.

        Args:
            images: (n, 3, height, width), 0 to 1.
            side: (n, 1, d): what each image's camera and view add to every token, or None.
        """
        tokens = self.base(self.pixels(images), side)
        if not self.jigsaw:
            return self._behind("bottleneck", tokens[:, 0])
        first = tokens[:, :1]
        patches = tokens[:, 1:]
        length = patches.shape[1] // PARTS
        if self.shift:
            patches = jigsaw(patches, self.shift)
        features = [self._behind("bottleneck", self.b1(tokens)[:, 0])]
        for number in range(PARTS):
            part = torch.cat([first, patches[:, number * length : (number + 1) * length]], dim=1)
            features.append(self._behind(f"bottleneck_{number + 1}", self.b2(part)[:, 0]) / PARTS)
        return torch.cat(features, dim=1)

    def _behind(self, neck: str, feature: Tensor) -> Tensor:
        if self.place == "before":
            return feature
        normalised: Tensor = self.get_submodule(neck)(feature)
        return normalised


def jigsaw(patches: Tensor, shift: int) -> Tensor:
    """Return the patches shifted and shuffled (section 3.2), as the released code does both.

    The first ``shift - 1`` patches move to the end. Then the patches of the first and of the second half take turns;
    an odd number is first made even by its last patch but one (R).

    Args:
        patches: (n, patches, d).
        shift: from 1 to the number of patches.

    Returns:
        (n, patches, d), and one patch more if their number is odd.
    """
    moved = torch.cat([patches[:, shift - 1 :], patches[:, : shift - 1]], dim=1)
    if moved.shape[1] % 2:
        moved = torch.cat([moved, moved[:, -2:-1]], dim=1)
    images, count, width = moved.shape
    return moved.reshape(images, 2, count // 2, width).transpose(1, 2).reshape(images, count, width)


def unused(name: str, form: Form) -> bool:
    """Return whether a tensor of a file is not used at test time."""
    last = f"base.blocks.{form.depth - 1}."
    replaced = form.jigsaw and name.startswith((last, "base.norm."))
    return replaced or name.startswith(("base.fc.", "classifier", "arcface", "gap."))
