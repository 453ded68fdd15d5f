"""Pictures of a board as SVG: the first measure with its intervals and ranks, CMC curves, and accuracy against cost.

They are drawn here, as text with coordinates, and not by a library: the same board gives the same bytes everywhere, the
colours follow the reader's light or dark theme, and a page of many tasks takes no seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from harness.measures import heading
from harness.scoring.tables import plain
from leaderboard.boards import Board, BoardRow
from leaderboard.costs import CostSession
from leaderboard.filing import slug
from leaderboard.pages.rendering import render

COLOURS = 8
"""The number of colours; further families of methods share them in turn."""
LONGEST = 44
"""The longest name, in characters."""
BEST = 5
"""The number of methods with a CMC curve, besides the controls."""

ROW, PLOT, MARGIN, LEFT = 20, 420, 12, 56
"""The height of a row, the width of the plot, the margin, and the room beside a vertical axis, in pixels."""
LABEL_GAP = 15
"""The least distance between the lines of two labels, in pixels."""


@dataclass(frozen=True)
class Dot:
    """One row of the picture of intervals; all places are in pixels."""

    name: str
    colour: str
    y: float
    x: float
    outside: Literal["", "left", "right"]
    low: float | None
    high: float | None
    value: str
    ranks: str


@dataclass(frozen=True)
class Line:
    """One CMC curve, or one dot: x in pixels, y in percent."""

    name: str
    colour: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curve:
    """The same with all places in pixels, and the height of its label."""

    name: str
    colour: str
    points: tuple[tuple[float, float], ...]
    label: float


@dataclass(frozen=True)
class Tick:
    """A place on an axis, in pixels, and its text."""

    at: float
    text: str


def drawable(board: Board, costs: CostSession | None = None) -> tuple[str, ...]:
    """Return the names of the pictures that can be drawn of a board.

    Accuracy against cost is drawn of rows whose costs were measured in one session on an idle machine.
    """
    known = {"intervals": True, "cmc": len(_ks(board)) > 1, "cost": len(_timed(board, costs)) > 1}
    return tuple(name for name, possible in known.items() if possible)


def picture_path(board: Board, name: str) -> PurePosixPath:
    """Return the path of a picture, relative to the leaderboard's folder."""
    return PurePosixPath("tasks", "pictures", f"{slug(board.task)}-{board.fingerprint[:8]}-{name}.svg")


def draw_picture(board: Board, name: str, costs: CostSession | None = None) -> bytes:
    """Return one of the drawable pictures as SVG; CMC is drawn at every k that the task measures."""
    if name == "cost":
        return _cost(board, costs).encode()
    return {"intervals": _intervals, "cmc": _cmc}[name](board).encode()


def _intervals(board: Board) -> str:
    measure = board.measures[0]
    left = MARGIN + max(text_width(_name(row)) for row in board.rows) + MARGIN
    values = [row.values[measure] for row in board.rows]
    methods = [row.values[measure] for row in board.rows if not row.record.control] or values
    ends = [end for value in methods for end in value.extent]
    low, high = _scale(100 * min(ends), 100 * max(ends))  # a control may lie outside, where its arrow points
    colours = _colours(board)

    def x(share: float) -> float:
        return round(left + PLOT * min(1.0, max(0.0, (100 * share - low) / (high - low))), 2)

    dots = []
    for number, (row, value) in enumerate(zip(board.rows, values, strict=True)):
        interval = value.interval
        dots.append(
            Dot(
                name=_name(row),
                colour=colours[_family(row)],
                y=40 + ROW * number,
                x=x(value.mean),
                outside="" if low <= 100 * value.mean <= high else "right" if 100 * value.mean > high else "left",
                low=None if interval is None else x(interval.low),
                high=None if interval is None else x(interval.high),
                value=f"{100 * value.mean:.2f}",
                ranks="" if row.ranks is None else str(row.ranks),
            )
        )
    return render(
        "intervals.svg",
        title=f"{_shown(board.task)}: {heading(measure)}, % with 95 % intervals",
        dots=dots,
        ticks=[Tick(x(tick / 100), f"{tick:g}") for tick in _ticks(low, high)],
        left=left,
        right=left + PLOT,
        width=left + PLOT + 150,
        height=40 + ROW * len(dots) + 30,
    )


def _cmc(board: Board) -> str:
    ranks = _ks(board)
    methods = [row for row in board.rows if not row.record.control][:BEST]
    rows = [*methods, *(row for row in board.rows if row.record.control)]
    widest = math.log(ranks[-1][0] / ranks[0][0])

    def x(k: int) -> float:
        return round(LEFT + PLOT * math.log(k / ranks[0][0]) / widest, 2)

    lines = [
        Line(
            name=_name(row),
            colour="grey" if row.record.control else f"c{number % COLOURS}",
            points=tuple((x(k), 100 * row.values[measure].mean) for k, measure in ranks),
        )
        for number, row in enumerate(rows)
    ]
    family = ranks[0][1].partition("@")[0].upper()
    title = f"{_shown(board.task)}: {family}@k, % of the best {len(methods)} and the controls"
    return labelled("cmc.svg", title, lines, [Tick(x(k), str(k)) for k, _ in ranks])


