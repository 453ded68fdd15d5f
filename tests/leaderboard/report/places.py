"""A data set with everything that a report shows, its features, and the command that reports them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

import harness
from harness.features.finding import RUN
from harness.registry.registry import load
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from leaderboard.commands.report import report
from tests.tiny import write_jpeg

PLUGIN = """
from pathlib import Path
import numpy as np
import harness

CAMERAS = harness.Rule(ignore=("same vehicle and camera",))
TRACKS = harness.Rule(unit="track", ignore=("same vehicle and camera",))
MEANS = harness.Rule(unit="track", reduce="mean feature", ignore=("same vehicle and camera",))
DRAWN = harness.Rule(draws=harness.Draws(count=3))

class Listed(harness.Protocol):
    name = "listed"
    title = "Listed"
    tasks = (
        harness.Task("images", CAMERAS, measures=("ap", "cmc@1"), released={"queries": QUERIES}),
        harness.Task("tracks", TRACKS, measures=("ap", "hit@1"), released={"queries": QUERIES}),
        harness.Task("means", MEANS, measures=("ap", "hit@1"), released={"queries": QUERIES}),
        harness.Task("drawn", DRAWN, measures=("cmc@1", "ap"), query="gallery", gallery="gallery"),
    )

    def load(self, root):
        rows = [line.split() for line in (Path(root) / "list.txt").read_text().splitlines()]
        def table(part):
            mine = [row for row in rows if row[0] == part]
            column = lambda number: np.array([int(row[number]) for row in mine])
            return harness.ImageTable(
                tuple(row[1] for row in mine), column(2), camera=column(3), track=column(4), colour=column(5),
                names={"colour": {0: "red", 1: "blue <b>"}},
            )
        return harness.Dataset(Path(root), {"query": table("query"), "gallery": table("gallery")})

@harness.hookimpl
def bench_register_protocols(register):
    register("listed", Listed)
"""

VEHICLES, CAMERAS = 8, 4


def make_place(folder: Path, *, queries: int = 24, gallery: int = 96, pictures: bool = True) -> Path:
    """Write a data set, a plugin that reads it, and features with their records; images repeat vehicles and cameras.

    A track is one vehicle by one camera. Vehicles 0 and 1 are near-duplicates, and so are 2 and 3.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    rows = []
    for part, count in (("query", queries), ("gallery", gallery)):
        for number in range(count):
            vehicle, camera = number % VEHICLES, number // VEHICLES % CAMERAS
            key = f"{part}/{vehicle}_c{camera}_{number:05}.jpg"
            colour = -1 if vehicle == VEHICLES - 1 else vehicle % 2
            rows.append((part, key, vehicle, camera, vehicle * CAMERAS + camera, colour))
            if pictures:
                write_jpeg(data / key, (30 * vehicle, 90, 200), seed=number, side=20 + 10 * (number % 3))
    (data / "list.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    (data / "near_duplicates.txt").write_text("0000 0001\n0002 0003\n")
    (folder / "plugin.py").write_text(PLUGIN.replace("QUERIES", str(queries)))
    write_run(folder, "run", seed=0)
    return folder


def features_of(folder: Path, seed: int) -> tuple[list[str], np.ndarray]:
    """Return the keys of all images and features in which vehicles are near their own and their near-duplicate's."""
    rows = [line.split() for line in (folder / "data" / "list.txt").read_text().splitlines()]
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(VEHICLES + 1, 8))  # one of them in no gallery
    centres[[1, 3]] = centres[[0, 2]] + 0.1
    vehicles = [int(row[2]) for row in rows]
    return [row[1] for row in rows], (centres[vehicles] + random.normal(size=(len(rows), 8))).astype(np.float32)


def write_run(folder: Path, name: str, *, seed: int, method: str = "mine", **settings: Any) -> Path:
    """Write features and the records of all tasks; ``settings`` are those of the scoring."""
    keys, features = features_of(folder, seed)
    run = folder / name
    (run.parent / RUN).write_text("{}")  # features a folder below it are a run's own
    harness.write_features(run / "features.h5", keys, features, dataset="listed", method=method)
    registry = load([folder / "plugin.py"])
    evaluate_file(
        run / "features.h5", "listed", ScoringSettings(**settings), registry=registry, data=folder / "data", folder=run
    )
    return run


def bench_report(folder: Path, run: Path | str = "run", *words: object, out: str = "out") -> Result:
    """Run the verb on a run of a place; a BenchError is the result's exception."""
    known = ["--plugin", folder / "plugin.py", "--data", folder / "data", "--out", folder / out]
    return CliRunner().invoke(report, [str(word) for word in (folder / run, *known, *words)])


def content_of(folder: Path, out: str = "out") -> dict:
    """Return the data of a page."""
    page = (folder / out / "index.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
