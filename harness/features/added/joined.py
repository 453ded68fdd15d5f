"""Several tables of features as one, read when sliced, in any order of their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.features.layout import Array
from harness.features.reader import FeatureRows


class JoinedRows:
    """Rows of feature files as one table that is never in memory as a whole.

    Args:
        tables: of one width, at least one.
        order: (n,) int64, the rows to give, numbered through all tables; None for all in their order.
    """

    def __init__(self, tables: Sequence[FeatureRows], order: npt.NDArray[np.int64] | None = None) -> None:
        self.tables = tuple(tables)
        self.edges = np.cumsum([0, *(len(table) for table in self.tables)])
        self.order = order
        self.shape = (int(self.edges[-1]) if order is None else len(order), self.tables[0].shape[1])
        self.dtype: np.dtype[Any] = np.result_type(*(table.dtype for table in self.tables))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def digest(self) -> str:
        """The SHA-256 of what the tables are and of the order, as 64 hexadecimal digits."""
        hasher = hashlib.sha256("\n".join(table.digest for table in self.tables).encode())
        order = np.arange(len(self)) if self.order is None else self.order
        hasher.update(order.astype("<i8").tobytes())
        return hasher.hexdigest()

    def take(self, numbers: npt.NDArray[np.int64]) -> JoinedRows:
        """Return some of these rows, in the order of their numbers."""
        return JoinedRows(self.tables, numbers if self.order is None else self.order[numbers])

    def __getitem__(self, rows: slice) -> Array:
        """Read the (m, d) features of a slice, checked."""
        if self.order is None:
            return self._between(*rows.indices(len(self))[:2])
        wanted = self.order[rows]
        found = np.empty((len(wanted), self.shape[1]), self.dtype)
        table_of = np.searchsorted(self.edges, wanted, side="right") - 1
        for number in np.unique(table_of).tolist():
            own = table_of == number
            found[own] = self.tables[number].take(wanted[own] - self.edges[number])[:]
        return found

    def _between(self, start: int, stop: int) -> Array:
        """Read rows ``start`` to ``stop - 1`` of the tables behind each other; those of one table are not copied."""
        parts = [
            table[max(start - first, 0) : stop - first]
            for table, first, last in zip(self.tables, self.edges[:-1].tolist(), self.edges[1:].tolist(), strict=True)
            if start < last and stop > first
        ]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, self.shape[1]), self.dtype), *parts])
