"""The mutants of a module: small changes of its source by cosmic-ray's operators."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.operators.provider import OperatorProvider

ROOT = Path(__file__).parents[3]

ARITHMETIC = ["Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul"]
BITS = ["LShift_RShift", "RShift_LShift", "BitAnd_BitOr", "BitOr_BitAnd"]
COMPARISONS = ["Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt", "Eq_NotEq", "NotEq_Eq"]
OPERATORS = [
    *(f"ReplaceBinaryOperator_{name}" for name in ARITHMETIC + BITS),
    *(f"ReplaceComparisonOperator_{name}" for name in [*COMPARISONS, "Is_IsNot", "IsNot_Is"]),
    "ReplaceUnaryOperator_USub_UAdd",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_Invert",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "NumberReplacer",
    "RemoveDecorator",
    "ZeroIterationForLoop",
]
"""One change of each arithmetic operator, both the border and the opposite of each comparison, and all the others.

cosmic-ray has eleven changes of every `+`; whoever kills one kills nearly all of them. Left out are the operators that
swap variables at random and that rename exceptions, which tests of any kind notice or nobody could.
"""


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's occurrence in the source of a module."""

    path: str
    operator: str
    occurrence: int
    line: int

    @property
    def source(self) -> str:
        """The changed source."""
        seen = -1
        tree = get_ast((ROOT / self.path).read_text())
        operator = _operators()[self.operator]
        for node in list(ast_nodes(tree)):
            for index, _ in enumerate(operator.mutation_positions(node)):
                seen += 1
                if seen == self.occurrence:
                    _replace(node, operator.mutate(node, index))
                    return tree.get_code()
        raise AssertionError(f"{self} is not in the source")

    @property
    def change(self) -> tuple[str, str]:
        """The lines that it takes out and those that it puts in, stripped."""
        before, after = ((ROOT / self.path).read_text().splitlines(), self.source.splitlines())
        first = _alike(before, after)
        last = _alike(before[first:][::-1], after[first:][::-1])
        out, new = (" ".join(map(str.strip, lines[first : len(lines) - last])) for lines in (before, after))
        return out, new


def _alike(one: list[str], other: list[str]) -> int:
    """Return how many lines are the same from the first on."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


@cache
def _operators() -> dict[str, object]:
    known = OperatorProvider()
    return {name: known[name]() for name in OPERATORS}


def _replace(node, new) -> None:
    if new is node:
        return
    place = [child is node for child in node.parent.children].index(True)
    node.parent.children[place : place + 1] = [] if new is None else [new]


def mutants_of(path: str, *, without: tuple[str, ...] = ()) -> Iterator[Mutant]:
    """Yield the mutants of a module in the order of its source.

    Args:
        path: of the module in the repository.
        without: operators to leave out.
    """
    seen = dict.fromkeys(OPERATORS, -1)
    for node in ast_nodes(get_ast((ROOT / path).read_text())):
        for name, operator in _operators().items():
            for _ in operator.mutation_positions(node):
                seen[name] += 1
                if name not in without and not _is_no_code(node):
                    yield Mutant(path, name, seen[name], node.start_pos[0])


def _is_no_code(node) -> bool:
    """Say whether a node is in an annotation or a protocol, which no program reads, or the star of named parameters."""
    if node.parent is not None and node.parent.type == "parameters":
        return True
    while node.parent is not None:
        above = node.parent
        named = above.type in {"param", "funcdef"} and above.annotation is node
        if named or above.type == "tfpdef" or (above.type == "annassign" and above.children[1] is node):
            return True
        bases = above.get_super_arglist() if above.type == "classdef" else None
        if bases is not None and bases.get_code().strip() == "Protocol":
            return True
        node = above
    return False


def sample(mutants: list[Mutant], count: int | None, seed: int) -> list[Mutant]:
    """Return ``count`` of the mutants by chance, all for None, in their order."""
    if count is None or count >= len(mutants):
        return mutants
    chosen = sorted(random.Random(seed).sample(range(len(mutants)), count))  # noqa: S311 - a sample
    return [mutants[place] for place in chosen]
