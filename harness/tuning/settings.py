"""The settings that a search tries: chains of the same steps with different parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.errors import UsageError, unknown_name
from harness.steps.chain import Chain, Find, split
from harness.steps.stated import StepUse, values_of
from harness.steps.step import Step

MOST = 10_000
"""The most settings of one search, and of the values of one step."""

SETTINGS_DRAW = 0x5E7
"""Separates the random numbers of the settings from the others of the same seed."""


def settings_of(
    names: Sequence[str], find: Find, *, count: int, seed: int = 0, values: Sequence[str] = ()
) -> list[Chain]:
    """Return at most ``count`` chains of some steps, that of the sources' parameters first.

    Every kept setting of a step is combined with every one of the others, so that what a search computes for the first
    steps serves many settings. Where all combinations of a step's values would be too many, a random part is kept.

    Args:
        names: the steps, in order.
        find: returns the class of a name.
        count: the most settings.
        seed: of the random part.
        values: other values than a step's own ``grid``: ``rerank:k1=10/20,lambda=0.1/0.3``.

    Raises:
        UsageError: a step, a parameter or a value is unknown or unfit, the order of the steps means nothing, or there
            is nothing to choose.
    """
    if not names:
        raise UsageError("no step was named", expected="the steps to tune: --steps alpha-qe,rerank")
    Chain.of([(name, {}) for name in names], find)
    given = _given(values, names)
    grids = [_combinations(name, find(name), given.get(name)) for name in names]
    if all(len(grid) == 1 for grid in grids):
        raise UsageError(
            "there is nothing to choose",
            found=", ".join(names),
            expected="a step with parameters, or several values: --values rerank:k1=10/20/30",
        )
    kept = _kept([len(grid) for grid in grids], count)
    rng = np.random.default_rng([seed, SETTINGS_DRAW])
    chosen = [
        [grid[0], *(grid[1 + int(row)] for row in sorted(rng.choice(len(grid) - 1, size - 1, replace=False)))]
        for grid, size in zip(grids, kept, strict=True)
    ]
    return [Chain.of(list(zip(names, options, strict=True)), find) for options in itertools.product(*chosen)]


def _kept(sizes: Sequence[int], count: int) -> list[int]:
    """Return how many settings of each step are kept, so that all combinations are at most ``count``."""
    kept, left = [1] * len(sizes), max(1, count)
    order = sorted(range(len(sizes)), key=lambda place: (sizes[place], -place))
    for done, place in enumerate(order):
        fair = math.floor(left ** (1 / (len(sizes) - done)) + 1e-9)
        kept[place] = max(1, min(sizes[place], fair))
        left //= kept[place]
    return kept


def _given(words: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for word in words:
        name, options = split(word)
        if name not in names:
            raise unknown_name("step of this search", name, names)
        if name in found:
            raise UsageError(f"the values of step '{name}' are given twice", found=f"--values {word}")
        found[name] = {option: [one.strip() for one in text.split("/")] for option, text in options.items()}
    return found


def _combinations(name: str, kind: type[Step], given: Mapping[str, list[str]] | None) -> list[dict[str, Any]]:
    """Return the settings of one step, each once, that of its source first."""
    source = values_of(kind.Options())
    grid: Mapping[str, Sequence[Any]] = given if given is not None else kind.grid
    for option in grid:
        if option not in source:
            raise unknown_name(f"parameter of step '{name}'", option, source)
    columns = [[source[option], *grid.get(option, ())] if given is None or option not in grid else grid[option]
               for option in source]  # fmt: skip
    if math.prod(map(len, columns)) > MOST:
        raise UsageError(
            f"step '{name}' has too many combinations of values",
            found=math.prod(map(len, columns)),
            expected=f"at most {MOST}",
        )
    found = {StepUse.of(name, source): dict(source)} if given is None else {}
    for chosen in itertools.product(*columns):
        options = values_of(_options(name, kind, dict(zip(source, chosen, strict=True))))
        found.setdefault(StepUse.of(name, options), dict(options))
    return list(found.values())


def _options(name: str, kind: type[Step], options: Mapping[str, object]) -> Any:
    """Return the parameters of a step as its class reads them, with the messages of a chain."""
    return Chain.of([(name, options)], lambda _name: kind).steps[0].options
