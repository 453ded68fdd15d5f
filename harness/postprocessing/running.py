"""Running a chain: the features of a task pass through its steps, and are ranked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import BenchError, PluginError
from harness.kernel.gallery import check
from harness.kernel.ranking import nearest_units, rank
from harness.kernel.settings import Settings
from harness.measures.ranks import PositiveRanks
from harness.steps.chain import Chain
from harness.steps.sets import FeatureSets, Nearest, Side
from harness.steps.step import Step
from harness.tasks.relevance import Relevance, RowLists

if TYPE_CHECKING:
    from harness.kernel.gallery import Rows


def search(sets: FeatureSets, side: Side, k: int) -> Nearest:
    """Return the nearest gallery images of each image of one side, exactly and without all pairs; see ``neighbours``.

    Raises:
        FeatureError: a feature is not finite.
    """
    asked = sets.query if side == "query" else sets.gallery
    count, images = asked.shape[0], sets.gallery.shape[0]
    if k < 1:
        return Nearest(np.zeros((count, 0), dtype=np.int64), np.zeros((count, 0)))
    others = Relevance.unlabelled(count, images)
    if side == "gallery":
        others = replace(others, ignored=RowLists(np.arange(count + 1), np.arange(count)))  # each image itself
    lists = nearest_units(asked, sets.gallery, others, Settings(sets.metric, sets.machine, nearest=k))
    return Nearest(lists.units, lists.similarity)


def ranks_of(chain: Chain, sets: FeatureSets, relevance: Relevance) -> tuple[PositiveRanks, ...]:
    """Return the ranks of the positives after the steps of a chain.

    Raises:
        FeatureError: a feature is not finite.
        PluginError: a step breaks its contract.
    """
    for use, step in zip(chain.stated.uses, chain.steps, strict=True):
        if step is not chain.ranking:
            sets = applied(use.step, step, sets)
    last = chain.ranking
    if last is None:
        return rank(
            sets.query, sets.gallery, relevance, metric=sets.metric, machine=sets.machine, progress=sets.progress
        )
    try:
        return last.rank(sets, relevance)
    except BenchError:
        raise
    except Exception as problem:
        raise _broken(chain.stated.uses[-1].step, problem) from problem


def applied(name: str, step: Step, sets: FeatureSets) -> FeatureSets:
    """Return what a step makes of the features, if it keeps its contract.

    Raises:
        PluginError: it does not.
    """
    try:
        changed = step.apply(sets)
    except BenchError:
        raise
    except Exception as problem:
        raise _broken(name, problem) from problem
    if not isinstance(changed, FeatureSets):
        raise PluginError(
            f"step '{name}' did not return feature sets",
            found=type(changed).__name__,
            expected="sets.changed(query=..., gallery=...)",
        )
    tables: dict[str, tuple[Rows, int]] = {
        "query": (changed.query, sets.query.shape[0]),
        "gallery": (changed.gallery, sets.gallery.shape[0]),
    }
    for what, (table, rows) in tables.items():
        try:
            check(table, rows, what)
        except (BenchError, AttributeError, TypeError) as problem:
            raise PluginError(
                f"step '{name}' returned {what} features that cannot be ranked",
                found=getattr(problem, "found", None) or problem,
                expected=f"({rows}, d) float32",
            ) from None
        if isinstance(table, np.ndarray) and not np.isfinite(table).all():
            raise PluginError(f"step '{name}' returned {what} features that are not finite")
    if changed.query.shape[1] != changed.gallery.shape[1]:
        raise PluginError(
            f"step '{name}' returned sides of different widths",
            found=f"{changed.query.shape[1]} and {changed.gallery.shape[1]} numbers",
        )
    return replace(sets, query=changed.query, gallery=changed.gallery)


def _broken(name: str, problem: Exception) -> PluginError:
    return PluginError(f"step '{name}' failed", found=f"{type(problem).__name__}: {problem}")
