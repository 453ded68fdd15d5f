"""Values of the kernel, the tasks and the statistics are fixed once made; those of arrays compare by identity."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

MODULES = (
    *(f"harness.kernel.{name}" for name in ("bounds", "device", "passes", "plan", "prepared", "neighbours", "walk")),
    *(f"harness.kernel.{name}" for name in ("settings",)),
    *(f"harness.tasks.{name}" for name in ("relevance", "reranking", "rules")),
    *(f"harness.measures.{name}" for name in ("family", "ranks")),
    *(f"leaderboard.statistics.{name}" for name in ("intervals", "paired", "variance", "vehicles")),
)


def values_of(module):
    found = importlib.import_module(module)
    return [
        kind
        for kind in vars(found).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module
    ]


def holds_arrays(kind):
    names = [str(field.type) for field in dataclasses.fields(kind) if not str(field.type).startswith("Callable")]
    return any(
        any(word in name for word in ("Array", "Tensor", "ndarray", "RowLists", "PerQuery")) or name == "Features"
        for name in names
    )


@pytest.mark.parametrize("module", MODULES)
def test_values_are_frozen_and_compared_by_identity_if_they_hold_arrays(module):
    for kind in values_of(module):
        parameters = kind.__dataclass_params__
        assert parameters.frozen, kind
        if holds_arrays(kind):
            assert not parameters.eq, kind
