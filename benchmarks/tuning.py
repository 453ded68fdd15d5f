"""The time of a search for settings, in units of one re-ranking of the same images.

    python benchmarks/tuning.py --steps alpha-qe,rerank

The images are random, of as many vehicles and cameras as a tenth of VeRi-776's training vehicles: 480 queries, 3,812
gallery images and 2,048 numbers an image.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from harness.data.images import ImageTable
from harness.kernel.rerank import rerank
from harness.measures import parse
from harness.postprocessing.running import search
from harness.registry.registry import load
from harness.steps.sets import FeatureSets
from harness.tasks.relevance import Relevance, RowLists, matching
from harness.tasks.reranking import Reranking
from harness.tuning.search import Searcher
from harness.tuning.settings import settings_of


def main() -> None:
    """Print the seconds of one re-ranking, those of the search, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", default="alpha-qe,rerank")
    parser.add_argument("--settings", type=int, default=100)
    parser.add_argument("--vehicles", type=int, default=58)
    parser.add_argument("--queries", type=int, default=480)
    parser.add_argument("--width", type=int, default=2048)
    words = parser.parse_args()
    chains = settings_of(tuple(words.steps.split(",")), load().step, count=words.settings)
    _timed(lambda: _both(_made(4, 20, 16), chains[:2]))  # compiles the loops
    query, gallery, relevance = made = _made(words.vehicles, words.queries, words.width)
    one = _timed(lambda: rerank(query, gallery, relevance, Reranking()))
    all_of_them = _timed(lambda: _searched(made, chains))
    again = _timed(lambda: rerank(query, gallery, relevance, Reranking()))
    once = (one + again) / 2
    print(f"{len(query)} queries, {len(gallery)} gallery images, {words.width} numbers an image")
    print(f"one re-ranking {once:.2f} s, {len(chains)} settings of {words.steps} {all_of_them:.2f} s", end=": ")
    print(f"{all_of_them / once:.2f} times")


Made = tuple[np.ndarray, np.ndarray, Relevance]


def _made(vehicles: int, queries: int, width: int) -> Made:
    rng = np.random.default_rng(0)
    vehicle = np.repeat(np.arange(vehicles), 74)
    table = rng.standard_normal((vehicles, width))[vehicle] + 6 * rng.standard_normal((len(vehicle), width))
    asked = np.sort(rng.choice(len(vehicle), queries, replace=False))
    rest = np.setdiff1d(np.arange(len(vehicle)), asked)
    right = matching(vehicle[asked], vehicle[rest])
    relevance = Relevance(queries, len(rest), positives=right, ignored=RowLists.empty(queries))
    return table[asked].astype(np.float32), table[rest].astype(np.float32), relevance


def _searched(made: Made, chains: list) -> None:
    query, gallery, relevance = made
    tables = [ImageTable(tuple(map(str, range(len(rows)))), np.full(len(rows), -1)) for rows in (query, gallery)]
    Searcher(FeatureSets(query, gallery, *tables, "cosine", search), relevance, parse("ap"), chains).run()


def _both(made: Made, chains: list) -> None:
    rerank(*made, Reranking())
    _searched(made, chains)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
