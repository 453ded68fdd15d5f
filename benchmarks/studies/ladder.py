"""The ladder of post-processing, on finished runs of one method: features alone, expansion, re-ranking, tuned.

    python benchmarks/studies/ladder.py RUN RUN RUN --protocol synthetic/image-to-image > ladder.md

The runs differ in their seed only. For each, ``bench tune`` chooses on the vehicles that its training has held out; the
last row is chosen on the test, which the others have not seen. Intervals are those of the leaderboard.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.compute.machine import Machine
from harness.postprocessing.tuned import TunedFile, write_tuned
from harness.registry.registry import Registry, load
from harness.scoring.evaluation import chain_of
from harness.scoring.record import read_record
from harness.scoring.recording import evaluate_file
from harness.scoring.settings import ScoringSettings
from harness.scoring.tables import table
from harness.tuning.tune import TuneRequest, TuneResult, tune, words_of
from leaderboard.record_files import RecordFile
from leaderboard.repeats import side_of
from leaderboard.statistics.intervals import over_everything
from leaderboard.statistics.paired import Side, compare_paired

RUNGS = {
    "features alone": (),
    "+ alpha query expansion, the paper's parameters": ("alpha-qe",),
    "+ re-ranking, the paper's parameters": ("rerank",),
    "+ both, the papers' parameters": ("alpha-qe", "rerank"),
}


def main() -> None:
    """Print the table as Markdown, and below it what was chosen for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--protocol", default="synthetic/image-to-image")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--settings", type=int, default=100)
    words = parser.parse_args()
    registry = load()
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, list[RecordFile]] = {}
        chosen = []
        for number, run in enumerate(words.runs):
            request = TuneRequest(
                run,
                ("alpha-qe", "rerank"),
                protocol=words.protocol,
                data=words.data,
                settings=words.settings,
                test=run,
            )
            result = tune(request, registry)
            chosen.append(result)
            for rung, (name, settings) in enumerate(_rungs(result, registry, Path(folder)).items()):
                place = Path(folder) / f"{number}-{rung}"
                files.setdefault(name, []).append(_scored(run, words, settings, registry, place))
        print(_table(files))
    print()
    for run, result in enumerate(chosen):
        print(f"- Run {run}: {_chosen(result)}")


def _rungs(result: TuneResult, registry: Registry, folder: Path) -> dict[str, ScoringSettings]:
    """Return how features are scored, by the name of the rung."""
    path = folder / "tuned.toml"
    write_tuned(path, result.tuned)
    tuned = TunedFile.read(path)
    best = next(row.chain for row in result.rows if row.name == "test")
    found = {
        name: ScoringSettings(post=chain_of(chain, None, registry), machine=Machine()) for name, chain in RUNGS.items()
    }
    found["+ both, chosen on held-out vehicles"] = ScoringSettings(
        post=tuned.chain(registry.step), tuned=tuned, machine=Machine()
    )
    found["+ both, chosen on the test"] = ScoringSettings(post=best, machine=Machine())
    return found


def _scored(
    run: Path, words: argparse.Namespace, settings: ScoringSettings, registry: Registry, place: Path
) -> RecordFile:
    evaluate_file(run, words.protocol, settings, registry=registry, data=words.data, folder=place)
    (path,) = place.glob("record-*.json")
    return RecordFile(read_record(path), path)


def _table(files: dict[str, list[RecordFile]]) -> str:
    measures = ("ap", "cmc@1")
    base = side_of(files["features alone"])
    rows = []
    for name, group in files.items():
        side = side_of(group)
        row = {"post-processing": name}
        for measure in measures:
            runs = side.runs(measure)
            ends = over_everything(runs)
            mean = sum(file.record.measures[measure] for file in group) / len(group)
            row[{"ap": "mAP", "cmc@1": "CMC@1"}[measure]] = (
                f"{100 * mean:.2f} [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"
            )
        row["gain in mAP"] = "" if name == "features alone" else _gain([side, base])
        rows.append(row)
    return table(rows, right=["mAP", "CMC@1", "gain in mAP"])


def _gain(sides: Sequence[Side]) -> str:
    found = compare_paired(sides, "ap")[0]
    ends = found.interval
    return f"{100 * found.difference:+.2f} [{100 * ends.low:+.1f}, {100 * ends.high:+.1f}]"


def _chosen(result: TuneResult) -> str:
    rows = {row.name: row for row in result.rows}
    own, best = (" ".join(words_of(rows[name].chain)) for name in ("held-out", "test"))
    return (
        f"{result.tuned.held_out.vehicles} held-out vehicles chose `{own}`, the test would have chosen `{best}`: "
        f"{100 * (result.gain or 0):.2f} points of mAP more."
    )


if __name__ == "__main__":
    main()
