"""A drawing process: draws its share of the vehicles and writes one byte to standard output for each image.

It is a command that inherits nothing but that pipe: threads of a numeric library do not survive a fork, a user's
unguarded script must not run again, and a process whose parent was killed has to end with it (joblib's loky leaves
workers and semaphores behind).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protocols.synthetic.lists import Seen
from protocols.synthetic.plan import QUERY, TEST, TRAIN, Plan, plan_of


@dataclass(frozen=True)
class Share:
    """The vehicles that one process draws: every ``of``-th from ``first`` on."""

    root: str
    vehicles: int
    cameras: int
    image_size: int
    seed: int
    first: int = 0
    of: int = 1

    @property
    def results(self) -> Path:
        """Return the file for the boxes."""
        return Path(self.root) / f".boxes-{self.first}"

    def command(self) -> list[str]:
        """Return the command that starts the process, which never imports from the working folder by itself."""
        return [sys.executable, "-P", "-m", "protocols.synthetic.worker", json.dumps(asdict(self))]


def draw_share(share: Share, advance: Callable[[], None]) -> None:
    """Draw a share's images into their folders, and write their boxes into its file."""
    plan = plan_of(share.seed, share.vehicles, share.cameras)
    queries = {frame.name for frame in plan.queries()}
    root = Path(share.root)
    with share.results.open("w", encoding="ascii") as results:
        for name, train, content, seen in _drawn(share, plan):
            folders = (TRAIN,) if train else (QUERY, TEST) if name in queries else (TEST,)
            for folder in folders:
                (root / folder / name).write_bytes(content)
            results.write(json.dumps([name, seen]) + "\n")
            advance()


def _drawn(share: Share, plan: Plan) -> Iterator[tuple[str, bool, bytes, Seen]]:
    from protocols.synthetic.camera.cameras import cameras
    from protocols.synthetic.camera.drawing import draw_track
    from protocols.synthetic.camera.frames import tracks_of
    from protocols.synthetic.vehicle.assembly import assemble

    every = cameras(share.cameras)
    for vehicle in plan.vehicles[share.first :: share.of]:
        mesh = assemble(vehicle)
        for track in tracks_of(share.seed, vehicle.number, share.cameras):
            for drawn in draw_track(share.seed, mesh, every[track.camera - 1], track, share.image_size):
                seen = Seen(drawn.size, (drawn.parts, drawn.regions))
                yield drawn.frame.name, vehicle.number <= plan.train, drawn.content, seen


def read_results(share: Share) -> dict[str, Seen]:
    """Return the sizes and boxes of a share's images, and remove its file."""
    from protocols.synthetic.camera.box import Box

    found = {}
    with share.results.open(encoding="ascii") as results:
        for line in results:
            name, (size, boxes) = json.loads(line)
            width, height = size
            found[name] = Seen((width, height), tuple([Box(*box) for box in of_kind] for of_kind in boxes))
    share.results.unlink()
    return found


def main(arguments: list[str]) -> int:
    """Draw the share that is given as JSON."""
    given: dict[str, Any] = json.loads(arguments[0])
    with suppress(BrokenPipeError):  # the parent was killed
        draw_share(Share(**given), _tell)
    return 0


def _tell() -> None:
    os.write(1, b".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
