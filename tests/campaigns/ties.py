"""Small random problems full of tracks that are equally far from a query, ranked and held against rational arithmetic.

``python -m tests.campaigns.ties --seed 1 --count 100000`` prints a table and ends with 1 if a rank is wrong. Every
problem is ranked twice, the second time with the images of each track in another order, in other blocks and in another
precision or by a GPU's operations: the integers must be the same.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise

import click
import numpy as np
from tabulate import tabulate

from harness.kernel.settings import Settings, Tuning
from harness.kernel.walk import open_walk
from harness.tasks.relevance import Relevance
from tests import rational
from tests.strategies import row_lists

METRICS = ("cosine", "euclidean")

TOGETHER = 40
"""Problems that are ranked in one call: each ignores the tracks of all others."""


@dataclass
class Problem:
    """A query (d,), and tracks (images, d); the first is the right one."""

    query: np.ndarray
    tracks: list[np.ndarray]


@dataclass
class Tally:
    """What came out for one kind of problem and one metric."""

    problems: int = 0
    ties: int = 0
    near: int = 0
    faults: list[str] = field(default_factory=list)


def mirrored(rng, width):
    """Tracks whose means are as far before the query as others are behind it."""
    query = np.round(rng.standard_normal(width) * 2.0 ** rng.integers(0, 20))
    if rng.random() < 0.5:  # float64 is twice as fine below a power of two as above it
        query = 2.0 ** rng.integers(3, 21, width)
    steps = [rng.integers(-4, 5, (rng.integers(1, 6), width)) for _ in range(rng.integers(1, 4))]
    return Problem(query, [query + sign * step for step in steps for sign in (1, -1)])


def repeated(rng, width):
    """The images of a track more than once, and in another order."""
    tracks = [rng.standard_normal((rng.integers(1, 4), width)) for _ in range(3)]
    again = [rng.permutation(np.concatenate([track] * rng.integers(2, 5))) for track in tracks]
    return Problem(rng.standard_normal(width), tracks + again)


def cancelling(rng, width):
    """Tracks with large images that cancel out."""
    small = [rng.integers(-3, 4, (1, width)) * np.ones((3, 1)) for _ in range(2)]
    # Sums of three float32: the small ones are their share of a track of five images.
    large = np.float32(rng.standard_normal((1, width)) * 10.0 ** rng.integers(3, 30))
    return Problem(
        rng.integers(-3, 4, width),
        [np.concatenate([track, padding, -padding]) for track in small for padding in (large, 0 * large)],
    )


def exchanged(rng, width):
    """A query of equal numbers, and tracks whose numbers change places."""
    track = rng.standard_normal((rng.integers(1, 5), width)) * rng.choice([1, 1e-12, 1e12], (1, width))
    return Problem(np.full(width, rng.standard_normal()), [track[:, rng.permutation(width)] for _ in range(4)])


def scaled(rng, width):
    """Tracks whose sums are multiples of one another, some in tracks of many images."""
    track = rng.integers(-9, 10, (rng.integers(2, 6), width))
    pieces = [track * k for k in (1, 2, 3, 5)]
    pieces += [np.concatenate([track, 2 * track[:1], -track[:1], track[1:]])]
    return Problem(rng.integers(-9, 10, width), pieces)


def nearly(rng, width):
    """Tracks that would be equally near, were not one image moved by a step of float32, or were there not a grain."""
    made = mirrored(rng, width) if rng.random() < 0.5 else repeated(rng, width)
    made.tracks = [np.float32(np.concatenate([track, np.zeros((1, width))])) for track in made.tracks]
    moved = made.tracks[int(rng.integers(len(made.tracks)))]
    place = tuple(rng.integers(0, moved.shape))
    if rng.random() < 0.5:
        moved[place] = np.nextafter(moved[place], np.float32(rng.choice([-np.inf, np.inf])))
    else:
        moved[-1] = rng.standard_normal(width) * 2.0 ** -rng.integers(20, 60)
    return made


def far_from_zero(rng, width):
    """Tracks a few float32 apart, round a point a thousand times farther from zero."""
    point = np.float32(1000 + rng.standard_normal(width))
    step = np.float32(2.0**-14)
    tracks = [point + step * rng.integers(-3, 4, (rng.integers(1, 6), width)) for _ in range(3)]
    return Problem(point, [*tracks, *(2 * point - track for track in tracks)])


def wide_range(rng, width):
    """Tracks of images of very different sizes, whose sums need more than two float64 underway."""
    sizes = 10.0 ** rng.integers(-40, 30, (rng.integers(2, 7), width))
    track = np.float32(rng.standard_normal(sizes.shape) * sizes)
    rest = np.float32(rng.standard_normal((2, width)))
    tracks = [np.concatenate([track, -track, rest]), np.concatenate([0 * track, 0 * track, rest])]
    return Problem(rng.standard_normal(width), [rng.permutation(one) for one in (*tracks, *tracks)])


KINDS = {
    maker.__name__.replace("_", " "): maker
    for maker in (mirrored, repeated, cancelling, exchanged, scaled, nearly, far_from_zero, wide_range)
}


def ranked(problems, metric, rng, *, by_torch=False):
    """Return (closer, tied) of each problem's first track, ranked in one call with the images in a random order."""
    tracks = [track for problem in problems for track in problem.tracks]
    gallery, unit_of = np.concatenate(tracks), np.repeat(np.arange(len(tracks)), [len(track) for track in tracks])
    edges = np.cumsum([0, *(len(problem.tracks) for problem in problems)])
    others = [[*range(first), *range(last, len(tracks))] for first, last in pairwise(edges)]
    order = rng.permutation(len(gallery))
    relevance = Relevance(
        queries=len(problems),
        units=len(tracks),
        positives=row_lists([[int(first)] for first in edges[:-1]]),
        ignored=row_lists(others),
        unit_of=unit_of[order],
        reduce="mean feature",
    )
    precision = rng.choice(["float32", "bfloat16", "int16", "int8"]) if not by_torch else rng.choice(["float32", None])
    tuning = Tuning(precision, block=int(rng.integers(1, 2 * len(gallery))), threads=1)
    queries = np.stack([problem.query for problem in problems])
    with open_walk(queries, gallery[order], relevance, Settings(metric, tuning=tuning, by_torch=by_torch)) as walk:
        ((answer,), _) = walk.run()
    return list(zip(answer.closer.tolist(), answer.tied.tolist(), strict=True))


