"""The image encoders of CLIP-ReID (Li et al., AAAI 2023) at test time, with the names of its released files.

``(R)`` marks what only the released code says. The encoders are those of CLIP (Radford et al., 2021, section 2.4).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from plugins.released.neck import Place
from plugins.released.vit.layers import attend, tokens_of

CELL = 16
"""The pixels from cell to cell of the last map of a ResNet."""

BLOCK = re.compile(r"image_encoder\.(?:transformer\.resblocks|layer([1-4]))\.(\d+)\.")

UNUSED = ("classifier", "prompt_learner.", "text_encoder.")
"""How the names of the tensors begin that only the training uses."""


@dataclass(frozen=True)
class ClipForm:
    """The form of an image encoder, as the names and shapes of its file show it.

    Attributes:
        blocks: the number of blocks: one number for a ViT, one for each of the four stages of a ResNet.
        width: the numbers of a token; for a ResNet, the channels of its first stage before the expansion.
        projected: the width of the projected feature.
        patch: the side of a patch in pixels; of a ResNet the pixels between two cells of its last map.
        positions: the number of patches or cells.
        sides: the rows of the table of cameras and views; 0 without one, and in a ResNet, which does not use it (R).
    """

    blocks: tuple[int, ...]
    width: int
    projected: int
    patch: int
    positions: int
    sides: int

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> ClipForm:
        """Return the form of a file's encoder.

        Raises:
            KeyError: a tensor that decides the form is missing.
            ValueError: it has a form that no such encoder has.
        """
        found = {match.groups("0") for match in map(BLOCK.match, state) if match}
        blocks = tuple(sum(stage == at for at, _ in found) for stage in sorted({at for at, _ in found}))
        if "image_encoder.proj" in state:
            width, _, patch, _ = state["image_encoder.conv1.weight"].shape
            positions, _ = state["image_encoder.positional_embedding"].shape
            _, projected = state["image_encoder.proj"].shape
            sides, *_ = state["cv_embed"].shape if "cv_embed" in state else (0,)
            if len(blocks) != 1 or positions < 2 or not patch or width % heads_of(width):
                raise ValueError(f"{width} numbers a token, patches of {patch} pixels, {positions} positions")
            return cls(blocks, width, projected, patch, positions - 1, sides)
        width, _, _, _ = state["image_encoder.conv3.weight"].shape
        projected, _ = state["image_encoder.attnpool.c_proj.weight"].shape
        positions, _ = state["image_encoder.attnpool.positional_embedding"].shape
        if len(blocks) != 4 or positions < 2 or width % 2 or not width:
            raise ValueError(f"{len(blocks)} stages, {width} channels, {positions} positions")
        return cls(blocks, width, projected, CELL, positions - 1, 0)

    @property
    def residual(self) -> bool:
        """Whether the encoder is a ResNet."""
        return len(self.blocks) > 1

    @property
    def feature(self) -> int:
        """The width of the feature before the projection."""
        return 32 * self.width if self.residual else self.width


def heads_of(width: int) -> int:
    """Return the number of heads for tokens of so many numbers: one for 64 of them."""
    return max(1, width // 64)


class Attention(nn.Module):
    """Attention of a token to all tokens of its image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = heads_of(width)
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, tokens, d) for (n, tokens, d)."""
        mixed = functional.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        found: Tensor = self.out_proj(attend(mixed, self.heads))
        return found


class QuickGELU(nn.Module):
    """CLIP's approximation of the GELU: x times the logistic function of 1.702 x."""

    def forward(self, values: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        return values * torch.sigmoid(1.702 * values)


class Block(nn.Module):
    """Attention and a perceptron, each behind a normalisation and added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(width, 4 * width), gelu=QuickGELU(), c_proj=nn.Linear(4 * width, width))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n, tokens, d) for (n, tokens, d)."""
        tokens = tokens + self.attn(self.ln_1(tokens))
        moved: Tensor = tokens + self.mlp(self.ln_2(tokens))
        return moved


class VisionTransformer(nn.Module):
    """CLIP's vision transformer, with patches at a distance that may be smaller than their side."""

    def __init__(self, form: ClipForm, stride: int, positions: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, form.width, form.patch, stride=stride, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(form.width))
        self.positional_embedding = nn.Parameter(torch.zeros(1 + positions, form.width))
        self.ln_pre = nn.LayerNorm(form.width)
        blocks = nn.Sequential(*(Block(form.width) for _ in range(form.blocks[0])))
        self.transformer = nn.Sequential(OrderedDict(resblocks=blocks))
        self.ln_post = nn.LayerNorm(form.width)
        self.proj = nn.Parameter(torch.zeros(form.width, form.projected))

    def forward(self, images: Tensor, side: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the class token's feature (n, d) and its projection (n, p).

        Args:
            images: (n, 3, height, width), normalised.
            side: (n, 1, d): what each image's camera and view add to its class token (R), or None.
        """
        tokens = tokens_of(self.conv1(images), self.class_embedding)
        if side is not None:
            tokens = torch.cat([tokens[:, :1] + side, tokens[:, 1:]], dim=1)
        tokens = self.transformer(self.ln_pre(tokens + self.positional_embedding))
        feature = self.ln_post(tokens[:, 0])
        return feature, feature @ self.proj


class Bottleneck(nn.Module):
    """A residual block whose stride is an average pooling in front of a convolution without one."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        if stride > 1 or channels != 4 * width:
            parts["pool"] = nn.AvgPool2d(stride)
            parts["0"] = nn.Conv2d(channels, 4 * width, 1, bias=False)
            parts["1"] = nn.BatchNorm2d(4 * width)
        self.downsample = nn.Sequential(parts)

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, 4 w, h / stride, w / stride) for (n, c, h, w)."""
        found = functional.relu(self.bn1(self.conv1(maps)))
        found = self.pool(functional.relu(self.bn2(self.conv2(found))))
        return functional.relu(self.bn3(self.conv3(found)) + self.downsample(maps))


class AttentionPool(nn.Module):
    """Attention of a map's mean to all its cells (Radford et al., 2021, section 2.4)."""

    def __init__(self, width: int, projected: int, positions: int) -> None:
        super().__init__()
        self.heads = heads_of(width)
        self.positional_embedding = nn.Parameter(torch.zeros(1 + positions, width))
        self.k_proj, self.q_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, projected)

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, p) for (n, d, rows, columns)."""
        cells = maps.flatten(2).transpose(1, 2)
        tokens = torch.cat([cells.mean(dim=1, keepdim=True), cells], dim=1) + self.positional_embedding
        query, key, value = self.q_proj(tokens[:, :1]), self.k_proj(tokens), self.v_proj(tokens)
        split = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        found: Tensor = self.c_proj(functional.scaled_dot_product_attention(*split).transpose(1, 2).flatten(1))
        return found


class ResNet(nn.Module):
    """CLIP's ResNet: three first convolutions, and no stride in the last stage (R)."""

    def __init__(self, form: ClipForm, positions: int) -> None:
        super().__init__()
        width = form.width
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        channels = width
        for number, (blocks, stride) in enumerate(zip(form.blocks, (1, 2, 2, 1), strict=True)):
            inner = width << number
            parts = [Bottleneck(channels, inner, stride)]
            parts += [Bottleneck(4 * inner, inner, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{number + 1}", nn.Sequential(*parts))
            channels = 4 * inner
        self.attnpool = AttentionPool(channels, form.projected, positions)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last map's mean (n, 32 w) and its attention pooling (n, p) for images (n, 3, height, width)."""
        maps = images
        for number in (1, 2, 3):
            convolved = self.get_submodule(f"conv{number}")(maps)
            maps = functional.relu(self.get_submodule(f"bn{number}")(convolved))
        maps = functional.avg_pool2d(maps, 2)
        for number in (1, 2, 3, 4):
            maps = self.get_submodule(f"layer{number}")(maps)
        return maps.mean(dim=(2, 3)), self.attnpool(maps)


class ClipReIDNetwork(nn.Module):
    """An image encoder of CLIP-ReID and its two necks.

    Args:
        form: the form of the encoder.
        pixels: normalises the images.
        stride: the distance of two patches in pixels; a ResNet has none.
        positions: the number of patches or cells of an input.
        place: whether the features are those before or behind the normalisations of the neck.
    """

    def __init__(self, form: ClipForm, pixels: nn.Module, *, stride: int, positions: int, place: Place) -> None:
        super().__init__()
        self.place, self.pixels = place, pixels
        self.image_encoder = ResNet(form, positions) if form.residual else VisionTransformer(form, stride, positions)
        self.bottleneck = nn.BatchNorm1d(form.feature)
        self.bottleneck_proj = nn.BatchNorm1d(form.projected)
        if form.sides:
            self.cv_embed = nn.Parameter(torch.zeros(form.sides, form.width))

    def forward(self, images: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the feature and its projection side by side, (n, d + p).

        Args:
            images: (n, 3, height, width), 0 to 1.
            side: (n, 1, d): what each image's camera and view add to the class token, or None.
        """
        given = (self.pixels(images),) if side is None else (self.pixels(images), side)
        features = self.image_encoder(*given)
        if self.place == "behind":
            features = self.bottleneck(features[0]), self.bottleneck_proj(features[1])
        return torch.cat(features, dim=1)
