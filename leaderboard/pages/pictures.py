"""Pictures of a board as SVG: CMC curves, the first measure with its intervals, accuracy against speed."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from harness.measures import heading
from leaderboard.boards import Board, BoardRow
from leaderboard.filing import slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "bench",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
}
"""Settings that keep text as text, never parse a name as a formula, and give the same bytes for the same board.

The bytes depend on matplotlib: 3.9 and 3.11 name groups differently and leave different margins. Each picture therefore
names the version that drew it, which ``bench leaderboard --check`` requires.
"""

DRAWN_BY = re.compile(rb"bench leaderboard, matplotlib ([0-9][0-9A-Za-z.+]*)")


def drawable(board: Board) -> tuple[str, ...]:
    """Return the names of the pictures that can be drawn of a board."""
    timed = any(row.record.cost for row in board.rows)
    known = {"cmc": len(_ks(board)) > 1, "intervals": True, "speed": timed}
    return tuple(name for name, possible in known.items() if possible)


def picture_path(board: Board, name: str) -> PurePosixPath:
    """Return the path of a picture, relative to the leaderboard's folder."""
    return PurePosixPath("tasks", "pictures", f"{slug(board.task)}-{board.fingerprint[:8]}-{name}.svg")


def draw_picture(board: Board, name: str) -> bytes:
    """Return one of the drawable pictures as SVG; CMC is drawn at every k that the task measures."""
    draw = {"cmc": _cmc, "intervals": _intervals, "speed": _speed}[name]
    return _drawn(lambda axes: draw(axes, board), len(board.rows))


def drawn_by(content: bytes) -> str | None:
    """Return the version of matplotlib that a picture names; None if it names none."""
    found = DRAWN_BY.search(content)
    return found[1].decode("ascii") if found else None


def _ks(board: Board) -> list[tuple[int, str]]:
    """Return each k of CMC or HIT, ascending, with the measure's word."""
    found = [measure.partition("@") for measure in board.measures]
    return sorted((int(k), f"{family}@{k}") for family, _, k in found if family in {"cmc", "hit"} and k.isdecimal())


def _drawn(draw: Callable[[Axes], None], rows: int) -> bytes:
    import matplotlib as mpl
    from matplotlib import style
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):  # the user's matplotlibrc would give other bytes
        figure = Figure(figsize=(7, max(4.2, 1.2 + rows / 4)), layout="constrained")  # a quarter of an inch per name
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        out = io.BytesIO()
        creator = f"bench leaderboard, matplotlib {mpl.__version__}"
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": creator})
    return out.getvalue()


def _cmc(axes: Axes, board: Board) -> None:
    ranks = _ks(board)
    ks = [k for k, _ in ranks]
    for row in board.rows:
        values = [row.values[measure] for _, measure in ranks]
        [line] = axes.plot(ks, [100 * value.mean for value in values], marker="o", label=_label(row))
        ends = [value.interval for value in values if value.interval]
        if len(ends) == len(values):
            low, high = [100 * end.low for end in ends], [100 * end.high for end in ends]
            axes.fill_between(ks, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    family = ranks[0][1].partition("@")[0].upper()
    axes.set(xlabel="k", ylabel=f"{family}@k, % and 95 % interval", title=board.task)
    axes.set_xticks(ks)
    axes.legend(fontsize="small")


def _intervals(axes: Axes, board: Board) -> None:
    measure = board.measures[0]
    for place, row in enumerate(reversed(board.rows)):
        value = row.values[measure]
        axes.plot(100 * value.mean, place, "o", color="black")
        if value.interval:
            axes.hlines(place, 100 * value.interval.low, 100 * value.interval.high, color="black")
    axes.set_yticks(range(len(board.rows)), [_label(row) for row in reversed(board.rows)])
    axes.set(xlabel=f"{heading(measure)}, % and 95 % interval", title=board.task)


def _speed(axes: Axes, board: Board) -> None:
    measure = board.measures[0]
    for row in board.rows:
        if row.record.cost:
            speed, value = row.record.cost.images / row.record.cost.seconds, 100 * row.values[measure].mean
            axes.plot(speed, value, "o", color="black")
            text = f"{_label(row)} ({row.record.cost.device})"
            axes.annotate(text, (speed, value), xytext=(6, 4), textcoords="offset points", fontsize="small")
    axes.set(xlabel="images a second, extraction", ylabel=f"{heading(measure)}, %", title=board.task, xscale="log")
    axes.xaxis.set_major_formatter("{x:g}")  # the default writes powers as a formula
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.margins(x=0.2)


def _label(row: BoardRow) -> str:
    """Return the method's name without characters that SVG cannot hold, and visible in a legend."""
    name = "".join(character if character.isprintable() else "?" for character in row.record.method_name)
    return f"({name})" if row.record.control else f" {name}" if name.startswith("_") else name
