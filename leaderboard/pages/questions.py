"""What the tasks ask, in two sentences for readers of the leaderboard."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.describe.protocol import statements
from harness.errors import BenchError
from harness.measures import heading
from harness.registry.kinds import PROTOCOL
from harness.registry.registry import Registry
from harness.tasks.task import Task


@dataclass(frozen=True)
class Question:
    """What a task asks.

    Attributes:
        title: the data set.
        about: what is looked for, and where.
        rule: what is ranked, ignored and measured.
    """

    title: str
    about: str
    rule: str


def questions(registry: Registry, protocols: Collection[str]) -> Mapping[str, Question]:
    """Return the questions of the tasks of some protocols, by the task's name.

    A protocol that is not installed, or broken, has none: what was measured under it is shown all the same.
    """
    found = {}
    for name in sorted(set(protocols) & set(registry.names(PROTOCOL))):
        try:
            protocol = registry.protocol(name)
        except BenchError:
            continue
        for task in protocol.tasks:
            says = {statement.what: statement.says for statement in statements(task)}
            ignored = "Nothing is ignored." if not task.rule.ignore else f"Ignored is {says['ignored']}."
            measures = ", ".join(map(heading, task.measures))
            found[f"{name}/{task.name}"] = Question(
                title=protocol.title or name,
                about=_sentence(task.about or f"the task {task.name} of {name}"),
                rule=f"The gallery is {_gallery(task, says['gallery'])}. {ignored} Measures: {measures}.",
            )
    return found


def _gallery(task: Task, says: str) -> str:
    """Return what forms the gallery, for a drawn one without the words of a single draw."""
    if task.rule.draws is None:
        return says
    return "one drawn image of each vehicle" if task.rule.draws.drawn == "gallery" else "all images that are not drawn"


def _sentence(text: str) -> str:
    text = text.rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
