"""The page of the protocols, from the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.describe.protocol import describe
from harness.registry.kinds import PROTOCOL
from harness.tasks.protocol import Protocol
from pages import own, text

INTRODUCTION = """\
A protocol fixes which images are queries and which are the gallery, which answers are right, and which are ignored.
This page says so for each task, with the source of every rule, as `bench protocols show NAME` does. With `--data DIR`,
that command also counts the images in your copy of the data set, says whether results on it are official, and prints
the fingerprint of each task. Images of your own get a protocol of their own: see [your data](../own-data.md)."""

FINGERPRINTS = """\
A fingerprint is a digest of everything that decides a number except the features: the keys, labels and roles of the
images, the rule, the task's own measures, the draws and the version of the protocol. Only numbers with the same
fingerprint are compared. It is computed from the lists of the data set, which only their owners give out:
`bench protocols show NAME --data DIR` prints the fingerprints of your copy. These are of the synthetic set, which is
the same everywhere:"""


def page() -> str:
    """Return the page."""
    return text.page("Protocols", INTRODUCTION, _parts())


def _parts() -> Iterator[str]:
    registry = own.registry()
    protocols = [registry.protocol(name) for name in registry.names(PROTOCOL)]
    abouts = [(f"[`{one.name}`](#{one.name})", registry.entry(PROTOCOL, one.name).about) for one in protocols]
    yield text.table(["protocol", "data set"], abouts)
    for protocol in protocols:
        yield from _protocol(protocol)
    yield "## Fingerprints"
    yield FINGERPRINTS
    yield text.table(["task", "fingerprint"], [(text.code(task), text.code(print_)) for task, print_ in filed()])


def filed() -> list[tuple[str, str]]:
    """Return the task and fingerprint of the records filed with the project, each pair once, sorted."""
    records = [
        json.loads(path.read_text(encoding="utf-8")) for path in own.ROOT.glob("leaderboard/records/*/*/record*.json")
    ]
    return sorted(
        {(f"{one['protocol']}/{one['task']}", one["fingerprint"]) for one in records if not one["convention"]}
    )


def _protocol(protocol: Protocol) -> Iterator[str]:
    described = describe(protocol)
    yield f"## {protocol.name}"
    title = described["title"]
    yield f"{title}, version {described['version']} of the protocol."
    columns = list(dict.fromkeys(word for counts in protocol.released.values() for word in counts))
    if columns:
        rows = [
            (split, *(_number(counts.get(word)) for word in columns)) for split, counts in protocol.released.items()
        ]
        yield "The released lists hold:"
        yield text.table(["split", *columns], rows)
    sources: dict[str, int] = {}
    for task in described["tasks"]:
        yield from _task(protocol.name, task, sources)
    if sources:
        yield f"**Sources of {protocol.name}**"
        yield "\n".join(f"{number}. {text.prose(source)}" for source, number in sources.items())


def _task(protocol: str, task: dict[str, Any], sources: dict[str, int]) -> Iterator[str]:
    def source(line: dict[str, str]) -> int:
        return sources.setdefault(line["source"], len(sources) + 1)

    yield f"### {protocol}/{task['task']}"
    yield text.sentence(task["about"])
    yield text.table(
        ["what", "rule", "source"],
        [(line["what"], text.prose(line["says"]), source(line)) for line in task["statements"]],
    )
    if task["released"]:
        counted = ", ".join(f"{count:,} {word}" for word, count in task["released"].items())
        yield f"Official if your copy has {counted}."
    if task["conventions"]:
        yield "Other ways in which papers report it, never official:"
        yield text.table(
            ["convention", "difference", "source"],
            [(text.code(one["convention"]), text.prose(one["about"]), source(one)) for one in task["conventions"]],
        )


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
