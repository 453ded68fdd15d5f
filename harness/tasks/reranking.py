"""Re-ranking as it is asked for: its three numbers, how they are written, and the tasks that have no such ranking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from harness.tasks.task import Task

UNDEFINED = "re-ranking is not defined for draws or for the mean feature of a track"
FIELDS = {"k1": "k1", "k2": "k2", "lambda": "share"}
"""For the word of each number its attribute; the word of the third is Python's own."""

LARGEST = 2**31 - 1
"""More neighbours than any gallery has; what is larger cannot be halved as a float."""


@dataclass(frozen=True)
class Reranking:
    """The numbers of k-reciprocal re-ranking (Zhong et al., CVPR 2017), by default those that the paper uses.

    Attributes:
        k1: neighbours of the reciprocal sets, from 1.
        k2: neighbours whose encodings are averaged, from 1.
        share: of the original distance, the paper's lambda, 0 to 1.

    Raises:
        UsageError: a number is out of its range, or k1 or k2 is no whole number.

    Example:
        >>> print(Reranking(k1=30))
        re-ranking (30, 6, 0.3)
    """

    k1: int = 20
    k2: int = 6
    share: float = 0.3

    def __post_init__(self) -> None:
        whole = all(isinstance(number, int) and 1 <= number <= LARGEST for number in (self.k1, self.k2))
        if not whole or not isinstance(self.share, (int, float)) or not 0 <= self.share <= 1:
            raise UsageError(
                "re-ranking cannot work with these numbers",
                found=f"k1 {self.k1}, k2 {self.k2}, lambda {self.share}",
                expected=f"k1 and k2 whole numbers from 1 to {LARGEST}, lambda from 0 to 1",
            )
        # One value has one form, so that the records of 0, 0.0 and -0.0 are of one run.
        object.__setattr__(self, "share", float(self.share) + 0.0)

    @classmethod
    def parse(cls, text: str) -> Reranking:
        """Return the numbers of ``k1=20,k2=6,lambda=0.3``, in any order; one that is not named keeps its default.

        Raises:
            UsageError: a word that is no number's name, a number twice, or what ``Reranking`` refuses.
        """
        found: dict[str, Any] = {}
        for part in text.split(","):
            name, equals, value = (word.strip() for word in part.partition("="))
            if not equals:
                raise UsageError(
                    "the numbers of re-ranking cannot be read",
                    found=f"--rerank {text}",
                    expected="--rerank alone, or --rerank k1=20,k2=6,lambda=0.3",
                    next_step="name a file before --rerank, not after it",
                )
            if name not in FIELDS:
                raise unknown_name("number of re-ranking", name, FIELDS)
            if FIELDS[name] in found:
                raise UsageError(f"'{name}' of re-ranking is set twice", found=f"--rerank {text}")
            try:
                found[FIELDS[name]] = float(value) if name == "lambda" else int(value)
            except ValueError:
                kind = "a number from 0 to 1" if name == "lambda" else "a whole number from 1"
                raise UsageError(f"'{name}' of re-ranking cannot be read", found=value, expected=kind) from None
        return cls(**found)

    @property
    def values(self) -> dict[str, int | float]:
        """The numbers by their words, as JSON has them."""
        return {name: getattr(self, field) for name, field in FIELDS.items()}

    @property
    def slug(self) -> str:
        """The numbers as part of a file's name: ``rerank-20-6-0.3``."""
        return "-".join(["rerank", *map(str, self.values.values())])

    @property
    def remark(self) -> str:
        """One sentence for the reader of a number."""
        return f"By {self}: k-reciprocal, with k1 {self.k1}, k2 {self.k2} and lambda {self.share}."

    def __str__(self) -> str:
        """Return the mark that every such number carries."""
        return f"re-ranking ({self.k1}, {self.k2}, {self.share})"


def undefined(task: Task) -> UsageError | None:
    """Return why a task has no re-ranking, or None where it has."""
    if task.rule.draws is None and task.rule.reduce != "mean feature":
        return None
    return UsageError(
        UNDEFINED,
        where=f"task '{task.name}'",
        expected="a task with fixed lists, whose tracks answer by their nearest image",
        next_step="name such a task with --protocol NAME/TASK, or leave --rerank out",
    )


def refuse_undefined(tasks: Iterable[Task]) -> None:
    """Refuse tasks none of which has a re-ranking, before anything is done for them.

    Raises:
        UsageError: with the first task's reason.
    """
    problems = [undefined(task) for task in tasks]
    known = [problem for problem in problems if problem is not None]
    if known and len(known) == len(problems):
        raise known[0]
