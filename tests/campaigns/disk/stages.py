"""The commands that write, each with what it starts from and what it must leave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from tests.harness.runs.made import PLUGIN

MOVING = ("digest", "cost", "seconds", "created", "versions")
"""Fields of a record that two runs need not share: how long something took, and the digest of it all."""


class Place:
    """The folders of a campaign: ``disk`` is the small file system, ``data`` has what the commands read.

    Attributes:
        plugin: a file with a method that trains in a second.
        drawn: a drawn data set.
        runs: the folder of a finished run.
        arrays: its features and more, as another program would give them.
        halves: the same features in two files.
    """

    def __init__(self, root: Path) -> None:
        self.disk, self.data = root / "disk", root / "data"
        self.plugin, self.drawn, self.runs = (self.data / name for name in ("plugin.py", "drawn", "runs"))
        self.arrays, self.halves = self.data / "given.npz", [self.data / "one.h5", self.data / "two.h5"]

    def make(self) -> None:
        """Write everything that the commands read."""
        import harness
        from harness.features import FeatureFile
        from protocols.synthetic import make

        self.disk.mkdir()
        self.data.mkdir()
        self.plugin.write_text(PLUGIN)
        make(self.drawn, vehicles=12, cameras=4, image_size=32, seed=3, workers=1)
        quiet(*run(self, self.runs))
        with FeatureFile.open(self.features) as file:
            keys = [*file.keys, *(f"more/{number:05}.jpg" for number in range(600))]
        features = np.random.default_rng(0).normal(size=(len(keys), 32)).astype(np.float32)
        np.savez(self.arrays, keys=np.array(keys), features=features)
        middle = len(keys) // 2
        for path, part in zip(self.halves, (slice(0, middle), slice(middle, None)), strict=True):
            harness.write_features(path, keys[part], features[part], dataset="synthetic", method="mine")

    @property
    def features(self) -> Path:
        """The feature file of the finished run."""
        return next(self.runs.rglob("features.h5"))


@dataclass(frozen=True)
class Stage:
    """A command that writes.

    Attributes:
        name: its name in the table.
        work: the command.
        results: patterns of the files that it must leave, equal to those of every other time.
        prepare: what is done before, with room.
        again: what is done before the command is given again.
    """

    name: str
    work: Callable[[Place], None]
    results: tuple[str, ...]
    prepare: Callable[[Place], None] = lambda _place: None
    again: Callable[[Place], None] = lambda _place: None

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
    data = ["--protocol", "synthetic", "--data", place.drawn]
    return [
        verb,
        "--method",
        "tiny",
        "--plugin",
        place.plugin,
        *data,
        "--runs",
        runs,
        "--workers",
        0,
        "--device",
        "cpu",
    ]


def draw(place: Place) -> None:
    """Draw a data set."""
    size = ["--vehicles", 6, "--cameras", 3, "--image-size", 32]
    bench("data", "make", "synthetic", place.disk / "set", *size, "--workers", 1)


def again(place: Place) -> None:
    """Remove what a command has drawn already: it refuses a folder that is not empty."""
    if (place.disk / "set").exists():
        shutil.rmtree(place.disk / "set")


def write(place: Place) -> None:
    """Write features from Python, and say what went wrong as the command does."""
    import harness

    with np.load(place.arrays) as given:
        keys, features = given["keys"].tolist(), given["features"]
    try:
        harness.write_features(place.disk / "new" / "f.h5", keys, features, dataset="synthetic", method="mine")
    except harness.BenchError as error:
        click.echo(f"bench: {error}")
        raise SystemExit(error.exit_status) from None


def evaluate(place: Place) -> None:
    """Evaluate a feature file, and keep the records."""
    data = ["--protocol", "synthetic", "--data", place.drawn]
    bench("eval", place.features, *data, "--record", place.disk / "records")


def report(place: Place) -> None:
    """Write a report on a run."""
    about = ["--data", place.drawn, "--task", "synthetic/image-to-image", "--out", place.disk / "report"]
    bench("report", place.features.parent, *about)


def imported(place: Place) -> None:
    """Import another program's features."""
    data = ["--protocol", "synthetic", "--data", place.drawn, "--method", "mine"]
    names = ["--keys-name", "keys", "--features-name", "features"]
    bench("features", "import", place.arrays, *data, *names, "--out", place.disk / "i" / "f.h5", "--force")


def changed(verb: str, *words: object) -> Callable[[Place], None]:
    """Return the work of a sub-command of ``bench features`` on one or two files."""

    def work(place: Place) -> None:
        given = place.halves[: 2 if verb == "merge" else 1]
        out = place.disk / verb / ("f.npz" if verb == "export" else "f.h5")
        bench("features", verb, *given, *words, "--out", out, "--force")

    return work


STAGES = [
    Stage("drawing", draw, ("set/**/*",), again=again),
    Stage(
        "training",
        lambda place: bench(*run(place, place.disk / "runs", "train")),
        ("runs/*/checkpoint.safetensors",),
    ),
    Stage(
        "extraction",
        lambda place: bench(*run(place, place.disk / "runs", "extract")),
        ("runs/*/*/features.h5",),
        lambda place: quiet(*run(place, place.disk / "runs", "train")),
    ),
    Stage(
        "records of a run",
        lambda place: bench(*run(place, place.disk / "runs")),
        ("runs/*/*/record-*.json", "runs/*/*/per-query-*"),
        lambda place: quiet(*run(place, place.disk / "runs", "extract")),
    ),
    Stage("records of eval", evaluate, ("records/*",)),
    Stage(
        "pages",
        lambda place: bench(
            "leaderboard", "--no-shipped", "--runs", place.runs, "--out", place.disk / "out" / "page.md"
        ),
        ("out/**/*",),
    ),
    Stage("report", report, ("report/**/*",)),
    Stage("features from Python", write, ("new/f.h5",)),
    Stage("export", changed("export", "--to", "npz"), ("export/*",)),
    Stage("import", imported, ("i/f.h5",)),
    Stage("merge", changed("merge"), ("merge/f.h5",)),
    Stage("quantise", changed("quantise", "--to", "float16"), ("quantise/f.h5",)),
]
