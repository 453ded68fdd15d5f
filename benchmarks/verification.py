"""Time the counting of all pairs against ranking, and print the ratios.

    python benchmarks/verification.py [--shapes wild-quarter] [--repeat 3]

`thresholds` decides TAR at FAR 10 %, 1 %, 0.1 % and 0.01 %, the equal error rate and the best F1. `everything` counts
the negatives above every positive, which the areas under the curves need. `open set` is the best answers of every
query. `ranking` is the kernel as it ranks by itself, `ranking, float32` its pass in the precision of `thresholds`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from tabulate import tabulate

from benchmarks.kernel import timed
from benchmarks.shapes import SHAPES, Shape, features, relevance_of
from harness.kernel.pooled.best import best_answers
from harness.kernel.pooled.counting import count_pairs
from harness.kernel.ranking import rank
from harness.kernel.settings import Settings, Tuning
from harness.pairs.measuring import undecided
from harness.pairs.question import FARS

OWN = {"wild-quarter": Shape(2_500, 32_129, 2_500, 512), "wild-quarter-2048": Shape(2_500, 32_129, 2_500, 2048)}


def run(name: str, shape: Shape, repeat: int) -> list[list[object]]:
    """Time one shape and return its rows of the table."""
    rng = np.random.default_rng(7)
    gallery = np.sort(rng.integers(0, shape.vehicles, shape.images))
    query = np.arange(shape.vehicles) if shape.queries == shape.vehicles else rng.choice(gallery, shape.queries)
    relevance = relevance_of(shape, query, gallery)
    table, asked = features(shape, gallery, rng), features(shape, query, rng)
    settings = Settings()
    runs: dict[str, Callable[[], object]] = {
        "ranking": lambda: rank(asked, table, relevance),
        "ranking, float32": lambda: rank(asked, table, relevance, tuning=Tuning("float32")),
        "thresholds": lambda: count_pairs(asked, table, relevance, settings=settings, undecided=undecided(FARS, [])),
        "everything": lambda: count_pairs(asked, table, relevance, settings=settings),
        "open set": lambda: best_answers(asked, table, relevance, settings),
    }
    answers = timed(runs, repeat)
    base, narrow = answers["ranking"][0], answers["ranking, float32"][0]
    return [
        [name, what, seconds, seconds / base, seconds / narrow, memory] for what, (seconds, memory) in answers.items()
    ]


def main() -> None:
    """Time the shapes that are named."""
    shapes = {**SHAPES, **OWN}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=shapes, default=["wild-quarter"])
    parser.add_argument("--repeat", type=int, default=3)
    words = parser.parse_args()
    rows = [row for name in words.shapes for row in run(name, shapes[name], words.repeat)]
    headings = ["shape", "what", "seconds", "of ranking", "of float32", "GB above the features"]
    print(tabulate(rows, headings, tablefmt="github", floatfmt=".3f"))


if __name__ == "__main__":
    main()
