"""The page of the measures, from harness/measures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import harness
from harness.measures import FAMILIES
from pages import text

INTRODUCTION = """\
Every measure is a function of the ranks of a query's positives, counted from 1: a query with *n* positives at the ranks
*r*<sub>1</sub> < ... < *r*<sub>n</sub> gets a value from 0 to 1, and the number in a table is the mean over the queries
that have a positive, in percent. A positive that ties with a negative ranks behind it. `--measure WORD` adds a measure
to those of the task; [Hooks](hooks.md) shows how a plugin registers one."""

EXAMPLE = (1, 3, 6)
"""The ranks of the positives of the one query that every measure is shown for."""
CUTOFF = 5


def page() -> str:
    """Return the page."""
    return text.page("Measures", INTRODUCTION, _parts())


def _parts() -> Iterator[str]:
    families = sorted(FAMILIES.values(), key=lambda family: family.order)
    shown = [family.measure(f"{family.word}@{CUTOFF}" if family.cutoff else family.word) for family in families]
    ranks = ", ".join(map(str, EXAMPLE[:-1])) + f" and {EXAMPLE[-1]}"
    rows = [(f"[`{one.word}`](#{one.family.word})", one.name, f"{_value(one):.4f}") for one in shown]
    yield text.table(["word", "column", f"a query with positives at ranks {ranks}"], rows)
    for family in families:
        yield f"## {family.word}"
        word = f"{family.word}@k" if family.cutoff else family.word
        title = family.title.format(k="k")
        yield f"Word `{word}`, column {title}. {text.sentence(family.about.format(k='k'))}"
        yield text.block(family.formula, "math")
        yield f"Source: {text.sentence(family.source)}"


def _value(measure: harness.Measure) -> float:
    ranks = np.array(EXAMPLE)
    none, closer = np.zeros_like(ranks), ranks - np.arange(1, len(ranks) + 1)
    one = harness.PositiveRanks(np.array([0]), np.array([0, len(ranks)]), np.arange(len(ranks)), closer, none)
    return float(measure.values(one)[0])
