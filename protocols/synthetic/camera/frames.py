"""Frames: the cameras that a vehicle passes, the tracks there, and its pose in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.synthetic.camera.cameras import Camera
from protocols.synthetic.camera.view import Stance
from protocols.synthetic.chance import Chance

SEEN_BY = 0.7
"""The share of the cameras that a vehicle passes; in VeRi-776 it is 2 to 18 of 20."""

SHORTEST, LONGEST = 3, 6
"""Frames in a track."""

AGAIN = 0.15
"""The share of the passages after which the vehicle passes the same camera once more."""

MARGINS = ((-0.01, 0.07), (-0.01, 0.08), (-0.01, 0.07), (0.0, 0.08))
"""The least and greatest margin on the left, above, on the right and below."""

STEP = 5
"""Frame counters between two frames of a track, as in VeRi-776's names."""


@dataclass(frozen=True)
class Frame:
    """One image to be drawn, identified by the numbers of vehicle and camera and the counter of the camera's frame."""

    vehicle: int
    camera: int
    counter: int

    @property
    def name(self) -> str:
        """Return VeRi-776's file name: vehicle, camera, counter, index of the crop in the frame."""
        return f"{self.vehicle:04d}_c{self.camera:03d}_{self.counter:08d}_0.jpg"


@dataclass(frozen=True)
class Track:
    """One passage of a vehicle before a camera (0, or 1 for the second), and its frames in order of time."""

    vehicle: int
    camera: int
    passage: int
    frames: tuple[Frame, ...]


def tracks_of(seed: int, vehicle: int, cameras: int) -> tuple[Track, ...]:
    """Return a vehicle's tracks, by camera and time."""
    chance = Chance(seed, "tracks", vehicle)
    found = []
    for camera in sorted(chance.some(range(1, cameras + 1), max(2, int(SEEN_BY * cameras)))):
        counter = STEP * chance.within(1, 15_999)
        for passage in range(2 if chance.happens(AGAIN) else 1):
            count = chance.within(SHORTEST, LONGEST)
            frames = tuple(Frame(vehicle, camera, counter + STEP * step) for step in range(count))
            found.append(Track(vehicle, camera, passage, frames))
            counter = frames[-1].counter + STEP * chance.within(100, 4_000)
    return tuple(found)


def query_of(seed: int, tracks: Sequence[Track]) -> Frame:
    """Return the query among the frames of a vehicle's tracks under one camera."""
    frames = [frame for track in tracks for frame in track.frames]
    return Chance(seed, "query", frames[0].vehicle, frames[0].camera).one(frames)


def stances(seed: int, track: Track, camera: Camera) -> tuple[Stance, ...]:
    """Return the pose of the vehicle in each frame of a track: it drives by, and no two crops are quite the same."""
    chance = Chance(seed, "stances", track.vehicle, track.camera, track.passage)
    start = camera.azimuth + chance.between(-camera.spread, camera.spread)
    turn = chance.between(-2.5, 2.5)
    distance = camera.distance * chance.between(0.9, 1.15)
    approach = chance.between(-0.05, 0.05)
    exposure = chance.between(0.9, 1.1)
    found = []
    for step in range(len(track.frames)):
        left, top, right, bottom = (chance.between(*ends) for ends in MARGINS)
        azimuth, away = start + turn * step, distance * (1 + approach * step)
        found.append(Stance(azimuth, camera.height, away, (left, top, right, bottom), exposure))
    return tuple(found)
