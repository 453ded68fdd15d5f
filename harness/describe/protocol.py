"""Protocols in plain words: the rule, measures, draws and counts of each task, with the source of every statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.data.dataset import Dataset
from harness.errors import DataError
from harness.measures import parse
from harness.tasks.conventions import unavailable
from harness.tasks.counts import counts, differences
from harness.tasks.draws import DEFINITION
from harness.tasks.fingerprint import fingerprint
from harness.tasks.protocol import Protocol
from harness.tasks.task import Draws, Task

HARNESS = "this harness, docs/architecture.md"
IGNORED = {
    "same image": "the query's own image",
    "same vehicle and camera": "the query's vehicle under the query's camera",
    "same camera": "everything under the query's camera",
}
REDUCED = {"maximum": "its nearest image", "mean feature": "the mean of its images' features"}


@dataclass(frozen=True)
class Statement:
    """One statement about how a task is evaluated; its subject is ``gallery``, ``ignored``, ``measure ap``, ..."""

    what: str
    says: str
    source: str


def statements(task: Task) -> Iterator[Statement]:
    """Yield statements on everything that decides a task's scores, except the images and the features."""
    if task.rule.draws is None:
        yield Statement("queries", f"every image of the split '{task.query}'", task.source)
    else:
        yield from _draws(task.rule.draws, task)
    yield Statement("gallery", _gallery(task), task.source)
    yield Statement("right", "everything that shows the query's vehicle and is not ignored", task.source)
    ignored = " and ".join(IGNORED[word] for word in task.rule.ignore)
    yield Statement("ignored", ignored or "nothing", task.source)
    for word in task.measures:
        measure = parse(word)
        yield Statement(f"measure {word}", f"{measure.name}: {measure.about}", measure.source)
    yield Statement("ties", "a right answer that ties with a wrong one is ranked after it", HARNESS)
    yield Statement("queries without a right answer", _unanswered(task), HARNESS)


def _unanswered(task: Task) -> str:
    known = f"; the released lists have {task.unanswered}" if task.unanswered else ""
    if task.rule.unanswered == "zero":
        return f"counted as 0 in every mean{known}"
    return f"counted and reported, but excluded from every mean{known}"


def _gallery(task: Task) -> str:
    if task.rule.unit == "track":
        return f"every track of the split '{task.gallery}'; a track is represented by {REDUCED[task.rule.reduce]}"
    return f"every image of the split '{task.gallery}'" + (" on its side of the draw" if task.rule.draws else "")


def _draws(draws: Draws, task: Task) -> Iterator[Statement]:
    other = "query" if draws.drawn == "gallery" else "gallery"
    yield Statement("queries", f"the images of the split '{task.query}' on their side of the draw", task.source)
    yield Statement(
        "draws",
        f"one image of each vehicle is drawn into the {draws.drawn}, all others form the {other}; "
        f"repeated {draws.count} times, with the mean and the standard deviation over the draws reported",
        task.source,
    )
    yield Statement("each draw", f"{DEFINITION}, seeds {draws.seed} to {draws.seed + draws.count - 1}", HARNESS)


def describe(protocol: Protocol, dataset: Dataset | None = None) -> dict[str, Any]:
    """Return the description of a protocol as JSON values, with counts and fingerprints if a data set is given."""
    return {
        "protocol": protocol.name,
        "title": protocol.title or protocol.name,
        "version": protocol.version,
        "release": dataset.release if dataset else "",
        "tasks": [_task(protocol, task, dataset) for task in protocol.tasks],
    }


def _task(protocol: Protocol, task: Task, dataset: Dataset | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "task": task.name,
        "about": task.about,
        "statements": [vars(statement) for statement in statements(task)],
        "released": dict(task.released),
        "conventions": [
            {"convention": name, "about": convention.about, "source": convention.source}
            for name, convention in task.conventions.items()
        ],
    }
    if dataset is None:
        return described
    problem = unavailable(task, dataset)
    try:
        if problem is not None:
            raise problem
        return {
            **described,
            "found": counts(task, dataset),
            "fingerprint": fingerprint(protocol, task, dataset),
            "differences": list(differences(task, dataset)),
        }
    except DataError as unserved:
        return {**described, "unavailable": unserved.what}


def text(described: dict[str, Any]) -> str:
    """Return the result of ``describe`` as text for a terminal, with numbered sources at the end."""
    number_of: dict[str, int] = {}

    def sourced(line: dict[str, str], what: str, says: str) -> str:
        return f"  {line[what]}: {line[says]} [{number_of.setdefault(line['source'], len(number_of) + 1)}]"

    lines = [f"{described['title']} ({described['protocol']}, version {described['version']})"]
    if described["release"]:
        lines.append(f"this copy: {described['release']}")
    for task in described["tasks"]:
        lines += ["", f"{described['protocol']}/{task['task']}: {task['about']}"]
        lines += [sourced(line, "what", "says") for line in task["statements"]]
        lines += list(_counted(task))
        if task["conventions"]:
            lines.append("  conventions, never official:")
            lines += ["  " + sourced(line, "convention", "about") for line in task["conventions"]]
    return "\n".join([*lines, "", *(f"[{number}] {source}" for source, number in number_of.items())])


def _counted(task: dict[str, Any]) -> Iterator[str]:
    released = ", ".join(f"{count:,} {word}" for word, count in task["released"].items())
    yield f"  released: {released or 'counts unknown'}"
    if "found" in task:
        yield f"  found: {', '.join(f'{count:,} {word}' for word, count in task['found'].items())}"
        yield f"  fingerprint: {task['fingerprint']}"
        yield f"  official: {'no; ' + '; '.join(task['differences']) if task['differences'] else 'yes'}"
    if "unavailable" in task:
        yield f"  not available in this copy: {task['unavailable']}"
