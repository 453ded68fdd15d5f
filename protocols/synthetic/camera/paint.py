"""Painting: a mesh in a camera's light, polygon after polygon from the farthest to the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from protocols.synthetic.camera.cameras import Camera
from protocols.synthetic.camera.view import View
from protocols.synthetic.chance import direction
from protocols.synthetic.vehicle.solids import Floats, Integers, Mesh, Point


@dataclass(frozen=True)
class Light:
    """The unit vector to the sun in the vehicle's coordinates, and the strength of the sun and (ambient) of the sky."""

    sun: Point
    strength: float
    ambient: float


def light_of(camera: Camera, azimuth: float) -> Light:
    """Return the light on a vehicle that a camera sees from ``azimuth`` degrees."""
    cosine, sine = direction(azimuth + camera.sun[0])
    flat, up = direction(camera.sun[1])
    return Light((cosine * flat, sine * flat, up), camera.strength, camera.ambient)


def paint(canvas: Image.Image, mesh: Mesh, view: View, light: Light) -> None:
    """Paint a vehicle on an RGB canvas, which becomes RGBA: the alpha of a pixel is the number of the visible part."""
    canvas.putalpha(0)
    pixels, _ = view.project(mesh.corners)
    facing = _facing(mesh, view.eye)
    inks = _inks(mesh, view.eye, light).tolist()
    flat = np.floor(pixels + 0.5).astype(np.int64).reshape(-1).tolist()
    starts = (2 * mesh.starts).tolist()
    polygon = ImageDraw.Draw(canvas).polygon
    for number in mesh.order(view.eye):
        if facing[number]:
            polygon(flat[starts[number] : starts[number + 1]], fill=inks[number])


def _facing(mesh: Mesh, eye: Point) -> list[bool]:
    """Return for each polygon whether its outside faces the eye."""
    first = mesh.corners[mesh.starts[:-1]]
    dx, dy, dz = ((eye[axis] - first[:, axis]) * mesh.normals[:, axis] for axis in range(3))
    facing: list[bool] = (dx + dy + dz > 0).tolist()
    return facing


def _inks(mesh: Mesh, eye: Point, light: Light) -> Integers:
    """Return (p,) colours with the part's number as alpha, packed as Pillow takes them."""
    colours = np.floor(np.clip(_shaded(mesh, eye, light), 0, 255) + 0.5).astype(np.int64)
    return colours[:, 0] | colours[:, 1] << 8 | colours[:, 2] << 16 | mesh.part << 24


def _shaded(mesh: Mesh, eye: Point, light: Light) -> Floats:
    """Return (p, 3) colours: Lambert's light, Blinn's highlight and the sky mirrored by surfaces that face up."""
    nx, ny, nz = mesh.normals.T
    x, y, z = light.sun
    lambert = np.maximum(0.0, nx * x + ny * y + nz * z)
    received = light.ambient * (0.8 + 0.2 * nz) + light.strength * lambert
    share = mesh.glow + (1 - mesh.glow) * received
    first = mesh.corners[mesh.starts[:-1]]
    hx, hy, hz = _between(eye, first, light.sun)
    shine = np.maximum(0.0, nx * hx + ny * hy + nz * hz)
    for _ in range(4):
        shine = shine * shine
    mirrored = mesh.gloss * (150 * light.strength * shine + 70 * light.ambient * np.maximum(0.0, nz))
    shaded: Floats = mesh.colours * share[:, None] + mirrored[:, None]
    return shaded


def _between(eye: Point, at: Floats, sun: Point) -> tuple[Floats, Floats, Floats]:
    """Return unit vectors halfway between the directions to the eye and to the sun."""
    view = [eye[axis] - at[:, axis] for axis in range(3)]
    far = np.sqrt(view[0] * view[0] + view[1] * view[1] + view[2] * view[2])
    half = [part / far + sun[axis] for axis, part in enumerate(view)]
    long = np.maximum(1e-9, np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2]))
    return half[0] / long, half[1] / long, half[2] / long
