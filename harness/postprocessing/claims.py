"""What a record says of its chain, compared with the steps that are installed."""

from __future__ import annotations

from functools import cache

from harness.errors import BenchError, RecordError
from harness.registry.kinds import STEP
from harness.registry.registry import Registry, load
from harness.steps.chain import Chain
from harness.steps.stated import StatedChain


def check_chosen(stated: StatedChain, *, where: object = None) -> None:
    """Refuse a chain whose parameters are said to be those of the sources and are not.

    Steps that are not installed here cannot be compared.

    Raises:
        RecordError: they are others, or the steps cannot have them.
    """
    if stated.chosen != "paper" or not stated:
        return
    registry = _installed()
    known = [use for use in stated.uses if use.step in registry.names(STEP)]
    for use in known:
        try:
            chain = Chain.of([(use.step, dict(use.options))], registry.step)
            source = Chain.of([(use.step, {})], registry.step)
        except BenchError as problem:
            raise RecordError(
                f"the record has parameters that step '{use.step}' cannot have", where=where, found=problem.what
            ) from None
        if chain.stated.chosen != "paper":
            raise RecordError(
                "the record says that its parameters are those of the sources, and they are not",
                where=where,
                found=str(use),
                expected=str(source.stated),
                next_step="repeat the evaluation: the record then says how they were chosen",
            )


@cache
def _installed() -> Registry:
    return load()
