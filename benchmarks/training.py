"""Time the README's main job, and its training in images per second, against another commit in the same run.

    python benchmarks/training.py [--base TREE] [--rounds 3] [--seeds 3] [--write docs/training.md]

``TREE`` is a checkout of the commit to compare with; its own code runs, with this Python and its packages. The two
trees take turns, so that both meet the same load, and each figure is a median. Compare rates only within one run.

- *training*: two epochs of the main job's recipe; the rate is that of the second epoch.
- *main job*: ``bench run --method strong-baseline --protocol synthetic`` with an empty cache, drawing included.
- *phases*: where the main job's processor time goes.
- *mAP*: of the main job, one run a seed (``--seeds``).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from pkgutil import resolve_name
from statistics import median
from textwrap import fill
from typing import Any
from unittest.mock import patch

from tabulate import tabulate

HERE = Path(__file__).resolve().parents[1]
JOB = ("--method", "strong-baseline", "--protocol", "synthetic")
RATE = re.compile(r"\((\d+) images/s\)")

PHASES = {
    "drawing": "protocols.synthetic.Synthetic.default_root",
    "decoding": "harness.data.pictures.Pictures.check",
    "epochs, with loading and augmenting": "harness.training.stage.RunningStage.run_epoch",
    "validation": "harness.training.validation.Validation.scores",
    "state and table": "harness.training.engine._Training._save",
    "extraction": "harness.extraction.extract.extract",
    "evaluation": "harness.runs.run.record_tasks",
}
"""For each phase of the main job the function that is timed."""


def environment(tree: Path, cache: Path, threads: int | None) -> dict[str, str]:
    """Return the environment in which ``bench`` runs from a tree; without threads it chooses them itself."""
    env = {**os.environ, "BENCH_CACHE": str(cache), "PYTHONPATH": str(tree)}
    env.pop("OMP_NUM_THREADS", None)
    return env if threads is None else {**env, "OMP_NUM_THREADS": str(threads)}


def bench(tree: Path, *words: str, cache: Path, threads: int | None) -> subprocess.CompletedProcess[str]:
    """Run ``bench`` from a tree."""
    env = environment(tree, cache, threads)
    return subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=tree, env=env, capture_output=True, text=True, check=True
    )


def training_rate(tree: Path, cache: Path, threads: int | None) -> float:
    """Return the images per second of the second epoch; without threads ``bench`` chooses them itself."""
    with tempfile.TemporaryDirectory() as runs:
        short = ("--set", "epochs=2", "--set", "warm_up=0", "--validate", "none", "--runs", runs)
        log = bench(tree, "train", *JOB, *short, cache=cache, threads=threads).stderr
    return float(RATE.findall(log)[-1])


def job_seconds(tree: Path) -> float:
    """Return the wall seconds of the main job, as a user runs it, with nothing drawn yet."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        bench(tree, "run", *JOB, "--runs", f"{folder}/runs", cache=Path(folder, "cache"), threads=None)
        return time.perf_counter() - start


def scores(tree: Path, seed: int, cache: Path, threads: int) -> float:
    """Return the image-to-image mAP of the main job with a seed."""
    with tempfile.TemporaryDirectory() as runs:
        words = (*JOB, "--runs", runs, "--seed", str(seed), "--json")
        found = json.loads(bench(tree, "run", *words, cache=cache, threads=threads).stdout)
    return next(float(record["measures"]["ap"]) for record in found if record["task"] == "image-to-image")


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep some processes computing while the block runs."""
    with ExitStack() as started:
        for _ in range(processes):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            started.callback(process.wait)
            started.callback(process.kill)
        yield


def phases(threads: int) -> list[dict[str, str]]:
    """Run the main job in a process of its own, and return the processor seconds of each phase."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(HERE, Path(folder, "cache"), threads)
        command = [sys.executable, __file__, "--phases-into", f"{folder}/phases.json", "--runs", f"{folder}/runs"]
        subprocess.run(command, cwd=HERE, env=env, check=True, capture_output=True)
        found = json.loads(Path(folder, "phases.json").read_text())
    whole = found.pop("whole")
    found["everything else"] = [whole[place] - sum(both[place] for both in found.values()) for place in (0, 1)]
    return [
        {
            "phase": name,
            "processor s": f"{used:.1f}",
            "share": f"{100 * used / whole[0]:.0f} %",
            "wall s": f"{wall:.1f}",
        }
        for name, (used, wall) in {**found, "whole": whole}.items()
    ]


def time_phases(out: Path, runs: str) -> None:
    """Run the main job in this process, and write the processor and wall seconds of each phase."""
    seconds = {name: [0.0, 0.0] for name in PHASES}
    start = _now()
    from harness.cli import main as command

    with ExitStack() as patches:
        for name, target in PHASES.items():
            patches.enter_context(_timed(target, seconds[name]))
        command(["run", *JOB, "--runs", runs], standalone_mode=False)
    whole = [end - begin for end, begin in zip(_now(), start, strict=True)]
    out.write_text(json.dumps({**seconds, "whole": whole}))


