"""Filters of pictures in whole numbers: no digit depends on a library or a machine.

Lengths are in 256ths of a pixel, weights in 256ths. A ``Plane`` is int64 of any scale: (height, width) or
(height, width, channels).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.corruptions.corruption import Pixels

Plane = npt.NDArray[np.int64]

WHOLE = 256
"""A pixel, or a weight of one."""


def plane(pixels: Pixels) -> Plane:
    """Return a picture as int64 in 256ths, which filters can round without losing a grey level."""
    return pixels.astype(np.int64) * WHOLE


def picture(values: Plane) -> Pixels:
    """Return values in 256ths as uint8, rounded and clipped."""
    found: Pixels = np.clip((values + WHOLE // 2) >> 8, 0, 255).astype(np.uint8)
    return found


def of_side(shape: tuple[int, ...], permille: int) -> int:
    """Return a share of the shorter side in 256ths of a pixel, so that small and large pictures are spoilt alike."""
    return min(shape[0], shape[1]) * permille * WHOLE // 1000


def quotient(values: Plane, by: Plane | int) -> Plane:
    """Return a division rounded to the nearest, halves upwards; ``by`` is positive."""
    return (2 * values + by) // (2 * by)


def blend(values: Plane, other: Plane | int, weight: Plane | int) -> Plane:
    """Return values with a share of others, whose weight is 0 to 256."""
    return values + ((other - values) * weight + WHOLE // 2 >> 8)


def grey(values: Plane) -> Plane:
    """Return the luma of RGB values (ITU-R BT.601), (height, width)."""
    return quotient(values[..., 0] * 299 + values[..., 1] * 587 + values[..., 2] * 114, 1000)


def _along(values: Plane, reach: int, axis: int) -> Plane:
    """Return means over ``reach`` 256ths of a pixel to both sides along an axis; edges are repeated."""
    whole, part = reach >> 8, reach & 255
    moved = np.moveaxis(values, axis, 0)
    edge = whole + 1
    padded = np.concatenate([np.repeat(moved[:1], edge, 0), moved, np.repeat(moved[-1:], edge, 0)])
    sums = np.concatenate([np.zeros_like(padded[:1]), np.cumsum(padded, axis=0)])
    count, width = len(moved), 2 * whole + 1
    inner = sums[1 + width : 1 + width + count] - sums[1 : 1 + count]
    ends = padded[:count] + padded[width + 1 : width + 1 + count]
    return np.moveaxis(quotient(inner * WHOLE + ends * part, width * WHOLE + 2 * part), 0, axis)


def box(values: Plane, reach: int) -> Plane:
    """Return means over squares of ``reach`` 256ths of a pixel to all four sides."""
    return _along(_along(values, reach, 0), reach, 1)


def soft(values: Plane, reach: int) -> Plane:
    """Return a blur close to a Gaussian of standard deviation ``reach``: three boxes one after the other."""
    return box(box(box(values, reach), reach), reach)


@cache
def _disc(reach: int) -> tuple[tuple[int, int, int], ...]:
    """Return the pixels of a disc as (down, right, weight): how many of 64 points of each pixel lie in it."""
    side = math.isqrt(reach * reach) // WHOLE + 1
    points = range(-112, 113, 32)
    found = []
    for down in range(-side, side + 1):
        for right in range(-side, side + 1):
            weight = sum(
                (down * WHOLE + y) ** 2 + (right * WHOLE + x) ** 2 <= reach * reach for y in points for x in points
            )
            if weight:
                found.append((down, right, weight))
    return tuple(found) or ((0, 0, 64),)


MOST_REACH = 12 * WHOLE
"""The largest disc that is summed pixel by pixel; a larger one is taken from a smaller picture."""


def disc(values: Plane, reach: int) -> Plane:
    """Return means over discs of a radius in 256ths of a pixel; edges are repeated."""
    if reach > MOST_REACH:
        halved = shrink(values, (max(1, values.shape[0] // 2), max(1, values.shape[1] // 2)))
        return enlarge(disc(halved, reach // 2), values.shape[:2])
    kernel = _disc(reach)
    edge = max(down for down, _, _ in kernel)
    padded = np.pad(values, [(edge, edge), (edge, edge), *[(0, 0)] * (values.ndim - 2)], mode="edge")
    height, width = values.shape[:2]
    total = np.zeros_like(values)
    for down, right, weight in kernel:
        total += weight * padded[edge + down : edge + down + height, edge + right : edge + right + width]
    return quotient(total, sum(weight for _, _, weight in kernel))


def shifted(values: Plane, down: int, right: int) -> Plane:
    """Return the values found so far below and to the right, in 256ths of a pixel, interpolated; edges are repeated."""
    for axis, by in enumerate((down, right)):
        if by:
            count = values.shape[axis]
            first = np.clip(np.arange(count) + (by >> 8), 0, count - 1)
            near = values.take(first, axis)
            values = blend(near, values.take(np.minimum(first + 1, count - 1), axis), by & 255) if by & 255 else near
    return values


def shrink(values: Plane, size: tuple[int, int]) -> Plane:
    """Return a smaller plane of this height and width: means of the pixels that fall into each of its own."""
    for axis, count in enumerate(size):
        ends = np.arange(count + 1) * values.shape[axis] // count
        sums = np.concatenate([np.zeros_like(values.take([0], axis)), np.cumsum(values, axis=axis)], axis=axis)
        widths = np.diff(ends).reshape([-1 if other == axis else 1 for other in range(values.ndim)])
        values = quotient(sums.take(ends[1:], axis) - sums.take(ends[:-1], axis), widths)
    return values


def enlarge(values: Plane, size: tuple[int, ...]) -> Plane:
    """Return a plane of this height and width, interpolated bilinearly between the middles of the pixels."""
    for axis, count in enumerate(size[:2]):
        own = values.shape[axis]
        places = np.clip((2 * np.arange(count) + 1) * own * WHOLE // (2 * count) - WHOLE // 2, 0, (own - 1) * WHOLE)
        first = places >> 8
        second = np.minimum(first + 1, own - 1)
        part = (places & 255).reshape([-1 if other == axis else 1 for other in range(values.ndim)])
        values = blend(values.take(first, axis), values.take(second, axis), part)
    return values
