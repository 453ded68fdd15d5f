"""Making the data set: several processes draw the images, and the folder appears only when it is complete."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.basics.files import new_folder
from harness.basics.host import processors
from harness.basics.progress import Advance
from harness.errors import RunError, UsageError
from protocols.synthetic.description import describe
from protocols.synthetic.lists import Seen, write_lists
from protocols.synthetic.plan import FOLDERS, QUERY, TEST, TRAIN, Plan, plan_of
from protocols.synthetic.worker import Share, draw_share, read_results

VEHICLES, CAMERAS, IMAGE_SIZE, SEED = 120, 8, 128, 0
"""The default data set, which ``--protocol synthetic`` draws on first use."""

LIMITS = {"vehicles": (4, 9_999), "cameras": (2, 999), "image_size": (32, 1_024), "seed": (0, 2**31 - 1)}
"""Minimum and maximum; VeRi's names have four digits for the vehicle and three for the camera."""

WORTH = 150
"""Number of images for which one more process is worth its start."""


@dataclass(frozen=True)
class Made:
    """A drawn data set: its folder, its numbers (only test tracks count), and the number of images in each folder."""

    root: Path
    vehicles: int
    cameras: int
    tracks: int
    images: dict[str, int]

    def __str__(self) -> str:
        train, query, test = (self.images[folder] for folder in (TRAIN, QUERY, TEST))
        return (
            f"{self.root}: {train + test} images of {self.vehicles} vehicles under {self.cameras} cameras: "
            f"{train} for training, {test} for the test in {self.tracks} tracks, {query} of them queries"
        )


def make(
    out: str | Path,
    *,
    vehicles: int = VEHICLES,
    cameras: int = CAMERAS,
    image_size: int = IMAGE_SIZE,
    seed: int = SEED,
    workers: int | None = None,
    progress: Advance | None = None,
) -> Made:
    """Draw a data set in VeRi-776's layout.

    Args:
        out: its folder, which must be empty or missing.
        vehicles: number of vehicles, a third of them for the test.
        cameras: number of cameras.
        image_size: the longer side of an image in pixels.
        seed: the same seed draws the same vehicles, boxes and, with the same Pillow, the same bytes.
        workers: number of drawing processes; None for one a core.
        progress: called with the number of images drawn so far and the number of all images.

    Raises:
        UsageError: a number is out of its range.
        DataError: the folder is not empty.
        RunError: the disk is full, or a process failed; no folder is left.
    """
    out = Path(out)
    _check(vehicles=vehicles, cameras=cameras, image_size=image_size, seed=seed)
    with new_folder(out) as part:
        plan = plan_of(seed, vehicles, cameras)
        for folder in FOLDERS:
            (part / folder).mkdir()
        share = Share(str(part), vehicles, cameras, image_size, seed)
        seen = _draw(share, plan, workers, progress or (lambda _done, _total: None))
        describe(part, plan, write_lists(part, plan, seen), image_size)
    images = {folder: len(names) for folder, names in plan.keys().items()}
    tracks = sum(track.vehicle > plan.train for track in plan.tracks)
    return Made(out, vehicles, cameras, tracks, images)


def _check(**given: int) -> None:
    for name, value in given.items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise UsageError(f"{name.replace('_', '-')} is out of its range", found=value, expected=f"{low} to {high}")


def _draw(share: Share, plan: Plan, workers: int | None, progress: Advance) -> dict[str, Seen]:
    """Draw all images and return the size and the boxes of each."""
    total = sum(len(track.frames) for track in plan.tracks)
    wanted = workers if workers is not None else min(processors(), max(1, total // WORTH))
    count = max(1, min(wanted, len(plan.vehicles)))
    shares = [replace(share, first=first, of=count) for first in range(count)]
    progress(0, total)
    if count == 1 or not sys.executable:
        done = itertools.count(1)
        for each in shares:
            draw_share(each, lambda: progress(next(done), total))
    else:
        _run(shares, lambda done: progress(done, total))
    return {name: seen for each in shares for name, seen in read_results(each).items()}


def _run(shares: Sequence[Share], progress: Callable[[int], None]) -> None:
    """Draw each share in a process of its own; all of them report their images through one pipe."""
    incoming, outgoing = os.pipe()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    processes: list[subprocess.Popen[bytes]] = []
    try:
        try:
            for share in shares:
                command = share.command()
                pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": outgoing, "stderr": subprocess.PIPE}
                processes.append(subprocess.Popen(command, env=environment, **pipes))  # noqa: S603 - ours
        finally:
            os.close(outgoing)
        done = 0
        while said := os.read(incoming, 1 << 16):
            done += len(said)
            progress(done)
        for process in processes:
            _, error = process.communicate()
            if process.returncode:
                raise _failed(process.returncode, error)
    finally:
        os.close(incoming)
        for process in processes:
            process.kill()  # does nothing to a process that has ended
            process.wait()
            if process.stderr:
                process.stderr.close()


def _failed(status: int, error: bytes) -> RunError:
    lines = error.decode("utf-8", "replace").strip().splitlines()
    return RunError(
        "a drawing process failed",
        found=lines[-1] if lines else f"exit status {status}",
        next_step="free some space or memory and draw again; nothing was left behind",
    )
