"""Random problems, and the kernel's answers in the form of the reference."""

from __future__ import annotations

import numpy as np

from harness.tasks.relevance import Relevance
from tests.strategies import Problem, row_lists


def as_lists(answers):
    """The kernel's answer in the reference's form."""
    return [
        [
            (
                int(query),
                [
                    (int(draw.units[e]), int(draw.closer[e]), int(draw.tied[e]))
                    for e in range(draw.starts[i], draw.starts[i + 1])
                ],
            )
            for i, query in enumerate(draw.asked)
        ]
        for draw in answers
    ]


def same(one, other):
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one, other, strict=True)
        for name in ("asked", "starts", "units", "closer", "tied")
    )


def as_pairs(lists):
    return [
        [(int(unit), float(value)) for unit, value in zip(units, values, strict=True) if unit >= 0]
        for units, values in zip(lists.units, lists.similarity, strict=True)
    ]


def random_problem(seed, queries=60, units=900, width=24):
    rng = np.random.default_rng(seed)
    relevance = Relevance(
        queries=queries,
        units=units,
        positives=row_lists([rng.choice(units // 2, 5, replace=False).tolist() for _ in range(queries)]),
        ignored=row_lists([(units // 2 + rng.choice(units // 2, 4, replace=False)).tolist() for _ in range(queries)]),
        unit_of=np.concatenate([np.arange(units), rng.integers(0, units, units // 3)]),
    )
    table = rng.standard_normal((queries + len(relevance.unit_of), width)).astype(np.float32)
    return Problem(table[:queries], table[queries:], relevance)
