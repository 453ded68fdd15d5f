"""The modules that are changed, and the tests that should notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """A module under trial.

    Attributes:
        path: of the module.
        tests: quick ones first, as words of pytest.
        jit: whether its loops are compiled; compiled loops do not notice an index out of range, and take seconds to
            compile, so the loops themselves are tried as plain Python.
        examples: the most of each property.
        without: operators that would change nothing but speed.
    """

    path: str
    tests: tuple[str, ...]
    jit: bool = True
    examples: int = 25
    without: tuple[str, ...] = ()


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}/test_{name}.py" for name in names)


def _subjects(folder: str, names: str, tests: tuple[str, ...], **more) -> list[Subject]:
    return [Subject(f"{folder}/{name}.py", tests, **more) for name in names.split()]


KERNEL = "harness/kernel"
RANKS = _in(KERNEL, "ranking", "walk")
VALUES = _in(KERNEL, "values")

# Of the tests of whole rankings, those of small problems: as plain Python, loops are slow.
NATIVE = f"{KERNEL}/native"
RANKED = (f"tests/{KERNEL}/test_ranking.py::test_ranks_are_those_of_the_literal_reference",)
LISTED = (f"tests/{KERNEL}/test_walk.py::test_lists_are_those_of_a_full_sort",)
RERANKED = (f"tests/{KERNEL}/test_rerank.py::test_ranks_are_those_of_the_dense_definition",)

# The decorators of the loops compile them; without one the loop is slow or does not compile at all.
LOOPS = {"jit": False, "without": ("RemoveDecorator",)}

SUBJECTS = (
    *_subjects(KERNEL, "bounds", VALUES + _in(NATIVE, "figures") + RANKED),
    *_subjects(KERNEL, "exact", _in(NATIVE, "figures") + _in(KERNEL, "exact", "bounds")),
    *_subjects(KERNEL, "memory", _in(KERNEL, "memory")),
    *_subjects(KERNEL, "products", _in(KERNEL, "products", "passes")),
    *_subjects(KERNEL, "settings ranking", VALUES + RANKS),
    *_subjects(KERNEL, "plan", VALUES + RANKS),
    *_subjects(KERNEL, "prepared gallery", VALUES + _in(KERNEL, "gallery") + RANKS),
    *_subjects(KERNEL, "neighbours", VALUES + RANKS),
    *_subjects(KERNEL, "passes", VALUES + _in(KERNEL, "passes") + RANKS),
    *_subjects(KERNEL, "walk", VALUES + _in(KERNEL, "passes", "walk", "ranking")),
    *_subjects(KERNEL, "device", VALUES + _in(KERNEL, "passes", "device", "bounds")),
    *_subjects(KERNEL, "given", _in(KERNEL, "given")),
    *_subjects(KERNEL, "rerank", _in(KERNEL, "rerank")),
    *_subjects(NATIVE, "count scores", _in(NATIVE, "count", "scores") + RANKED + LISTED, **LOOPS),
    *_subjects(
        NATIVE, "similarity means fold prepare", _in(NATIVE, "similarity", "prepare", "count") + RANKED, **LOOPS
    ),
    *_subjects(NATIVE, "order", _in(NATIVE, "similarity"), **LOOPS),
    *_subjects(NATIVE, "nearest", _in(NATIVE, "nearest") + LISTED, **LOOPS),
    *_subjects(NATIVE, "rerank", RERANKED, **LOOPS),
    *_subjects("harness/tasks", "rules relevance draws", _in("harness/tasks", "rules") + VALUES),
    *_subjects("harness/tasks", "fingerprint", _in("harness/tasks", "fingerprint")),
    *_subjects("harness/tasks", "reranking", _in("harness/tasks", "reranking") + VALUES),
    *_subjects(
        "harness/measures",
        "__init__ ap ap_trapezoid ap_truncated cmc family hit minp ranks",
        _in("harness/measures", "definitions", "measures") + VALUES,
    ),
    *_subjects(
        "leaderboard/statistics",
        "chance intervals paired variance vehicles",
        _in("leaderboard/statistics", "formulas", "chance", "paired", "intervals") + VALUES,
    ),
)
