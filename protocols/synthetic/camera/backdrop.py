"""Backdrops: a camera's road and scenery, drawn once, and the lanes and the vehicle's shadow of each frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from protocols.synthetic.camera.cameras import Camera
from protocols.synthetic.camera.paint import Light
from protocols.synthetic.camera.view import NEAR, View
from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.solids import Colour, Floats, Mesh

COARSE = 4
"""A shadow has a soft edge, so it is drawn at a quarter of the size, which costs a sixteenth, and blurred."""

SKIES: dict[str, tuple[Colour, Colour]] = {
    "houses": ((150, 180, 214), (214, 222, 228)),
    "trees": ((170, 196, 222), (226, 228, 222)),
    "wall": ((184, 190, 196), (206, 208, 210)),
    "open": ((126, 166, 212), (220, 216, 206)),
}


@dataclass(frozen=True, eq=False)
class Backdrop:
    """The unchanging background of a camera: scenery whose lower edge is the horizon, and road larger than any crop."""

    scenery: Image.Image
    road: Image.Image


@lru_cache(maxsize=64)
def backdrop_of(camera: Camera, side: int) -> Backdrop:
    """Return a camera's backdrop for crops of up to ``side`` pixels."""
    return Backdrop(_scenery(camera, side), _road(camera, side))


def lay(camera: Camera, view: View, mesh: Mesh, light: Light, chance: Chance) -> Image.Image:
    """Return an RGB canvas with everything behind and below the vehicle."""
    side = max(view.size)
    backdrop = backdrop_of(camera, side)
    width, height = view.size
    x, y = chance.below(side), chance.below(side)
    canvas = backdrop.road.crop((x, y, x + width, y + height))
    horizon = int(view.horizon)
    if horizon > 0:
        shift = chance.below(backdrop.scenery.width - width)
        top = backdrop.scenery.height - horizon
        canvas.paste(backdrop.scenery.crop((shift, top, shift + width, top + min(horizon, height))), (0, 0))
    _lanes(canvas, view, camera, chance)
    _shadow(canvas, view, mesh, light)
    return canvas


