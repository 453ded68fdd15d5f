"""The modules that are changed, and the tests that should notice."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from functools import cache, cached_property

from tests.campaigns.mutation.mutants import ROOT
from tests.campaigns.mutation.outcome import Outcome


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

    @cached_property
    def source(self) -> str:
        """A digest of the module."""
        return _digest(self.path, (ROOT / self.path).read_text())

    @cached_property
    def whole(self) -> str:
        """A digest of all the module's tests and of how they are run."""
        return _digest(repr(self), *((ROOT / test.partition("::")[0]).read_text() for test in self.tests))

    def proof(self, outcome: Outcome) -> str:
        """Return a digest of what an outcome rests on: the test that noticed the change, or all of the tests."""
        if outcome.word in {"none", "timed out"} or "::" not in outcome.by:
            return self.whole if outcome.word == "survived" else ""
        path, _, name = outcome.by.partition("::")
        return _digest(_functions(path).get(name.partition("[")[0], ""))


def _digest(*texts: str) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


@cache
def _functions(path: str) -> dict[str, str]:
    """Return the text of each function of a file, with its decorators."""
    text = (ROOT / path).read_text()
    lines = text.splitlines()
    return {
        node.name: "\n".join(
            lines[min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1 : node.end_lineno]
        )
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}/test_{name}.py" for name in names)


def _subjects(folder: str, names: str, tests: tuple[str, ...], **more) -> list[Subject]:
    return [Subject(f"{folder}/{name}.py", tests, **more) for name in names.split()]


KERNEL = "harness/kernel"
PARTS = f"{KERNEL}/parts"
GROWTH = "harness/scoring/growth"
VALUES = _in(KERNEL, "values")

# Of the tests of whole rankings, those of small problems: as plain Python, loops are slow.
NATIVE = f"{KERNEL}/native"
RANKED = (f"tests/{KERNEL}/test_ranking.py::test_ranks_are_those_of_the_literal_reference",)
LISTED = (f"tests/{KERNEL}/test_walk.py::test_lists_are_those_of_a_full_sort",)
SHARDS = (f"tests/{KERNEL}/test_walk.py::test_shards_of_the_gallery_add_up_to_the_whole",)
PAIRS = (f"tests/{KERNEL}/pooled/test_counting.py::test_counts_are_those_of_a_list_of_all_pairs",)
RERANKED = (f"tests/{KERNEL}/test_rerank.py::test_ranks_are_those_of_the_dense_definition",)
WALKED = (
    f"tests/{KERNEL}/test_products.py::test_torch_ranks_where_it_is_loaded_or_asked_for_or_the_problem_is_large",
    f"tests/{KERNEL}/test_passes.py::test_progress_ends_with_all_images_of_all_parts",
    f"tests/{GROWTH}/test_counting.py::test_each_part_has_the_ranks_of_a_literal_count",
    *(
        f"tests/{KERNEL}/test_walk.py::test_{name}"
        for name in (
            "lists_are_those_of_a_full_sort",
            "a_precision_that_is_tried_first_changes_nothing_kept_or_given_up",
            "no_lists_are_made_unless_they_are_asked_for",
            "shards_of_the_gallery_add_up_to_the_whole",
            "a_process_reads_its_shard_only",
            "what_one_process_finds_wrong_ends_all_of_them",
            "a_full_device_of_one_process_ends_all_of_them_in_words",
            "a_team_ranks_again_after_an_error",
            "processes_with_unequal_memory_part_the_queries_alike",
            "a_small_memory_changes_nothing_but_the_blocks",
            "torch_multiplies_in_full_and_is_left_as_it_was",
        )
    ),
)
TILES = (f"tests/{KERNEL}/test_passes.py::test_tiles_of_any_size_are_one_gallery",)
REFUSED = tuple(
    f"tests/{KERNEL}/test_rerank.py::test_{name}"
    for name in ("draws_are_refused", "features_that_are_not_finite_are_refused_by_the_table_that_has_them")
)

# The decorators of the loops compile them; without one the loop is slow or does not compile at all.
LOOPS = {"jit": False, "without": ("RemoveDecorator",)}

SUBJECTS = (
    *_subjects(KERNEL, "bounds", VALUES + _in(NATIVE, "figures") + _in(PARTS, "prepared") + RANKED),
    *_subjects(KERNEL, "exact", _in(NATIVE, "figures") + _in(KERNEL, "exact")),
    *_subjects(KERNEL, "memory", _in(KERNEL, "memory")),
    *_subjects(KERNEL, "products", _in(KERNEL, "products") + WALKED[-1:] + TILES),
    *_subjects(KERNEL, "settings ranking", VALUES + _in(PARTS, "walk", "neighbours") + _in(KERNEL, "ranking")),
    *_subjects(KERNEL, "plan", VALUES + _in(PARTS, "plan") + RANKED),
    *_subjects(KERNEL, "prepared", VALUES + _in(KERNEL, "gallery") + _in(PARTS, "prepared", "prepared_whole")),
    *_subjects(KERNEL, "gallery", VALUES + _in(KERNEL, "gallery") + _in(PARTS, "walk")),
    *_subjects(KERNEL, "neighbours", VALUES + _in(PARTS, "neighbours") + SHARDS),
    *_subjects(KERNEL, "passes", VALUES + _in(KERNEL, "gallery", "passes") + _in(PARTS, "passes") + RANKED + LISTED),
    *_subjects(KERNEL, "walk", VALUES + _in(PARTS, "walk") + WALKED + _in(KERNEL, "ranking"), examples=15),
    *_subjects(KERNEL, "device", VALUES + _in(PARTS, "device") + _in(KERNEL, "passes", "device")),
    *_subjects(KERNEL, "given", _in(PARTS, "given") + _in(KERNEL, "given")),
    *_subjects(KERNEL, "rerank", _in(PARTS, "rerank") + RERANKED + REFUSED, jit=False),
    *_subjects(
        NATIVE, "count scores", _in(NATIVE, "count", "scores", "second_looks", "tiles") + RANKED + LISTED, **LOOPS
    ),
    *_subjects(NATIVE, "similarity means fold", _in(NATIVE, "similarity", "prepare", "count") + RANKED, **LOOPS),
    *_subjects(NATIVE, "prepare", _in(NATIVE, "prepare", "prepare_whole", "count") + RANKED, **LOOPS),
    *_subjects(NATIVE, "order", _in(NATIVE, "similarity"), **LOOPS),
    *_subjects(NATIVE, "nearest", _in(NATIVE, "nearest", "tiles") + LISTED, **LOOPS),
    *_subjects(NATIVE, "rerank", _in(NATIVE, "rerank") + RERANKED, **LOOPS),
    *_subjects(NATIVE, "place", _in(NATIVE, "place") + PAIRS, **LOOPS),
    *_subjects("harness/tasks", "rules relevance draws", _in("harness/tasks", "rules", "relevance") + VALUES),
    *_subjects("harness/tasks", "fingerprint", _in("harness/tasks", "fingerprint")),
    *_subjects("harness/tasks", "reranking", _in("harness/tasks", "reranking") + VALUES),
    *_subjects(
        "harness/measures",
        "__init__ ap ap_top ap_trapezoid ap_truncated cmc family hit minp ranks",
        _in("harness/measures", "definitions", "measures") + VALUES,
    ),
    *_subjects(
        "leaderboard/statistics",
        "intervals paired variance vehicles",
        _in("leaderboard/statistics", "formulas", "paired", "intervals") + VALUES,
    ),
)
