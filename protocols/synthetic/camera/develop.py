"""Developing: a painted canvas as a camera's lens, sensor and encoder render it."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageFilter

from protocols.synthetic.camera.backdrop import texture
from protocols.synthetic.camera.cameras import Camera
from protocols.synthetic.chance import Chance

FINE = 4
"""Canvas pixels for one image pixel along each axis: polygons have jagged edges, images soft ones."""

NOISE = 512
"""Side of the square from which noise is cut."""


def develop(canvas: Image.Image, camera: Camera, exposure: float, chance: Chance) -> Image.Image:
    """Return the camera's image of a canvas.

    Args:
        canvas: RGBA, ``FINE`` times the image's size; its alpha is ignored.
        camera: its blur, colours and noise are applied.
        exposure: 1 for that of the camera, more for a brighter image.
        chance: chooses the place where noise is cut.
    """
    image = canvas.convert("RGB").reduce(FINE)
    radius = camera.blur * max(image.size) / 128
    if radius > 0:
        image = image.filter(ImageFilter.GaussianBlur(radius))
    image = image.point(_curves(camera, round(exposure * 100)))
    noise = _noise(camera.noise)
    width, height = image.size
    x, y = chance.below(max(1, NOISE - width)), chance.below(max(1, NOISE - height))
    grain = noise.crop((x, y, x + width, y + height))
    return ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)), 1, -camera.noise)


def encode(image: Image.Image, quality: int) -> bytes:
    """Return an image as a JPEG file."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@lru_cache(maxsize=4096)
def _curves(camera: Camera, exposure: int) -> list[int]:
    """Return the new value of each red, green and blue value."""
    values = []
    for gain in camera.gains:
        for step in range(256):
            share = step / 255
            toned = share - camera.curve * (share - share * share)
            values.append(max(0, min(255, int(255 * toned * gain * exposure / 100 + 0.5))))
    return values


@lru_cache(maxsize=64)
def _noise(most: int) -> Image.Image:
    """Return grey values of 0 to twice ``most``, as the mean of two draws."""
    one, other = texture(NOISE, f"noise {most}"), texture(NOISE, f"more noise {most}")
    return ImageChops.add(one, other, 2).point(lambda value: value * (2 * most + 1) // 256)
