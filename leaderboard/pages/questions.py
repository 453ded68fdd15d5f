"""What the tasks ask, in two sentences for readers of the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.describe.protocol import statements
from harness.measures import heading
from harness.registry.kinds import PROTOCOL
from harness.registry.registry import Registry


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


def questions(registry: Registry) -> Mapping[str, Question]:
    """Return the questions of all tasks of all protocols that can be loaded, by the task's name."""
    found = {}
    for name in registry.names(PROTOCOL):
        protocol = registry.protocol(name)
        for task in protocol.tasks:
            says = {statement.what: statement.says for statement in statements(task)}
            measures = ", ".join(map(heading, task.measures))
            found[f"{name}/{task.name}"] = Question(
                title=protocol.title or name,
                about=_sentence(task.about or f"the task {task.name} of {name}"),
                rule=_sentence(
                    f"the gallery is {says['gallery']}; ignored is {says['ignored']}; measured is {measures}"
                ),
            )
    return found


def _sentence(text: str) -> str:
    text = text.rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
