"""``python -m tests.campaigns.mutants --seed N --count N [--only WORD]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.campaigns.mutants.running import FAULTS, OUTCOMES, Outcome, run
from tests.campaigns.mutants.subjects import Subject, subjects


def campaign(folder: Path, seed: int, count: int, only: str = "") -> list[Outcome]:
    """Return the outcomes of about so many mutants, divided among the subjects by their weights."""
    chosen = [subject for subject in subjects(folder) if only in subject.name]
    outcomes: list[Outcome] = []
    for subject, number in zip(chosen, shares(chosen, count), strict=True):
        outcomes += run(subject, range(number), seed)
    return outcomes


def shares(chosen: Iterable[Subject], count: int) -> list[int]:
    """Return how many mutants each subject gets, at least one, ``count`` in all or a few more."""
    weights = [subject.weight for subject in chosen]
    left, found = count, []
    for place, weight in enumerate(weights):
        number = max(1, round(left * weight / sum(weights[place:])))
        found.append(number)
        left = max(0, left - number)
    return found


def table(outcomes: Iterable[Outcome]) -> str:
    """Return one line for each subject, and their sum."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        counts.setdefault(outcome.subject, Counter())[outcome.word] += 1
    counts["all"] = sum(counts.values(), Counter())
    heads = ["file", "mutants", *OUTCOMES]
    rows = [[name, str(found.total()), *(str(found[word]) for word in OUTCOMES)] for name, found in counts.items()]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Run the campaign, and return the status of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--only", default="", help="only subjects whose names have this word")
    words = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-mutants-") as folder:
        outcomes = campaign(Path(folder), words.seed, words.count, words.only)
    faults = [outcome for outcome in outcomes if outcome.word in FAULTS]
    seconds = time.monotonic() - began
    lines = [table(outcomes), "", f"seed {words.seed}, {len(outcomes)} mutants, {len(faults)} faults, {seconds:.0f} s"]
    lines += [f"{fault.word}: {fault.subject}, mutant {fault.number}: {fault.note}" for fault in faults[:200]]
    sys.stdout.write("\n".join([*lines, ""]))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
