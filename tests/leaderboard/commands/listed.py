"""A data set of lists alone, its records, and the verbs that file and verify them."""

import numpy as np
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.features.finding import RUN
from harness.registry.registry import load
from harness.scoring.evaluation import chain_of
from harness.scoring.record import read_record, write_record
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings

PLUGIN = """
from pathlib import Path
import numpy as np
import harness

class Listed(harness.Protocol):
    name = "listed"
    version = VERSION
    tasks = (
        harness.Task(
            "image-to-image", harness.Rule(ignore=("same vehicle and camera",)), measures=("ap", "cmc@1"),
            released={"queries": 8, "gallery images": 24},
        ),
        harness.Task("drawn", harness.Rule(draws=harness.Draws(count=3)), measures=("cmc@1", "ap"), query="gallery",
            released={"vehicles": 4}),
    )

    def load(self, root):
        rows = [line.split() for line in (Path(root) / "list.txt").read_text().splitlines()]
        column = lambda number, part: np.array([int(row[number]) for row in rows if row[0] == part])
        splits = {
            part: harness.ImageTable(
                tuple(row[1] for row in rows if row[0] == part), column(2, part), camera=column(3, part)
            )
            for part in ("query", "gallery")
        }
        return harness.Dataset(Path(root), splits)

@harness.hookimpl
def bench_register_protocols(register):
    register("listed", Listed)
"""


def make_place(tmp_path):
    """A data set of lists alone, a plugin that reads it, random features, and an empty folder of filed records."""
    rows = [f"query q{n}.jpg {n % 4} {n % 3}" for n in range(8)]
    rows += [f"gallery g{n:02}.jpg {n % 4} {n % 5}" for n in range(24)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "list.txt").write_text("\n".join(rows))
    (tmp_path / "plugin.py").write_text(PLUGIN.replace("VERSION", "1"))
    (tmp_path / "records").mkdir()
    keys = [row.split()[1] for row in rows]
    features = np.random.default_rng(0).normal(size=(len(keys), 8)).astype(np.float32)
    (tmp_path / RUN).write_text("{}")  # features a folder below it are a run's own
    harness.write_features(tmp_path / "run" / "features.h5", keys, features, dataset="listed", method="mine")
    evaluate(tmp_path, "listed")
    return tmp_path


def evaluate(place, name, rerank=None, post=()):
    """Write the records of the features of a place."""
    registry = load([place / "plugin.py"])
    evaluate_file(
        place / "run" / "features.h5",
        name,
        ScoringSettings(post=chain_of(post, rerank, registry)),
        registry=registry,
        data=place / "data",
        folder=place / "run",
    )


def record_of(place, task="image-to-image"):
    return place / "run" / f"record-listed-{task}-cosine.json"


def submit(place, record=None, *words, data=True):
    where = ["--data", place / "data"] if data else []
    return bench("submit", record or record_of(place), "--plugin", place / "plugin.py", *where, *words, place=place)


def verify(place, *words):
    data = f"listed={place / 'data'}"
    words = ["verify", "--plugin", place / "plugin.py", "--data", data, *words]
    return bench(*words, place=place)


def bench(*words, place):
    return CliRunner().invoke(main, [*map(str, words), "--records", str(place / "records")])


def filed(place):
    return sorted((place / "records").rglob("*.json"))


def changed(place, **changes):
    """Write the record anew with other values, and a digest that is right."""
    record = read_record(record_of(place))
    write_record(record_of(place), type(record).model_validate({**record.values, **changes}))
