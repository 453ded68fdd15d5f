"""The table and the curves of losses and validation scores: ``validation.csv`` and ``validation.png``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.basics.files import replace_file
from harness.measures import heading

FIRST = ("stage", "epoch", "learning_rate", "loss")
LAST = ("ap", "cmc@1")


def write_table(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``validation.csv``: one row per epoch, with a column for each loss and the measures last, without times.

    Raises:
        RunError: the file cannot be written.
    """
    losses = sorted({name for row in rows for name in row} - {*FIRST, *LAST})
    measures = [name for name in LAST if any(name in row for row in rows)]
    text = io.StringIO()
    table = csv.DictWriter(text, [*FIRST, *losses, *measures], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows({name: _shown(value) for name, value in row.items()} for row in rows)
    with replace_file(folder / "validation.csv") as file:
        file.write(text.getvalue())


def _shown(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def draw_curve(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw ``validation.png``: the loss, and below it mAP and CMC@1, over the epochs of all stages.

    Raises:
        RunError: the file cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 6), layout="constrained")
    loss, score = figure.subplots(2, 1, sharex=True)
    epochs = range(1, len(rows) + 1)
    loss.plot(epochs, [row["loss"] for row in rows], color="tab:gray", marker=".")
    loss.set_ylabel("training loss")
    for name in LAST:
        measured = [(epoch, 100 * row[name]) for epoch, row in zip(epochs, rows, strict=True) if name in row]
        if measured:
            score.plot(*zip(*measured, strict=True), marker=".", label=f"{heading(name)} ({measured[-1][1]:.1f} %)")
    if score.lines:
        score.legend(loc="lower right")
    score.set_ylabel("validation, %")
    score.set_ylim(0, 100)
    score.set_xlabel("epoch")
    score.xaxis.set_major_locator(MaxNLocator(integer=True))
    for number in range(1, len(rows)):
        if rows[number]["stage"] != rows[number - 1]["stage"]:
            loss.axvline(number + 0.5, color="lightgray", zorder=0)
            score.axvline(number + 0.5, color="lightgray", zorder=0)
    with replace_file(folder / "validation.png", "wb") as file:
        figure.savefig(file, format="png")
