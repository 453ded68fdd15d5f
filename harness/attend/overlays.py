"""Draws attention over an image: maps as colours, parts as boxes coloured by their weights."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from harness.data.pictures import Pixels

FloatArray = npt.NDArray[np.float32]

COLOURS = "turbo"
"""matplotlib's colour map from 0 (dark blue) via green to 1 (dark red)."""

HEAT = 0.5
"""The share of the map's colour in a pixel; the rest is the image in grey, so that its own colours do not mislead."""

SMALLEST = 1e-38
"""The divisor for a map whose values are all zero."""

LINES = 200
"""The longer side of an image in line widths."""


def draw_map(picture: Pixels, cells: FloatArray) -> bytes:
    """Return the image blended with a map, as PNG of the image's size; equal input gives equal bytes.

    Args:
        picture: (3, height, width) uint8.
        cells: (h, w), interpolated between cells; the colours range from 0, which includes all negative values, to the
            maximum.
    """
    height, width = picture.shape[1:]
    shown = np.clip(cells, 0, None).astype(np.float32)
    shown = shown / max(float(shown.max()), SMALLEST)
    spread = Image.fromarray(shown).resize((width, height), Image.Resampling.BILINEAR)
    levels = np.clip(np.rint(np.asarray(spread) * 255), 0, 255).astype(np.uint8)
    grey = np.asarray(_image(picture).convert("L").convert("RGB"), np.float32)
    mixed = (1 - HEAT) * grey + HEAT * _colours()[levels]
    return _png(Image.fromarray(np.rint(mixed).astype(np.uint8)))


def draw_parts(picture: Pixels, parts: FloatArray) -> bytes:
    """Return the image with the boxes and weights of its parts, as PNG of the image's size.

    Args:
        picture: (3, height, width) uint8.
        parts: (m, 6): label, weight, x0, y0, x1, y1 as fractions of width and height; the part with the largest weight
            is drawn last, and the colours range from 0 to its weight.
    """
    image = _image(picture)
    drawing = ImageDraw.Draw(image)
    font = ImageFont.load_default_imagefont()
    line = max(1, round(max(image.size) / LINES))
    heaviest = max(float(parts[:, 1].max(initial=0)), SMALLEST)
    for part in parts[np.argsort(parts[:, 1], kind="stable")]:
        colour = tuple(int(level) for level in _colours()[round(255 * float(part[1]) / heaviest)])
        x0, y0, x1, y1 = (float(share) * side for share, side in zip(part[2:], image.size * 2, strict=True))
        corners = (x0, y0, max(x0, x1 - 1), max(y0, y1 - 1))
        drawing.rectangle(corners, outline=colour, width=line)
        text = f"{part[1]:.2f}"
        left, top, right, bottom = drawing.textbbox((0, 0), text, font=font)
        wide, high = right - left + 2, bottom - top + 2
        x = max(0, min(x0, image.width - wide))
        y = y0 - high if y0 >= high else min(y0, image.height - high)
        drawing.rectangle((x, y, x + wide - 1, y + high - 1), fill=(0, 0, 0))
        drawing.text((x + 1 - left, y + 1 - top), text, fill=(255, 255, 255), font=font)
    return _png(image)


@cache
def _colours() -> npt.NDArray[np.uint8]:
    """Return the colour map, (256, 3) uint8."""
    from matplotlib import colormaps

    table: npt.NDArray[np.uint8] = colormaps[COLOURS](np.arange(256), bytes=True)[:, :3]
    return table


def _image(picture: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))


def _png(image: Image.Image) -> bytes:
    """Return the image as PNG without metadata, hence without a time stamp."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
