"""The settings of re-ranking: its three parameters and their text form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError, unknown_name

UNDEFINED = "re-ranking is not defined for draws or for the mean feature of a track"
FIELDS = {"k1": "k1", "k2": "k2", "lambda": "share"}
"""Attribute of each parameter by name; ``lambda`` is a keyword of Python."""

LARGEST = 2**31 - 1
"""Limit of k1 and k2, above the size of any gallery; larger numbers cannot be halved exactly as a float."""


@dataclass(frozen=True)
class Reranking:
    """Parameters of k-reciprocal re-ranking (Zhong et al., CVPR 2017); the defaults are the paper's.

    Attributes:
        k1: size of the neighbourhoods for the reciprocal sets, at least 1.
        k2: number of neighbours whose encodings are averaged, at least 1.
        share: weight of the original distance, the paper's lambda, from 0 to 1.

    Raises:
        UsageError: a parameter is out of range, or k1 or k2 is not a whole number.

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
        # 0, 0.0 and -0.0 get one form, so that their records belong to the same run.
        object.__setattr__(self, "share", float(self.share) + 0.0)

    @classmethod
    def parse(cls, text: str) -> Reranking:
        """Parse ``k1=20,k2=6,lambda=0.3``, in any order; missing parameters keep their defaults.

        Raises:
            UsageError: a parameter is unknown, repeated or invalid.
        """
        found: dict[str, Any] = {}
        for part in text.split(","):
            name, equals, value = (word.strip() for word in part.partition("="))
            if not equals:
                raise UsageError(
                    "the parameters of re-ranking cannot be read",
                    found=f"--rerank {text}",
                    expected="--rerank alone, or --rerank k1=20,k2=6,lambda=0.3",
                    next_step="name a file before --rerank, not after it",
                )
            if name not in FIELDS:
                raise unknown_name("parameter of re-ranking", name, FIELDS)
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
        """The parameters by name, for JSON."""
        return {name: getattr(self, field) for name, field in FIELDS.items()}

    @property
    def slug(self) -> str:
        """The parameters as part of a file name: ``rerank-20-6-0.3``."""
        return "-".join(["rerank", *map(str, self.values.values())])

    @property
    def remark(self) -> str:
        """One sentence for readers of a result."""
        return f"By {self}: k-reciprocal, with k1 {self.k1}, k2 {self.k2} and lambda {self.share}."

    def __str__(self) -> str:
        """Return the mark shown with every re-ranked result."""
        return f"re-ranking ({self.k1}, {self.k2}, {self.share})"