def tried(kind, metric, count, rng, tally):
    """Try some problems of one kind and width."""
    width = int(rng.choice([1, 2, 3, 4, 6, 33]))
    problems = [KINDS[kind](rng, width) for _ in range(count)]
    problems = [
        Problem(np.float32(problem.query), [np.float32(track) for track in problem.tracks]) for problem in problems
    ]
    found = ranked(problems, metric, rng)
    again = ranked(problems, metric, rng, by_torch=bool(rng.random() < 0.25))
    for problem, answer, other in zip(problems, found, again, strict=True):
        query = [rational.Fraction(number) for number in problem.query.tolist()]
        own, *negatives = (rational.similarity(query, rational.mean(track), metric) for track in problem.tracks)
        tally.problems += 1
        tally.ties += sum(negative == own for negative in negatives)
        tally.near += sum(
            negative != own and not rational.clearly_apart(own, negative, width, metric) for negative in negatives
        )
        wrong = rational.verdict(answer, own, negatives, width, metric)
        if not wrong and answer != other:
            wrong = f"{answer} became {other} in another order"
        if wrong:
            tally.faults.append(f"{kind}, {metric}: {wrong}: {problem}")


def campaign(seed, count):
    """Return a tally for each kind and metric, of about ``count`` problems together."""
    found = {}
    for number, kind in enumerate(KINDS):
        for place, metric in enumerate(METRICS):
            rng = np.random.default_rng([seed, number, place])
            tally = found[kind, metric] = Tally()
            share = -(-count // (len(KINDS) * len(METRICS)))
            while tally.problems < share:
                tried(kind, metric, min(TOGETHER, share - tally.problems), rng, tally)
    return found


@click.command()
@click.option("--seed", default=1, show_default=True, help="Seed of all problems.")
@click.option("--count", default=2000, show_default=True, help="Problems of all kinds together.")
def main(seed, count):
    """Rank random tracks that tie, and hold each rank against rational arithmetic."""
    start = time.process_time()
    found = campaign(seed, count)
    rows = [(*of, tally.problems, tally.ties, tally.near, len(tally.faults)) for of, tally in found.items()]
    heads = ("kind", "metric", "problems", "exact ties", "near ties", "faults")
    click.echo(tabulate(rows, heads, tablefmt="github"))
    tallies = found.values()
    faults = [fault for tally in tallies for fault in tally.faults]
    ties, near = (sum(getattr(tally, name) for tally in tallies) for name in ("ties", "near"))
    click.echo(
        f"seed {seed}: {sum(tally.problems for tally in tallies)} problems, {ties} exact ties, {near} near ties, "
        f"{len(faults)} faults, {time.process_time() - start:.0f} s of one processor"
    )
    for fault in faults[:10]:
        click.echo(fault, err=True)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
