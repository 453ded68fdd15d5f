"""A result of ``bench corrupt`` as tables, for a terminal and as a page in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.corruptions.corruption import SEVERITIES
from harness.measures import heading
from harness.scoring.tables import escape, percent, plain, table
from leaderboard.robustness.result import Drop, Outcome, Result, TaskResult, Value

SIDES = {"query": "the queries", "gallery": "the gallery", "both": "queries and gallery"}
EVERYTHING = "all"


def text_of(result: Result) -> str:
    """Return the tables for a terminal, one for each task."""
    return "\n\n".join(
        f"{result.protocol}/{task.task}, {result.method}: {heading(task.ranked_by)} in %, {SIDES[result.on]} spoilt\n"
        f"{task_table(task, task.ranked_by, plain)}"
        for task in result.tasks
    )


def page_of(result: Result, title: str = "") -> str:
    """Return the page in Markdown: the same result gives the same bytes."""
    parts = [
        f"# {escape(title or f'{result.method} on spoilt pictures of {result.protocol}')}",
        _introduction(result),
    ]
    for task in result.tasks:
        parts.append(f"## {escape(f'{result.protocol}/{task.task}')}")
        parts += [f"{escape(heading(word))} in percent:\n\n{task_table(task, word)}" for word in _main_measures(task)]
    parts.append("## The corruptions\n\n" + _corruptions(result))
    return "\n\n".join(parts) + "\n"


def _introduction(result: Result) -> str:
    boxes = " The method receives the boxes of the clean pictures: only pixels are spoilt." if result.boxes else ""
    plates = f" Plates are looked for in {escape(result.plates)}." if result.plates else ""
    seen = f" Its weights have seen {escape(', '.join(result.trained_on))}." if result.trained_on else ""
    return (
        f"{escape(result.method)}, with {SIDES[result.on]} spoilt and everything else as in the task.{seen}{boxes}"
        f"{plates} Seed of the corruptions: {result.corruption_seed}. These numbers enter no leaderboard.\n\n"
        "`mean` is the mean over the severities, `drop` what is lost of the clean value, in percent of it. Intervals "
        "hold 95 % for other vehicles of the same kind; the corruptions are fixed."
    )


def _main_measures(task: TaskResult) -> list[str]:
    """Return the measure that tables are sorted by, and the first of those that look at the nearest image only."""
    others = [word for word in task.clean if word in ("cmc@1", "hit@1") and word != task.ranked_by]
    return [task.ranked_by, *others[:1]]


def task_table(task: TaskResult, measure: str, shown: Callable[[object], str] = escape) -> str:
    """Return the table of a task in one measure: a row for each corruption, the clean pictures first, all last."""
    severities = [level.severity for level in task.corruptions[0].levels]
    clean = task.clean[measure]
    rows = [_row("clean", [""] * len(severities), severities, _interval(clean), "")]
    for one in task.corruptions:
        cells = [percent(level.measures[measure].mean.value) for level in one.levels]
        rows.append(_row(shown(one.name), cells, severities, *_both(one.measures[measure])))
    over = task.measures[measure]
    means = [_mean(task, measure, place) for place in range(len(severities))]
    rows.append(_row(EVERYTHING, means, severities, *_both(over)))
    return table(rows, right=[str(severity) for severity in SEVERITIES], shown=shown)


def _mean(task: TaskResult, measure: str, place: int) -> str:
    values = [one.levels[place].measures[measure].mean.value for one in task.corruptions]
    return percent(sum(values) / len(values))


def _row(name: str, cells: Sequence[str], severities: Sequence[int], mean: str, drop: str) -> dict[str, str]:
    return {
        "corruption": name,
        **dict(zip(map(str, severities), cells, strict=True)),
        "mean": mean,
        "drop": drop,
    }


def _both(outcome: Outcome) -> tuple[str, str]:
    return _interval(outcome.mean), "" if outcome.drop is None else _interval(outcome.drop)


def _interval(value: Value | Drop) -> str:
    return f"{percent(value.value)} ({percent(value.low)} to {percent(value.high)})"


def _corruptions(result: Result) -> str:
    rows = [
        {
            "corruption": escape(one.name),
            "severity": str(level.severity),
            "parameters": escape(level.parameters),
            "digest": f"`{level.probe[:16]}`",
        }
        for one in result.tasks[0].corruptions
        for level in one.levels
    ]
    sources = "\n".join(f"- {escape(one.name)}: {escape(one.source)}." for one in result.tasks[0].corruptions)
    return (
        f"{sources}\n\nThe digest is of a fixed picture, spoilt: where it is the same, all pictures that are decoded "
        f"alike are spoilt alike. ‰ are of the shorter side for lengths, of the whole for shares.\n\n{table(rows)}"
    )