@contextmanager
def _timed(target: str, spent: list[float]) -> Iterator[None]:
    """Add the seconds of every call of a function to ``spent``."""
    owner, _, name = target.rpartition(".")
    holder = resolve_name(owner)
    original = getattr(holder, name)

    def timed(*args: Any, **words: Any) -> Any:
        begin = _now()
        try:
            return original(*args, **words)
        finally:
            for place, (end, began) in enumerate(zip(_now(), begin, strict=True)):
                spent[place] += end - began

    with patch.object(holder, name, timed):
        yield


def _now() -> tuple[float, float]:
    """Return the processor seconds of this process and its finished children, and the wall seconds."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system, time.perf_counter()


def in_turn(trees: Sequence[Path], rounds: int, measure: Any) -> list[float]:
    """Return the median of each tree over rounds in which the trees take turns."""
    found: list[list[float]] = [[] for _ in trees]
    for _ in range(rounds):
        for tree, values in zip(trees, found, strict=True):
            values.append(measure(tree))
            print(f"{tree.name}: {values[-1]:.2f}", flush=True)
    return [median(values) for values in found]


def compared(words: argparse.Namespace) -> list[dict[str, str]]:
    """Return the table: one row a measurement, one column a tree."""
    trees = [*([words.base.resolve()] if words.base else []), HERE]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        for beside, processes in (("", 0), (", beside a busy process", 1)):
            with busy(processes):
                for threads, rounds in ((2, words.rounds), (1, 1)):
                    rate = in_turn(trees, rounds, lambda tree, n=threads: training_rate(tree, cache, n))
                    rows.append(_row(f"training, images/s, threads: {threads}{beside}", rate, rate[-1] / rate[0]))
                seconds = in_turn(trees, 1, job_seconds)
            rows.append(_row(f"main job, s{beside}", seconds, seconds[0] / seconds[-1]))
        if words.seeds:
            means = [
                100 * sum(scores(tree, seed, cache, 2) for seed in range(words.seeds)) / words.seeds for tree in trees
            ]
            rows.append(_row(f"main job, mAP over {words.seeds} seeds", means, None))
    return rows


def _row(name: str, values: Sequence[float], times: float | None) -> dict[str, str]:
    base = {"base": f"{values[0]:.1f}"} if len(values) > 1 else {}
    faster = {"times as fast": "" if times is None else f"{times:.2f}"} if len(values) > 1 else {}
    return {"measured": name, **base, "this commit": f"{values[-1]:.1f}", **faster}


def page(tables: Sequence[str], words: argparse.Namespace) -> str:
    """Return the page for docs/training.md."""
    from harness.compute.compute import Compute
    from harness.compute.devices import open_fabric
    from harness.scoring.cost import device_name

    revision = ["git", "rev-parse", "--short", "HEAD"]
    base = subprocess.run(revision, cwd=words.base or HERE, capture_output=True, text=True, check=True).stdout.strip()
    about = (
        f"Generated by `python benchmarks/training.py --base TREE --write docs/training.md`, TREE at commit {base}. "
        "The main job is the README's, with an empty cache. Each figure is a median of rounds in which both commits "
        "take turns; compare only within the table."
    )
    threads = (
        "A training step meets thousands of points at which all threads wait for the slowest. Beside other programs, "
        "that one waits for its share of a processor, and the others, which wait in a loop, take it away. Measured by "
        "hand with ten busy processes on two cores, steps of a ResNet-50 with 16 images of 64 pixels took 304 ms of "
        "the processor an image on two threads, 41 ms with OMP_WAIT_POLICY=passive, 42 to 45 ms with "
        "GOMP_SPINCOUNT=1000, and 35 to 39 ms on one thread; the losses with two threads were the same to the last "
        "digit. So `bench` looks at the load before it imports torch, and lets threads sleep while they wait if more "
        "are busy than there are processors; OMP_WAIT_POLICY and GOMP_SPINCOUNT override it, and `bench doctor` says "
        "what it chose. Then it watches the processors for half a second and trains with as many threads as are idle; "
        "`OMP_NUM_THREADS` overrides it. `python benchmarks/waiting.py` measures training, extraction and ranking "
        "both ways."
    )
    accuracy = (
        "Image-to-image mAP of the main job with seeds 0, 1 and 2 on two threads, measured by hand: 48.22, 49.24 and "
        "45.48 at commit 6191bf0 (mean 47.65), 48.72, 49.76 and 50.19 here (mean 49.56)."
    )
    python = ".".join(map(str, sys.version_info[:3]))
    machine = f"Machine: {device_name(open_fabric(Compute(device='cpu')))}, {os.cpu_count()} cores, Python {python}."
    parts = [
        "# Performance of training",
        fill(about, 110),
        machine,
        tables[0],
        fill(accuracy, 110),
        "## Threads",
        fill(threads, 110),
        "## Phases of the main job",
        *tables[1:],
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="checkout of the commit to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=0, help="seeds to average the mAP over")
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--phases-into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--runs", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.phases_into:
        time_phases(words.phases_into, words.runs)
        return
    tables = [
        tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
        for rows in (compared(words), phases(2))
    ]
    print("\n\n".join(tables))
    if words.write:
        words.write.write_text(page(tables, words), encoding="utf-8")


if __name__ == "__main__":
    main()
