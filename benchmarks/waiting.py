"""Time training, extraction and ranking on a quiet machine and beside a busy process, by how OpenMP's threads wait.

    python benchmarks/waiting.py [--rounds 3] [--jobs training extraction ranking] [--beside 1]

- *active*: in a loop for some milliseconds, then asleep, as GNU's OpenMP does by itself.
- *passive*: asleep.
- *brief*: in a loop for some microseconds, then asleep (``GOMP_SPINCOUNT=1000``).
- *chosen*: as ``bench`` chooses by the load; the words of its choice are printed.

Each is a process of its own, since the setting is read when torch is imported. They take turns, so that all meet the
same load, and the table holds medians. Run it on a machine that does nothing else. What a busy process costs is printed
beside the digits of the features, which must not differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tabulate import tabulate
from training import HERE, busy, training_rate

POLICIES: dict[str, dict[str, str]] = {
    "active": {"GOMP_SPINCOUNT": "300000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "brief": {"GOMP_SPINCOUNT": "1000"},
    "chosen": {},
}
"""The variables of each way to wait. 300,000 is what libgomp takes if nothing is set."""

JOBS = ("training", "extraction", "ranking")
UNITS = {"training": "images/s", "extraction": "images/s", "ranking": "passes/s"}
SETTLED = 60
"""Seconds after which a process that has just begun is part of the load of the last minute."""


def extraction(folder: Path) -> dict[str, Any]:
    """Return the images per second of a ResNet-50 at 128 pixels, and the digest of its features."""
    from extraction import extracted

    from harness.compute.compute import Compute
    from harness.features import FeatureFile
    from protocols.synthetic import Synthetic, make

    root = folder / "synthetic"
    if not root.exists():
        make(root, vehicles=24, image_size=128)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "features.h5"
        words = argparse.Namespace(input=128)
        rate, _ = extracted(words, Synthetic().load(root), Compute(device="cpu"), out)
        with FeatureFile.open(out) as file:
            return {"rate": rate, "digits": hashlib.sha256(file.read().tobytes()).hexdigest()[:12]}


def ranking(_folder: Path) -> dict[str, Any]:
    """Return the passes per second over features of VeRi-776's shape, and the digest of the ranks."""
    import numpy as np
    from kernel import SHAPES, features, relevance_of

    from harness.kernel.ranking import rank

    shape = SHAPES["veri776"]
    rng = np.random.default_rng(0)
    asked, shown = (rng.integers(shape.vehicles, size=count) for count in (shape.queries, shape.images))
    queries, gallery = (features(shape, labels, rng) for labels in (asked, shown))
    relevance = relevance_of(shape, asked, shown)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        ranks = rank(queries, gallery, relevance)
        seconds.append(time.perf_counter() - start)
    return {"rate": 1 / median(seconds[1:]), "digits": hashlib.sha256(ranks[0].ranks.tobytes()).hexdigest()[:12]}


def measured(job: str, policy: str, folder: Path) -> dict[str, Any]:
    """Return the rate of a job in a process of its own, and the digits that it gave, if it gives any."""
    from unittest.mock import patch

    from harness.compute.waiting import SETTINGS

    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with patch.dict(os.environ, {**kept, **POLICIES[policy]}, clear=True):
        if job == "training":
            return {"rate": training_rate(HERE, folder / "cache", None if policy == "chosen" else 2)}
        command = [sys.executable, __file__, "--work", job, "--folder", str(folder)]
        env = {**os.environ, "PYTHONPATH": str(HERE)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compared(words: argparse.Namespace) -> list[dict[str, str]]:
    """Return one row for each job and load, with a column for each way to wait."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for job in words.jobs:
            measured(job, "active", folder)  # draws what is missing, and compiles
        for processes in (0, words.beside):
            with busy(processes):
                time.sleep(SETTLED if processes else 0)
                rows += [_row(job, processes, words.rounds, folder) for job in words.jobs]
    return rows


def _row(job: str, processes: int, rounds: int, folder: Path) -> dict[str, str]:
    rates: dict[str, list[float]] = {policy: [] for policy in POLICIES}
    digits = set()
    for _ in range(rounds):
        for policy, found in rates.items():
            one = measured(job, policy, folder)
            found.append(one["rate"])
            digits.add(one.get("digits", "same"))
            print(f"{job}, {processes} beside, {policy}: {found[-1]:.2f} {one.get('chose', '')}", flush=True)
    if len(digits) > 1:
        raise SystemExit(f"{job} gives other digits when threads wait otherwise: {sorted(digits)}")
    base = median(rates["active"])
    cells = {policy: f"{median(found):.1f} ({median(found) / base:.2f})" for policy, found in rates.items()}
    return {"job": f"{job}, {UNITS[job]}", "busy processes beside": str(processes), **cells}


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return the rows in Markdown."""
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS)
    parser.add_argument("--beside", type=int, default=1, help="busy processes beside each job")
    parser.add_argument("--work", choices=JOBS[1:], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.work:
        from harness.compute.waiting import choose_waiting

        chose = choose_waiting()  # as the command does, before torch is imported
        print(json.dumps({"chose": chose, **{"extraction": extraction, "ranking": ranking}[words.work](words.folder)}))
        return
    print(table(compared(words)))


if __name__ == "__main__":
    main()
