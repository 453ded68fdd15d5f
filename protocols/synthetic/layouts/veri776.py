"""VeRi-776's layout, which is also that of the synthetic data set."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Unpack

from harness.basics.progress import Advance
from harness.data.layout import Choices, Layout
from protocols.synthetic.making import make


class Veri776Layout(Layout):
    """Folders, lists, tracks, ground truth and labels as VeRi-776 was released, and boxes of parts."""

    name: ClassVar[str] = "veri776"

    def make(self, out: Path, *, progress: Advance | None = None, **choices: Unpack[Choices]) -> str:
        """Draw a data set into the folder ``out`` and return one line about it."""
        return str(make(out, progress=progress, **choices))


class SyntheticLayout(Veri776Layout):
    """The same layout under the name of the synthetic data set."""

    name: ClassVar[str] = "synthetic"