def _cost(board: Board, costs: CostSession | None) -> str:
    measure, timed, colours = board.measures[0], _timed(board, costs), _colours(board)
    slowest, fastest = min(speed for _, speed in timed) / 1.1, max(speed for _, speed in timed) * 1.1

    def x(speed: float) -> float:
        return round(LEFT + PLOT * math.log(speed / slowest) / math.log(fastest / slowest), 2)

    lines = [
        Line(_name(row), colours[_family(row)], ((x(speed), 100 * row.values[measure].mean),)) for row, speed in timed
    ]
    on = "" if costs is None else f", {_shown(costs.device)}"
    title = f"{_shown(board.task)}: {heading(measure)}, % by images a second{on}"
    return labelled("cost.svg", title, lines, [Tick(x(speed), f"{speed:g}") for speed in _speeds(slowest, fastest)])


def labelled(template: str, title: str, lines: Sequence[Line], across: Sequence[Tick]) -> str:
    """Return a picture of lines or dots over a vertical axis in percent, each labelled at the right.

    Args:
        template: the picture's template.
        title: its title.
        lines: the lines, with x in pixels and y in percent.
        across: the ticks of the horizontal axis.
    """
    low, high = _scale(*(end(y for line in lines for _, y in line.points) for end in (min, max)))
    top, tall = 40, max(300, LABEL_GAP * (len(lines) - 1))

    def y(percent: float) -> float:
        return round(top + tall * (high - percent) / (high - low), 2)

    labels = spread_out([y(line.points[-1][1]) for line in lines], LABEL_GAP, top + tall)
    return render(
        template,
        title=title,
        curves=[
            Curve(line.name, line.colour, tuple((x, y(percent)) for x, percent in line.points), label)
            for line, label in zip(lines, labels, strict=True)
        ],
        across=across,
        ticks=[Tick(y(tick), f"{tick:g}") for tick in _ticks(low, high)],
        left=LEFT,
        right=LEFT + PLOT,
        bottom=top + tall,
        width=LEFT + PLOT + 20 + max(text_width(line.name) for line in lines) + MARGIN,
        height=top + tall + 40,
    )


def _timed(board: Board, costs: CostSession | None) -> list[tuple[BoardRow, float]]:
    """Return the rows with their images per second, if they were measured on an idle machine."""
    if costs is None or not costs.quiet:
        return []
    found = [(row, costs.speed_of(row.records)) for row in board.rows if not row.record.control]
    return [(row, speed) for row, speed in found if speed is not None]


def _speeds(low: float, high: float) -> list[float]:
    """Return the round numbers between two speeds: 1, 2 and 5 times a power of ten, or whole steps within a decade."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    rounds = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    if high >= 10 * low:
        return [number for number in rounds if low <= number <= high]
    step = next(step for step in rounds if (high - low) / step <= 6)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _ks(board: Board) -> list[tuple[int, str]]:
    """Return each k of CMC or HIT, ascending, with the measure's word."""
    found = [measure.partition("@") for measure in board.measures]
    return sorted((int(k), f"{family}@{k}") for family, _, k in found if family in {"cmc", "hit"} and k.isdecimal())


def _scale(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis in percent: the values with a little room, on whole steps."""
    step = _step(low, high)
    bottom, top = step * math.floor(low / step), step * math.ceil(high / step)
    return max(0.0, bottom), min(100.0, top) if top > bottom else bottom + step


def _ticks(low: float, high: float) -> list[float]:
    step = _step(low, high)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _step(low: float, high: float) -> float:
    """Return the distance of ticks in percent that gives four to ten of them."""
    return next((step for step in (0.5, 1.0, 2.0, 5.0, 10.0) if (high - low) / step <= 10), 20.0)


def _colours(board: Board) -> Mapping[str, str]:
    """Return the class of a colour for each family: a method with its variants; controls are grey."""
    families = dict.fromkeys(sorted(_family(row) for row in board.rows if not row.record.control))
    colours = {family: f"c{number % COLOURS}" for number, family in enumerate(families)}
    return {**colours, "": "grey"}


def _family(row: BoardRow) -> str:
    return "" if row.record.control else row.record.method


def _name(row: BoardRow) -> str:
    """Return the method's name without characters that SVG cannot hold, in parentheses for a control, not too long."""
    name = _shown(row.record.method_name)
    return f"({name})" if row.record.control else name


def _shown(text: str) -> str:
    """Return a text without characters that SVG cannot hold, not too long."""
    text = plain(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def text_width(text: str) -> float:
    """Return a width in pixels that a text of 12 pixels does not exceed in the usual fonts."""
    return float(sum(_character_width(character) for character in text))


def _character_width(character: str) -> float:
    if ord(character) > 0x2FF:
        return 13.0
    if character in "mwMW@%":
        return 11.5
    return 8.8 if character.isupper() or not character.isascii() else 4.5 if character in "ijl.,'|:;! " else 7.2


def spread_out(places: Sequence[float], gap: float, bottom: float) -> list[float]:
    """Return the places moved apart, in the given order, so that no two are closer than the gap.

    They move down, and up again where the last would be below the bottom.

    Example:
        >>> spread_out([10.0, 12.0, 40.0], 15.0, 50.0)
        [10.0, 25.0, 40.0]
        >>> spread_out([10.0, 12.0, 40.0], 15.0, 35.0)
        [5.0, 20.0, 35.0]
    """
    order = sorted(range(len(places)), key=lambda index: (places[index], index))
    found = list(places)
    last = -math.inf
    for index in order:
        last = found[index] = max(found[index], last + gap)
    last = bottom + gap
    for index in reversed(order):
        last = found[index] = min(found[index], last - gap)
    return found
