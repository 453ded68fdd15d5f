"""VeRi-776's track list: the test images of each passage of a vehicle before a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.images import IntArray
from harness.data.lists import Problems, Row, leads_out, misfit, quote, read_lines, refuse_duplicates
from harness.errors import DataError, first_of
from protocols.veri776.names import EXAMPLE, parse_name

LIST = "test_track.txt"
TASK = "image-to-track"
LINE = f"0002_c002_t0175 {EXAMPLE} ..."
FEW = 0.05
"""The share of test images that may be in no track, as for images renamed between releases."""


@dataclass(frozen=True)
class Tracks:
    """The tracks of the test images.

    Attributes:
        number: (n,) int64, each test image's track, from 0 in the list's order; None if unknown.
        unavailable: the reason, if they are unknown.
        notes: differences from the release.
    """

    number: IntArray | None
    unavailable: DataError | None = None
    notes: tuple[str, ...] = ()


def read_tracks(path: Path, files: Sequence[str], problems: Problems) -> Tracks:
    """Return the tracks of test images, named in their list's order; malformed lines become problems."""
    if not path.exists():
        return _unavailable("is missing", path)
    rows = _parse(path, problems)
    track_of = _track_of_each_image(path, rows, problems)
    known = np.array([track_of.get(file, -1) for file in files], dtype=np.int64)
    strays = np.flatnonzero(known < 0)
    unknown = len(track_of) - (len(files) - len(strays))
    if len(strays) > FEW * len(files):
        found = f"{len(strays)} of {len(files)} test images in no track"
        return _unavailable("belongs to another data set", path, found=found, expected="every test image in one track")
    # An image that the list knows by another name becomes a track of its own, so that no image is lost.
    known[strays] = len(rows) + np.arange(len(strays))
    notes = []
    if unknown:
        notes.append(f"{unknown} images of {LIST} are not in the test list and were left out")
    if len(strays):
        named = first_of(files[row] for row in strays.tolist())
        notes.append(f"{len(strays)} test images are in no track and were made tracks of one image: {named}")
    return Tracks(known, None, tuple(notes))


def _unavailable(problem: str, path: Path, **places: str) -> Tracks:
    step = "copy the list from the release, or evaluate image-to-image instead"
    error = DataError(f"the track list {problem}: {TASK} cannot be evaluated", where=path, next_step=step, **places)
    return Tracks(None, error)


def _parse(path: Path, problems: Problems) -> list[Row]:
    """Return the rows of the list: the track's name, then its images."""
    rows: list[Row] = []
    for number, text in enumerate(read_lines(path), 1):
        if not text:
            continue
        name, *files = text.split()
        images = [parse_name(file) for file in files]
        if not files or parse_name(name) is not None or leads_out(name):
            problems.add(path, number, misfit(text, LINE))
        elif None in images:
            problems.add(path, number, misfit(files[images.index(None)], EXAMPLE))
        elif len({(image.vehicle, image.camera) for image in images if image is not None}) > 1:
            problems.add(path, number, f"track {quote(name)} has images of two vehicles or cameras")
        else:
            rows.append((number, (name, *files)))
    refuse_duplicates(path, rows, 0, problems)
    return rows


def _track_of_each_image(path: Path, rows: Sequence[Row], problems: Problems) -> dict[str, int]:
    """Return each image's track, counted in the list's order."""
    track_of: dict[str, int] = {}
    for track, (line, (_, *files)) in enumerate(rows):
        for file in files:
            before = track_of.setdefault(file, track)
            if before != track:
                problems.add(path, line, f"{quote(file)} is already in line {rows[before][0]}")
    return track_of
