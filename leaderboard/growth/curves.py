"""Curves of the measures against the size of the gallery: as a table, as JSON and as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.measures import heading, in_order
from harness.scoring.growth.curve import Curve
from harness.scoring.tables import plain, table
from leaderboard.growth.spread import mean_and_interval
from leaderboard.pages.pictures import COLOURS, LEFT, PLOT, Line, Tick, labelled


def curve_text(curve: Curve) -> str:
    """Return a curve as a table for a terminal, values in percent with their intervals over the repeats."""
    drawn = "distractors" if curve.distractors else "gallery"
    words = _words(curve)
    rows = [
        {
            drawn: f"{point.size:,}",
            **({"gallery": f"{point.gallery:,}"} if curve.distractors else {}),
            **{heading(word): _cell(point.values[word]) for word in words},
        }
        for point in curve.points
    ]
    shown = table(rows, right=[drawn, "gallery", *map(heading, words)], shown=plain)
    return "\n".join([f"{plain(curve.task)}: {plain(curve.method)}\n", shown, *(f"- {note}" for note in _notes(curve))])


def _words(curve: Curve) -> list[str]:
    words = list(curve.points[0].values)
    return list(in_order(words, words[0]))


def _cell(values: Sequence[float]) -> str:
    mean, interval = mean_and_interval(values)
    if interval is None:
        return f"{100 * mean:.2f}"
    return f"{100 * mean:.2f} ({100 * interval.low:.2f} to {100 * interval.high:.2f})"


def _notes(curve: Curve) -> list[str]:
    repeats, seed = curve.steps.repeats, curve.steps.seed
    if curve.distractors:
        images, what = curve.distractors, f"Of {curve.distractors:,} distractors, those of seed {seed}"
        what += "; the task's own gallery is always there."
    else:
        images = curve.points[-1].gallery
        what = f"Units of the task's own gallery, those of seed {seed}; a query's right answers are always there."
    notes = [what, "Not official: a gallery of another size is not the task's."]
    if repeats > 1:
        apart = f"{drawn_apart:,}" if (drawn_apart := images // repeats) else "none"
        notes.append(
            f"In parentheses 95 % intervals of the mean over {repeats} subsets of each size. Those of more than "
            f"{apart} overlap, and their intervals are too narrow."
        )
    return notes


def curve_json(curve: Curve) -> dict[str, Any]:
    """Return a curve as JSON values: for each size and measure the mean, its interval and the value of each repeat."""
    return {
        "task": curve.task,
        "method": curve.method,
        "metric": curve.metric,
        "fingerprint": curve.fingerprint,
        "distractors": curve.distractors,
        "repeats": curve.steps.repeats,
        "seed": curve.steps.seed,
        "points": [
            {
                "size": point.size,
                "gallery": point.gallery,
                "measures": {word: _measure(values) for word, values in point.values.items()},
            }
            for point in curve.points
        ],
    }


def _measure(values: Sequence[float]) -> dict[str, Any]:
    mean, interval = mean_and_interval(values)
    ends = None if interval is None else [interval.low, interval.high]
    return {"mean": mean, "interval": ends, "repeats": list(values)}


def draw_curve(curve: Curve) -> bytes:
    """Return a picture of a curve as SVG: every measure over the size of the gallery, on a logarithmic axis."""
    sizes = [point.gallery for point in curve.points]
    widest = math.log(max(sizes) / min(sizes)) or 1.0

    def x(size: int) -> float:
        return round(LEFT + PLOT * math.log(size / sizes[0]) / widest, 2)

    lines = [
        Line(
            heading(word),
            f"c{number % COLOURS}",
            tuple((x(point.gallery), 100 * mean_and_interval(point.values[word])[0]) for point in curve.points),
        )
        for number, word in enumerate(_words(curve))
    ]
    title = f"{plain(curve.task)}: {plain(curve.method)[:40]}, % by size of the gallery"
    return labelled("growth.svg", title, lines, _ticks(sizes, x)).encode()


def _ticks(sizes: Sequence[int], x: Any) -> list[Tick]:
    """Return the sizes as ticks, without those whose texts would touch the one before."""
    found: list[Tick] = []
    for size in sizes:
        at = x(size)
        if not found or at - found[-1].at >= 8 * len(f"{size:,}"):
            found.append(Tick(at, f"{size:,}"))
    return found
