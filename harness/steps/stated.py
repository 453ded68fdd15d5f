"""A chain of steps as it is stated: names, parameters and how these were chosen, without any code of a step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.basics.digests import digest
from harness.errors import UsageError
from harness.methods.method import Options
from harness.tasks.reranking import FIELDS, Reranking

Value = bool | int | float | str
Chosen = Literal["paper", "held-out", "test"]

RERANK = "rerank"
"""The name of the step that re-ranks, which records and options have had from the beginning."""

CHOSEN = {
    "paper": "with the parameters of their sources",
    "held-out": "with parameters chosen on held-out training vehicles",
    "test": "with parameters chosen on the test",
}
"""What readers are told about the choice of the parameters."""

MOST = 16
"""Steps in a chain; it keeps names, records and pages readable."""

LONGEST_SLUG = 60
"""Characters of the names in a file's name."""


@dataclass(frozen=True)
class StepUse:
    """One step of a chain: its name and all of its parameters."""

    step: str
    options: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, step: str, options: Mapping[str, Value]) -> StepUse:
        """Return the use of a step; -0.0 becomes 0.0, so that equal parameters have one form."""
        values = {name: value + 0.0 if type(value) is float else value for name, value in options.items()}
        return cls(step, tuple(sorted(values.items())))

    @property
    def values(self) -> dict[str, object]:
        """The step and its parameters, for JSON."""
        return {"step": self.step, "options": dict(self.options)}

    @property
    def reranking(self) -> Reranking | None:
        """The parameters of re-ranking, or None for any other step, and for parameters that re-ranking cannot have."""
        values = dict(self.options)
        if self.step != RERANK or values.keys() != FIELDS.keys():
            return None
        try:
            return Reranking(**{FIELDS[name]: value for name, value in values.items()})  # type: ignore[arg-type]  # it checks its numbers
        except UsageError:
            return None

    def __str__(self) -> str:
        """Return the step as tables name it: ``alpha-qe (alpha=3, k=50)``."""
        if self.reranking is not None:
            return str(self.reranking)
        options = ", ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.step} ({options})" if options else self.step


@dataclass(frozen=True)
class StatedChain:
    """What was done to the features before they were ranked, in order; empty if nothing was.

    Attributes:
        uses: the steps.
        chosen: how the parameters were chosen. ``paper``: all are those of the steps' sources. ``held-out``: by ``bench
            tune``, on held-out training vehicles. ``test``: any others, since whoever gives them has seen the test.
        tuned: for ``held-out``, the SHA-256 of the file that ``bench tune`` wrote; else empty.
    """

    uses: tuple[StepUse, ...] = ()
    chosen: Chosen = "paper"
    tuned: str = ""

    def __bool__(self) -> bool:
        return bool(self.uses)

    @property
    def rerank(self) -> Reranking | None:
        """The parameters of re-ranking if it is the only step; else None."""
        return self.uses[0].reranking if len(self.uses) == 1 else None

    @property
    def values(self) -> list[dict[str, object]]:
        """The steps, for JSON."""
        return [use.values for use in self.uses]

    @property
    def slug(self) -> str:
        """The chain as part of a file's name, which no other chain and no other choice of parameters has; or empty."""
        if not self.uses:
            return ""
        if self.rerank is not None and self.chosen != "held-out":
            return self.rerank.slug
        names = "+".join(use.step for use in self.uses)[:LONGEST_SLUG].rstrip("+-_")
        return f"post-{names}-{digest([self.values, self.chosen, self.tuned])[:8]}"

    @property
    def remark(self) -> str:
        """One sentence for readers of a result; empty without steps."""
        if not self.uses:
            return ""
        how = CHOSEN[self.chosen]
        if self.rerank is None:
            return f"After {self}, {how}."
        return self.rerank.remark if self.chosen == "paper" else f"{self.rerank.remark[:-1]}, {how}."

    def __str__(self) -> str:
        """Return the mark shown with every such result: ``camera-mean + re-ranking (20, 6, 0.3)``."""
        mark = " + ".join(map(str, self.uses))
        return f"{mark} (tuned)" if self.chosen == "held-out" else mark


def values_of(options: Options) -> dict[str, Value]:
    """Return the parameters of a step by the names that a user gives them.

    Raises:
        TypeError: one is no number, word or truth value, or is not finite.
    """
    values: dict[str, Value] = {}
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
            raise TypeError(f"{field.alias or name} is {value!r}")
        values[field.alias or name] = value
    return values
