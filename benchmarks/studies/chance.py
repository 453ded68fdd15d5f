"""Simulate leaderboards of methods whose true values are known, and count how often the statistics are wrong.

    python -m benchmarks.studies.chance [--boards 2000] [--write docs/statistics.md]

Every board has new vehicles and new seeds. The tests in tests/leaderboard/statistics use the same functions with fewer
boards and fixed limits.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from harness.scoring.per_query import PerQuery
from leaderboard.statistics.intervals import over_everything
from leaderboard.statistics.paired import RankRange, p_value, rank_ranges
from leaderboard.statistics.vehicles import Runs, by_vehicle

FloatArray = npt.NDArray[np.float64]
EASE = (1.2, 1.0)
"""The beta distribution of how easy a vehicle is: AP is lower for some and near 1 for many."""
EXPECTED = EASE[0] / sum(EASE)


def runs_of(
    values: list[FloatArray], vehicle: npt.NDArray[np.int64], asked: npt.NDArray[np.int64] | None = None
) -> Runs:
    """Return the runs of one method: (q,) values each, (q,) vehicles."""
    return Runs.of([PerQuery(("",) * len(vehicle), vehicle, {"ap": one}, asked) for one in values], "ap")


def simulated_board(
    generator: np.random.Generator,
    methods: int,
    *,
    vehicles: int = 60,
    seeds: int = 3,
    spread: float | Sequence[float] = 0.0,
    step: float = 0.0,
) -> list[Runs]:
    """Return methods on common vehicles, each worse by ``step`` than the one before.

    A method is better on some vehicles than on others, and so is each of its seeds; besides, each seed moves all
    vehicles by a common number with the standard deviation ``spread``, one for all methods or one for each.
    """
    spreads = [spread] * methods if isinstance(spread, float) else spread
    vehicle = np.repeat(np.arange(vehicles), generator.integers(1, 9, vehicles))
    ease = generator.beta(*EASE, vehicles)[vehicle]
    found = []
    for number in range(methods):
        method = ease - number * step + generator.normal(0, 0.15, vehicles)[vehicle]
        moved = generator.normal(0, spreads[number], seeds)
        noise = [generator.normal(0, 0.1, vehicles)[vehicle] + move for move in moved]
        found.append(runs_of([method + one for one in noise], vehicle))
    return found


def false_claims(
    boards: int, *, methods: int = 8, vehicles: int = 60, seeds: int = 3, spread: float | Sequence[float] = 0.0
) -> float:
    """Return the share of boards of equal methods on which any is called better than another."""
    generator = np.random.default_rng([8, methods, vehicles, seeds, round(1000 * float(np.mean(spread)))])
    wrong = 0
    for _ in range(boards):
        board = simulated_board(generator, methods, vehicles=vehicles, seeds=seeds, spread=spread)
        wrong += any(found != RankRange(1, methods) for found in rank_ranges(board))
    return wrong / boards


def skewed_rejections(pairs: int, *, vehicles: int) -> float:
    """Return the share of pairs of equal methods with skewed differences that are called different at 5 %."""
    generator = np.random.default_rng([9, vehicles])
    wrong = 0
    for _ in range(pairs):
        vehicle = np.repeat(np.arange(vehicles), generator.integers(1, 9, vehicles))
        values = (0.1 * (generator.exponential(1, vehicles) - 1))[vehicle]
        wrong += p_value(by_vehicle(values, vehicle)) < 0.05
    return wrong / pairs


def coverage(boards: int, *, seeds: int, spread: float, vehicles: int = 100) -> float:
    """Return the share of intervals that hold the expected value, over all vehicles and all seeds."""
    generator = np.random.default_rng([3, seeds, round(1000 * spread), vehicles])
    held = 0
    for number in range(boards):
        [method] = simulated_board(generator, 1, vehicles=vehicles, seeds=seeds, spread=spread)
        interval = over_everything(method, seed=number, resamples=400)
        held += interval.low <= EXPECTED <= interval.high
    return held / boards


def drawn_coverage(boards: int, *, spread: float, vehicles: int = 100, draws: int = 10) -> float:
    """Return the share of intervals that hold the expected value if one image of each vehicle is drawn as gallery.

    All other images are asked. ``spread`` is the standard deviation of what one draw adds to all queries.
    """
    generator = np.random.default_rng([4, round(1000 * spread), vehicles])
    held = 0
    for number in range(boards):
        images = generator.integers(2, 8, vehicles)
        vehicle = np.repeat(np.arange(vehicles), images)
        kept = np.cumsum(images) - images + generator.integers(0, images, (draws, vehicles))
        asked = np.ones((draws, len(vehicle)), dtype=np.bool_)
        np.put_along_axis(asked, kept, values=False, axis=1)
        luck = generator.normal(0, spread, (draws, 1)) + generator.normal(0, 0.1, (draws, len(vehicle)))
        values = generator.beta(*EASE, vehicles)[vehicle] + luck
        times = asked.sum(axis=0)
        mean = np.where(times > 0, (values * asked).sum(axis=0) / np.maximum(times, 1), np.nan)
        means = [float(row[known].mean()) for row, known in zip(values, asked, strict=True)]
        table = PerQuery(("",) * len(vehicle), vehicle, {"ap": mean}, times)
        interval = over_everything(Runs.of([table], "ap", [means]), seed=number, resamples=400)
        held += interval.low <= EXPECTED <= interval.high
    return held / boards


def tables(boards: int) -> Iterator[str]:
    """Yield the finished tables of the page, in their order."""
    spreads = (0.0, 0.01, 0.02, 0.04)

    def percent(share: float) -> str:
        return f"{100 * share:.1f} %"

    def points(spread: float) -> str:
        return f"{100 * spread:g} point{'' if spread == 0.01 else 's'}"

    rows = [
        {"seeds": str(seeds)}
        | {points(spread): percent(false_claims(boards, seeds=seeds, spread=spread)) for spread in spreads}
        for seeds in (3, 5)
    ]
    yield tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
    noisy = {"one": [0.04] + [0.0] * 7, "four": [0.04] * 4 + [0.0] * 4}
    row = {
        f"{name} of eight, {vehicles} vehicles": percent(false_claims(boards, vehicles=vehicles, spread=spread))
        for name, spread in noisy.items()
        for vehicles in (60, 400)
    }
    yield tabulate([row], headers="keys", tablefmt="github", disable_numparse=True)
    rows = [
        {"seeds": str(seeds)}
        | {points(spread): percent(coverage(boards, seeds=seeds, spread=spread)) for spread in spreads}
        for seeds in (3, 5)
    ]
    yield tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
    row = {points(spread): percent(drawn_coverage(boards, spread=spread)) for spread in (0.0, 0.01, 0.03)}
    yield tabulate([row], headers="keys", tablefmt="github", disable_numparse=True)
    row = {f"{vehicles} vehicles": percent(skewed_rejections(boards, vehicles=vehicles)) for vehicles in (50, 200)}
    yield tabulate([row], headers="keys", tablefmt="github", disable_numparse=True)


def main() -> None:
    """Print the tables, or put them in place of those of a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=2000)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    chosen = parser.parse_args()
    found = iter(list(tables(chosen.boards)))
    if chosen.write is None:
        print(*found, sep="\n\n")
        return
    old = chosen.write.read_text(encoding="utf-8")
    marked = r"(<!-- simulated -->\n).*?(<!-- end -->)"
    page = re.sub(marked, lambda match: f"{match[1]}{next(found)}\n{match[2]}", old, flags=re.DOTALL)
    chosen.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
