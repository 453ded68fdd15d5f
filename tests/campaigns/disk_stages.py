"""The commands that write, each with what it starts from and what it must leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np

from tests.harness.runs.made import PLUGIN

MOVING = ("digest", "cost", "seconds", "created", "versions")
"""Fields of a record that two runs need not share: how long something took, and the digest of it all."""


class Place:
    """The folders of a campaign: ``disk`` is the small file system, ``data`` has what the commands read."""

    def __init__(self, root: Path) -> None:
        self.disk, self.data = root / "disk", root / "data"
        self.disk.mkdir()
        self.data.mkdir()

    @cached_property
    def plugin(self) -> Path:
        """A file with a method that trains in a second."""
        path = self.data / "plugin.py"
        path.write_text(PLUGIN)
        return path

    @cached_property
    def drawn(self) -> Path:
        """A drawn data set."""
        from protocols.synthetic import make

        out = self.data / "drawn"
        make(out, vehicles=12, cameras=4, image_size=32, seed=3, workers=1)
        return out

    @cached_property
    def runs(self) -> Path:
        """A finished run, from which pages and exports are made."""
        out = self.data / "runs"
        quiet(*run(self, out))
        return out

    @property
    def features(self) -> Path:
        """The feature file of the finished run."""
        return next(self.runs.rglob("features.h5"))

    @cached_property
    def arrays(self) -> tuple[list[str], np.ndarray]:
        """Keys and features of a few hundred images."""
        from harness.features import FeatureFile

        with FeatureFile.open(self.features) as file:
            keys = [*file.keys, *(f"more/{number:05}.jpg" for number in range(600))]
        return keys, np.random.default_rng(0).normal(size=(len(keys), 32)).astype(np.float32)


@dataclass(frozen=True)
class Stage:
    """A command that writes.

    Attributes:
        name: its name in the table.
        work: the command.
        results: patterns of the files that it must leave, equal to those of every other time.
        prepare: what is done before, with room.
    """

    name: str
    work: Callable[[Place], None]
    results: tuple[str, ...]
    prepare: Callable[[Place], None] = lambda _place: None

    @staticmethod
    def content(path: Path) -> bytes:
        """Return what must be equal in a result: of a record everything but times."""
        if path.suffix == ".json" and path.name.startswith("record-"):
            return json.dumps(_settled(json.loads(path.read_text())), sort_keys=True).encode()
        return path.read_bytes()


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _settled(item) for key, item in value.items() if key not in MOVING}
    return value


def bench(*words: object) -> None:
    """Call the command ``bench``; anything but a success is a SystemExit with its status."""
    from harness.cli import main

    main([str(word) for word in words], prog_name="bench", standalone_mode=True)


def quiet(*words: object) -> None:
    """Call the command ``bench``, which must succeed."""
    try:
        bench(*words)
    except SystemExit as ended:
        if ended.code:
            raise


def run(place: Place, runs: Path, verb: str = "run") -> list[object]:
    """Return the words of a run, or of a step of it."""
    return [verb, "--method", "tiny", "--plugin", place.plugin, "--protocol", "synthetic", "--data", place.drawn,
            "--runs", runs, "--workers", 0, "--device", "cpu"]  # fmt: skip


def draw(place: Place) -> None:
    """Draw a data set."""
    bench("data", "make", "synthetic", place.disk / "set", "--vehicles", 6, "--cameras", 3, "--image-size", 32,
          "--workers", 1)  # fmt: skip


def write(place: Place) -> None:
    """Write features from Python, and say what went wrong as the command does."""
    import harness

    keys, features = place.arrays
    try:
        harness.write_features(place.disk / "new" / "f.h5", keys, features, dataset="synthetic", method="mine")
    except harness.BenchError as error:
        click.echo(f"bench: {error}")
        raise SystemExit(error.exit_status) from None


def arrays(place: Place) -> Path:
    """Write features as an array of NumPy, and return its file."""
    path = place.data / "given.npz"
    if not path.exists():
        keys, features = place.arrays
        np.savez(path, keys=np.array(keys), features=features)
    return path


def halves(place: Place) -> list[Path]:
    """Write features in two files, and return them."""
    import harness

    paths = [place.data / "one.h5", place.data / "two.h5"]
    keys, features = place.arrays
    middle = len(keys) // 2
    for path, part in zip(paths, (slice(0, middle), slice(middle, None)), strict=True):
        if not path.exists():
            harness.write_features(path, keys[part], features[part], dataset="synthetic", method="mine")
    return paths


def imported(place: Place) -> None:
    """Import another program's features."""
    bench("features", "import", arrays(place), "--protocol", "synthetic", "--data", place.drawn, "--method", "mine",
          "--keys-name", "keys", "--features-name", "features", "--out", place.disk / "i" / "f.h5", "--force")  # fmt: skip


STAGES = [
    Stage("drawing", draw, ("set/**/*",), lambda place: None),
    Stage(
        "training",
        lambda place: bench(*run(place, place.disk / "runs", "train")),
        ("runs/*/checkpoint.safetensors",),
        lambda place: None if place.drawn and place.plugin else None,
    ),
    Stage(
        "extraction",
        lambda place: bench(*run(place, place.disk / "runs", "extract")),
        ("runs/*/*/features.h5",),
        lambda place: quiet(*run(place, place.disk / "runs", "train")),
    ),
    Stage(
        "records",
        lambda place: bench(*run(place, place.disk / "runs")),
        ("runs/*/*/record-*.json", "runs/*/*/per-query-*"),
        lambda place: quiet(*run(place, place.disk / "runs", "extract")),
    ),
    Stage(
        "records of eval",
        lambda place: bench(
            "eval", place.features, "--protocol", "synthetic", "--data", place.drawn, "--record", place.disk / "records"
        ),  # fmt: skip
        ("records/*",),
    ),
    Stage(
        "pages",
        lambda place: bench(
            "leaderboard", "--no-shipped", "--runs", place.runs, "--out", place.disk / "out" / "page.md"
        ),
        ("out/**/*",),
    ),
    Stage(
        "report",
        lambda place: bench(
            "report",
            next(place.runs.rglob("record-*.json")).parent,
            "--data",
            place.drawn,
            "--task",
            "synthetic/image-to-image",
            "--out",
            place.disk / "report",
        ),  # fmt: skip
        ("report/**/*",),
    ),
    Stage("features from Python", write, ("new/f.h5",)),
    Stage(
        "export",
        lambda place: bench(
            "features", "export", place.features, "--to", "npz", "--out", place.disk / "e" / "f.npz", "--force"
        ),
        ("e/*",),
    ),
    Stage("import", imported, ("i/f.h5",)),
    Stage(
        "merge",
        lambda place: bench("features", "merge", *halves(place), "--out", place.disk / "m" / "f.h5", "--force"),
        ("m/f.h5",),
    ),
    Stage(
        "quantise",
        lambda place: bench(
            "features", "quantise", halves(place)[0], "--to", "float16", "--out", place.disk / "q" / "f.h5", "--force"
        ),  # fmt: skip
        ("q/f.h5",),
    ),
]
