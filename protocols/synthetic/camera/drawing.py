"""Drawing: JPEG files and boxes of one track of one vehicle, determined by the seed and their numbers alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from protocols.synthetic.camera.backdrop import lay
from protocols.synthetic.camera.box import Box
from protocols.synthetic.camera.cameras import Camera
from protocols.synthetic.camera.develop import FINE, develop, encode
from protocols.synthetic.camera.frames import Frame, Track, stances
from protocols.synthetic.camera.paint import light_of, paint
from protocols.synthetic.camera.view import Stance, look
from protocols.synthetic.camera.visible import visible_boxes
from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.solids import Mesh


class Picture(NamedTuple):
    """A drawn frame: RGB, boxes of the 16 classes, and boxes of PR-ReID's regions."""

    image: Image.Image
    parts: list[Box]
    regions: list[Box]


class Drawn(NamedTuple):
    """A drawn frame as a JPEG file, with its size (width, height) in pixels and its boxes."""

    frame: Frame
    content: bytes
    size: tuple[int, int]
    parts: list[Box]
    regions: list[Box]


def draw_track(seed: int, mesh: Mesh, camera: Camera, track: Track, image_size: int) -> Iterator[Drawn]:
    """Yield the frames of a vehicle's track before a camera; ``image_size`` is an image's longer side in pixels."""
    for frame, stance in zip(track.frames, stances(seed, track, camera), strict=True):
        chance = Chance(seed, "picture", frame.vehicle, frame.camera, frame.counter)
        picture = draw(mesh, camera, stance, image_size, chance)
        content = encode(picture.image, camera.quality)
        yield Drawn(frame, content, picture.image.size, picture.parts, picture.regions)


def draw(mesh: Mesh, camera: Camera, stance: Stance, image_size: int, chance: Chance) -> Picture:
    """Return the picture of a vehicle before a camera."""
    view = look(mesh, stance, image_size * FINE)
    light = light_of(camera, stance.azimuth)
    canvas = lay(camera, view, mesh, light, chance)
    paint(canvas, mesh, view, light)
    parts, regions = visible_boxes(canvas, mesh)
    return Picture(develop(canvas, camera, stance.exposure, chance), parts, regions)
