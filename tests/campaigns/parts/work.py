"""The kinds of work that campaigns disturb, on inputs as small as they can be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.campaigns.parts.forked import bench, fork, in_order
from tests.harness.runs.made import PLUGIN
from tests.leaderboard.commands.test_submit import PLUGIN as LISTED

SIZE = ("--vehicles", 8, "--cameras", 3, "--image-size", 32, "--seed", 1)
"""The smallest set of vehicles that the tiny method trains on."""

RUN = ("--method", "tiny", "--protocol", "synthetic", "--device", "cpu", "--workers", 1)
DETECTOR = ("--set", "input_size=64", "--set", "epochs=1", "--set", "batch=4")


@dataclass(frozen=True)
class Given:
    """The folder of the inputs."""

    folder: Path

    @property
    def data(self) -> tuple[object, ...]:
        """The words for the drawn data set and the plugin of the tiny methods."""
        return ("--data", self.folder / "drawn", "--plugin", self.folder / "plugin.py")

    @property
    def listed(self) -> tuple[object, ...]:
        """The words for a data set that is official, of lists alone."""
        return ("--data", self.folder / "listed", "--plugin", self.folder / "listed.py")


Work = Callable[[Given, Path], Callable[[], object]]


def _draw(_given: Given, folder: Path) -> Callable[[], object]:
    return bench("data", "make", "synthetic", folder / "drawn", *SIZE)


def _cache(_given: Given, folder: Path) -> Callable[[], object]:
    def draw() -> None:
        import os

        from protocols.synthetic.cache import kept
        from protocols.synthetic.description import parameters

        os.environ["BENCH_CACHE"] = str(folder / "cache")
        kept(parameters(vehicles=8, cameras=3, image_size=32, seed=1))

    return draw


def _layout(_given: Given, folder: Path) -> Callable[[], object]:
    return bench("data", "make", "veriwild", folder / "drawn", "--vehicles", 8, "--image-size", 32)


def _train(given: Given, folder: Path) -> Callable[[], object]:
    return bench("train", *RUN, *given.data, "--runs", folder / "runs")


def _run(given: Given, folder: Path) -> Callable[[], object]:
    return bench("run", *RUN, *given.data, "--runs", folder / "runs")


def _extract(given: Given, folder: Path) -> Callable[[], object]:
    checkpoint = given.folder / "checkpoint.safetensors"
    return bench("extract", *RUN, *given.data, "--checkpoint", checkpoint, "--runs", folder / "runs")


def _evaluate(given: Given, folder: Path) -> Callable[[], object]:
    words = ("--protocol", "synthetic", *given.data, "--record", folder / "records")
    return bench("eval", given.folder / "features.h5", *words)


def _measure(given: Given, folder: Path) -> Callable[[], object]:
    """Add a measure to records that stand."""
    shutil.copytree(given.folder / "records", folder / "records", dirs_exist_ok=True)
    words = ("--protocol", "synthetic", *given.data, "--record", folder / "records", "--measure", "cmc@3")
    return bench("eval", given.folder / "features.h5", *words)


def _submit(given: Given, folder: Path) -> Callable[[], object]:
    (folder / "records").mkdir(exist_ok=True)
    found = sorted((given.folder / "own").glob("record-*.json"))
    return in_order([bench("submit", path, *given.listed, "--records", folder / "records") for path in found])


def _pages(given: Given, folder: Path) -> Callable[[], object]:
    words = ("--no-shipped", "--records", given.folder / "own", "--out", folder / "pages" / "LEADERBOARD.md")
    return bench("leaderboard", *words)


def _detector(given: Given, folder: Path) -> Callable[[], object]:
    words = ("--detector", "ssd-small", "--protocol", "synthetic", *given.data, "--device", "cpu", "--workers", 1)
    return bench("parts", "train", *words, *DETECTOR, "--out", folder / "detector.safetensors")


def _detect(given: Given, folder: Path) -> Callable[[], object]:
    words = ("--protocol", "synthetic", *given.data, "--split", "query", "--device", "cpu", "--workers", 1)
    detector = given.folder / "detector.safetensors"
    return bench("parts", "detect", "--detector", detector, *words, "--out", folder / "boxes" / "found.h5")


def _features(_given: Given, folder: Path) -> Callable[[], object]:
    def write() -> None:
        from harness import write_features

        rows = 40_000
        values = np.random.default_rng(5).standard_normal((rows, 64)).astype(np.float32)
        write_features(folder / "f.h5", [f"{row}.jpg" for row in range(rows)], values, dataset="d", method="m")

    return write


def _resumed(_given: Given, folder: Path) -> Callable[[], object]:
    def write() -> None:
        from harness.features import FeatureWriter, Provenance

        keys = [f"{row}.jpg" for row in range(4_000)]
        with FeatureWriter(folder / "f.h5", keys, 8, Provenance(method="m", dataset="d")) as writer:
            while writer.done < len(keys):
                rows = np.arange(writer.done, min(writer.done + 20, len(keys)))
                writer.write(rows[:, None] * np.arange(1, 9))

    return write


WORK: dict[str, Work] = {
    "draw": _draw,
    "draw into the cache": _cache,
    "draw another layout": _layout,
    "train": _train,
    "run": _run,
    "extract": _extract,
    "evaluate": _evaluate,
    "add a measure": _measure,
    "submit": _submit,
    "leaderboard": _pages,
    "train a detector": _detector,
    "detect": _detect,
    "write_features": _features,
    "FeatureWriter": _resumed,
}


def prepare(folder: Path) -> Given:
    """Make the inputs of all kinds of work in a new folder."""
    folder.mkdir()
    given = Given(folder)
    (folder / "plugin.py").write_text(PLUGIN)
    (folder / "listed.py").write_text(LISTED.replace("VERSION", "1"))
    _list(folder / "listed")
    steps = [
        bench("data", "make", "synthetic", folder / "drawn", *SIZE),
        bench("run", *RUN, *given.data, "--runs", folder / "runs"),
        _detector(given, folder),
        bench("eval", folder / "own.h5", "--protocol", "listed", *given.listed, "--record", folder / "own"),
    ]
    for step in steps:
        done = fork(step, folder / "log", folder)
        if done.wait() != 0:
            raise SystemExit(f"the inputs cannot be made:\n{done.said}")
    (run,) = (folder / "runs").iterdir()
    shutil.copy(run / "checkpoint.safetensors", folder)
    (features,) = run.glob("*/features.h5")
    shutil.copy(features, folder)
    again = fork(_evaluate(given, folder), folder / "log", folder)
    if again.wait() != 0:
        raise SystemExit(f"the inputs cannot be made:\n{again.said}")
    return given


def _list(folder: Path) -> None:
    """Write a data set of lists alone, and features of its images."""
    from harness import write_features

    folder.mkdir()
    rows = [f"query q{n}.jpg {n % 4} {n % 3}" for n in range(8)]
    rows += [f"gallery g{n:02}.jpg {n % 4} {n % 5}" for n in range(24)]
    (folder / "list.txt").write_text("\n".join(rows))
    keys = [row.split()[1] for row in rows]
    values = np.random.default_rng(0).normal(size=(len(keys), 8)).astype(np.float32)
    write_features(folder.parent / "own.h5", keys, values, dataset="listed", method="mine")
