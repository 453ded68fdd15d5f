"""The plan of a data set: its vehicles, tracks, frames and queries, before any image is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from protocols.synthetic.camera.frames import Frame, Track, query_of, tracks_of
from protocols.synthetic.vehicle.vehicles import Vehicle, fleet, held_out

TRAIN, QUERY, TEST = "image_train", "image_query", "image_test"
FOLDERS = (TRAIN, QUERY, TEST)


@dataclass(frozen=True)
class Plan:
    """All images of a data set that are to be drawn; tracks are ordered by vehicle, camera and time."""

    seed: int
    vehicles: Sequence[Vehicle]
    train: int  # the number of training vehicles, which are the first
    tracks: Sequence[Track]
    cameras: int

    def frames(self, *, train: bool) -> list[Frame]:
        """Return the frames of the training or of the test vehicles."""
        return [frame for track in self.tracks if (track.vehicle <= self.train) == train for frame in track.frames]

    def queries(self) -> list[Frame]:
        """Return one frame of each test vehicle under each camera that it passes."""
        groups = groupby((track for track in self.tracks if track.vehicle > self.train), _passed)
        return [query_of(self.seed, list(tracks)) for _, tracks in groups]

    def keys(self) -> dict[str, list[str]]:
        """Return the names of each folder's images, in the order of their list."""
        frames = (self.frames(train=True), self.queries(), self.frames(train=False))
        return {folder: [frame.name for frame in of] for folder, of in zip(FOLDERS, frames, strict=True)}


def _passed(track: Track) -> tuple[int, int]:
    return track.vehicle, track.camera


def plan_of(seed: int, vehicles: int, cameras: int) -> Plan:
    """Return the plan of a data set."""
    tracks = [track for number in range(1, vehicles + 1) for track in tracks_of(seed, number, cameras)]
    return Plan(seed, fleet(seed, vehicles), vehicles - held_out(vehicles), tracks, cameras)
