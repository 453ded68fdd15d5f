"""Drawing: one track of one vehicle to JPEG files and boxes; nothing but the seed and their numbers goes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from protocols.synthetic.backdrop import lay
from protocols.synthetic.cameras import Camera
from protocols.synthetic.chance import Chance
from protocols.synthetic.develop import FINE, develop, encode
from protocols.synthetic.frames import Frame, Track, stances
from protocols.synthetic.paint import light_of, paint
from protocols.synthetic.parts import Box
from protocols.synthetic.solids import Mesh
from protocols.synthetic.view import Stance, look
from protocols.synthetic.visible import visible_boxes


class Picture(NamedTuple):
    """A drawn frame.

    Attributes:
        image: RGB.
        parts: boxes of the 16 classes; ``regions`` those of PR-ReID's.
    """

    image: Image.Image
    parts: list[Box]
    regions: list[Box]


class Drawn(NamedTuple):
    """A drawn frame as a file.

    Attributes:
        frame: which it is.
        content: the JPEG file.
        size: width and height in pixels.
        parts, regions: boxes.
    """

    frame: Frame
    content: bytes
    size: tuple[int, int]
    parts: list[Box]
    regions: list[Box]


def draw_track(seed: int, mesh: Mesh, camera: Camera, track: Track, image_size: int) -> Iterator[Drawn]:
    """Yield the frames of a track.

    Args:
        seed: of the data set.
        mesh: of the vehicle.
        camera: that it passes.
        track: to be drawn.
        image_size: the longer side of an image in pixels.
    """
    for frame, stance in zip(track.frames, stances(seed, track, camera), strict=True):
        chance = Chance(seed, "picture", frame.vehicle, frame.camera, frame.counter)
        picture = draw(mesh, camera, stance, image_size, chance)
        content = encode(picture.image, camera.quality)
        yield Drawn(frame, content, picture.image.size, picture.parts, picture.regions)


def draw(mesh: Mesh, camera: Camera, stance: Stance, image_size: int, chance: Chance) -> Picture:
    """Return the picture of a vehicle that stands before a camera."""
    view = look(mesh, stance, image_size * FINE)
    light = light_of(camera, stance.azimuth)
    canvas = lay(camera, view, mesh, light, chance)
    paint(canvas, mesh, view, light)
    parts, regions = visible_boxes(canvas, mesh)
    return Picture(develop(canvas, camera, stance.exposure, chance), parts, regions)