def _road(camera: Camera, side: int) -> Image.Image:
    """Return asphalt: its colour with coarse spots and fine grain."""
    size = 2 * side
    image = Image.new("RGB", (size, size), camera.road)
    for grain, weight in ((size // 24, 0.10), (size // 3, 0.07)):
        spots = texture(grain, f"road {camera.number}").resize((size, size), Image.Resampling.BILINEAR)
        image.paste((20, 20, 22), mask=spots.point(lambda value, weight=weight: int(value * weight)))
        image.paste((236, 234, 230), mask=spots.point(lambda value, weight=weight: int((255 - value) * weight)))
    return image


def texture(size: int, word: str) -> Image.Image:
    """Return a square of random grey values, the same for a word on every machine."""
    values = hashlib.shake_128(word.encode()).digest(size * size)
    return Image.frombytes("L", (size, size), values)


def _scenery(camera: Camera, side: int) -> Image.Image:
    """Return sky over houses, trees, a wall or fields."""
    width, height = 4 * side, 2 * side
    high, low = SKIES[camera.scenery]
    shares = np.arange(height, dtype=np.float64)[:, None] / height
    column = np.array(high) * (1 - shares) + np.array(low) * shares
    rows = np.floor(column + 0.5).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(np.broadcast_to(rows[:, None, :], (height, width, 3))))
    {"houses": _houses, "trees": _trees, "wall": _wall, "open": _hills}[camera.scenery](
        ImageDraw.Draw(image), width, height, side, Chance(0, "scenery", camera.number)
    )
    return image


def _houses(draw: ImageDraw.ImageDraw, width: int, height: int, side: int, chance: Chance) -> None:
    x = 0
    while x < width:
        across = int(side * chance.between(0.3, 0.7))
        top = height - int(side * chance.between(0.35, 0.9))
        grey = chance.within(118, 190)
        draw.rectangle(
            (x, top, x + across, height), (grey, grey - chance.within(4, 18), grey - chance.within(8, 34), 0)
        )
        step = max(6, side // 11)
        for row in range(top + step // 2, height - step, step):
            for column in range(x + step // 2, x + across - step // 2, step):
                draw.rectangle((column, row, column + step // 3, row + step // 2), (74, 84, 98, 0))
        x += across + chance.below(max(1, side // 12))


def _trees(draw: ImageDraw.ImageDraw, width: int, height: int, side: int, chance: Chance) -> None:
    for _ in range(60):
        x, radius = chance.below(width), int(side * chance.between(0.08, 0.22))
        y, green = height - int(side * chance.between(0.05, 0.35)), chance.within(62, 112)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), (green - 30, green, green - 42, 0))
    draw.rectangle((0, height - side // 14, width, height), (92, 112, 66, 0))


def _wall(draw: ImageDraw.ImageDraw, width: int, height: int, side: int, chance: Chance) -> None:
    top = height - side // 2
    draw.rectangle((0, top, width, height), (158, 156, 150, 0))
    step = side // 3
    for x in range(chance.below(step), width, step):
        draw.line((x, top, x, height), (120, 118, 114), max(1, side // 90))
    draw.rectangle((0, top, width, top + side // 30), (188, 186, 180, 0))


def _hills(draw: ImageDraw.ImageDraw, width: int, height: int, side: int, chance: Chance) -> None:
    for shade in (150, 128, 104):
        for _ in range(6):
            x, across = chance.below(width), int(side * chance.between(0.5, 1.4))
            rise = int(side * chance.between(0.08, 0.22) * shade / 128)
            box = (x - across, height - rise, x + across, height + rise)
            draw.ellipse(box, (shade - 18, shade, shade - 34, 0))
    for x in range(chance.below(side), width, side // 2):
        draw.line((x, height - side // 3, x, height), (92, 92, 96), max(1, side // 70))


def _lanes(canvas: Image.Image, view: View, camera: Camera, chance: Chance) -> None:
    """Draw the lines on either side of the vehicle's lane, dashed on its left."""
    offset = chance.between(-0.3, 0.3)
    bright = (camera.road[0] + 92, camera.road[1] + 92, camera.road[2] + 84)
    phase = chance.between(0, 5)
    lines = [(y + offset, x + phase, 2.6) for y, gap in ((1.9, 5),) for x in range(-15, 15, gap)]
    lines += [(y + offset, x, 1.5) for y in (-1.9, 5.4) for x in np.arange(-15.0, 15.0, 1.5).tolist()]
    corners = np.array(
        [
            (x + dx, y + dy, 0.0)
            for y, x, long in lines
            for dx, dy in ((0, -0.06), (long, -0.06), (long, 0.06), (0, 0.06))
        ]
    )
    pixels, depth = view.project(corners)
    draw = ImageDraw.Draw(canvas)
    for start in range(0, len(corners), 4):
        if (depth[start : start + 4] > NEAR).all():
            draw.polygon(_ints(pixels[start : start + 4]), bright)


def _shadow(canvas: Image.Image, view: View, mesh: Mesh, light: Light) -> None:
    """Darken the road below the vehicle and in its shadow."""
    x, y, z = mesh.corners[:, 0], mesh.corners[:, 1], mesh.corners[:, 2]
    long, half, high = float(x.max()), float(y.max()) * 0.92, float(z.max()) * 0.8
    ground = [(long, half), (-long, half), (-long, -half), (long, -half)]
    reach = min(1.2, light.sun[2] and 1 / light.sun[2])
    dx, dy = -light.sun[0] * high * reach, -light.sun[1] * high * reach
    cast = _hull([*ground, *((0.85 * gx + dx, 0.85 * gy + dy) for gx, gy in ground)])
    mask = Image.new("L", (canvas.width // COARSE + 1, canvas.height // COARSE + 1))
    draw = ImageDraw.Draw(mask)
    for outline, dark in ((cast, int(60 + 110 * light.strength)), (ground, 200)):
        pixels, depth = view.project(np.array([(gx, gy, 0.0) for gx, gy in outline]))
        if (depth > NEAR).all():
            draw.polygon(_ints(pixels / COARSE), dark)
    soft = mask.filter(ImageFilter.BoxBlur(max(1, canvas.width // 100)))
    large = soft.resize((soft.width * COARSE, soft.height * COARSE), Image.Resampling.BILINEAR)
    canvas.paste((14, 15, 20), mask=large.crop((0, 0, canvas.width, canvas.height)))


def _ints(pixels: Floats) -> list[int]:
    found: list[int] = np.floor(pixels + 0.5).astype(np.int64).reshape(-1).tolist()
    return found


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the convex hull, counter-clockwise (Andrew's monotone chain, 1979)."""
    ordered = sorted(points)
    hull: list[tuple[float, float]] = []
    for chain in (ordered, ordered[::-1]):
        start = len(hull)
        for x, y in chain:
            while len(hull) >= start + 2:
                (x0, y0), (x1, y1) = hull[-2], hull[-1]
                if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        hull.pop()
    return hull
