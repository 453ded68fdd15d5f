"""Checking a data set: what is there, what the release has, what is wrong, and whether results will be official."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.check_images import Advance, check_images
from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN, ImageTable
from harness.errors import DataError, first_of
from harness.tasks.conventions import serve
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from harness.tasks.protocol import Protocol
from harness.tasks.rules import relevance
from harness.tasks.task import Task

OFFICIAL, DIFFERS, UNUSABLE = 0, 1, 2


@dataclass(frozen=True)
class SplitCount:
    """What one split holds, and what the released lists do.

    Attributes:
        split: its name.
        found: ``images``, ``vehicles``, and where known ``cameras`` and ``tracks``.
        released: likewise, as far as the protocol knows.
    """

    split: str
    found: dict[str, int]
    released: dict[str, int]


@dataclass(frozen=True)
class TaskCheck:
    """What a task's results on this copy will be.

    Attributes:
        task: its name; that of a convention where the copy cannot serve the official rule.
        fingerprint: empty where the task cannot be served.
        differences: what keeps a result from being official; empty where it is.
    """

    task: str
    fingerprint: str
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What ``bench data check`` found.

    Attributes:
        protocol: its name.
        root: the folder that was read.
        release: which of several releases it is, in words, or empty.
        splits: counts.
        tasks: what can be asked.
        findings: what is missing, extra, duplicated, unreadable or contradictory, one sentence each.
        decoded: number of images that were decoded.
        problem: why the copy cannot be used at all, or empty.
        verdict: one line.
        status: the command's exit status: 0 all tasks official and every image there, 1 usable but different, 2 of
            no use.
    """

    protocol: str
    root: str
    release: str = ""
    splits: tuple[SplitCount, ...] = ()
    tasks: tuple[TaskCheck, ...] = ()
    findings: tuple[str, ...] = ()
    decoded: int = 0
    problem: str = ""
    verdict: str = ""
    status: int = UNUSABLE

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON takes it."""
        return asdict(self)


@dataclass
class _Found:
    """Sentences in the order they were found."""

    sentences: list[str] = field(default_factory=list)

    def add(self, what: str, named: Sequence[object] = ()) -> None:
        self.sentences.append(f"{what}: {first_of(named)}" if len(named) else what)


def check(
    protocol: Protocol,
    root: Path,
    *,
    every_image: bool = False,
    threads: int | None = None,
    progress: Advance | None = None,
) -> Report:
    """Return what a copy of a data set holds and whether results on it will be official; raises nothing for its flaws.

    Args:
        protocol: whose data set it is.
        root: its folder, or the one above it.
        every_image: decode all images instead of a sample of 256.
        threads: that decode; None for one a processor.
        progress: called with the images decoded and all images to decode.
    """
    try:
        dataset = protocol.load(root)
    except DataError as problem:
        return Report(
            protocol.name, str(root), problem=str(problem), verdict=f"of no use: {problem.what}", status=UNUSABLE
        )
    splits = _splits(protocol, dataset)
    found = _Found(list(dataset.notes))
    counted = tuple(_count(protocol, name, table) for name, table in splits.items())
    for split in counted:
        for word, released in split.released.items():
            if split.found.get(word) != released:
                found.add(f"'{split.split}' has {split.found.get(word, 'no')} {word}, the release {released}")
    _check_labels(splits, found)
    _check_queries(protocol.tasks, dataset, found)
    images = check_images(dataset, list(splits.values()), every=every_image, threads=threads, progress=progress)
    found.sentences += images.findings
    tasks = tuple(_tasks(protocol, dataset))
    verdict, status = _judge(tasks, complete=images.complete and not found.sentences)
    return Report(
        protocol.name,
        str(dataset.root),
        dataset.release,
        counted,
        tasks,
        tuple(found.sentences),
        images.decoded,
        "",
        verdict,
        status,
    )


def _splits(protocol: Protocol, dataset: Dataset) -> dict[str, ImageTable]:
    """Return the splits that the protocol's own tasks use, training first."""
    names = ["train", *(name for task in protocol.tasks for name in (task.query, task.gallery))]
    return {name: dataset.splits[name] for name in dict.fromkeys(names) if name in dataset.splits}


def _count(protocol: Protocol, name: str, table: ImageTable) -> SplitCount:
    found = {"images": len(table), "vehicles": len(np.unique(table.vehicle))}
    for word, column in (("cameras", table.camera), ("tracks", table.track)):
        if column is not None:
            found[word] = len(np.unique(column[column != UNKNOWN]))
    return SplitCount(name, found, dict(protocol.released.get(name, {})))


def _check_labels(splits: dict[str, ImageTable], found: _Found) -> None:
    """Look for images listed twice, vehicles trained on and tested, and tracks that contradict themselves."""
    for name, table in splits.items():
        seen: set[str] = set()
        twice = [path for path in table.paths if path in seen or seen.add(path)]  # type: ignore[func-returns-value]
        if twice:
            found.add(f"'{name}' lists {len(twice)} images again", twice)
        if name != "train" and "train" in splits:
            shared = np.intersect1d(splits["train"].vehicle, table.vehicle)
            if len(shared):
                found.add(f"{len(shared)} vehicles are in 'train' and in '{name}'", shared.tolist())
            both = sorted(set(splits["train"].paths) & set(table.paths))
            if both:
                found.add(f"{len(both)} images are in 'train' and in '{name}'", both)
        for label in ("vehicle", "camera"):
            mixed = _mixed_tracks(table, label)
            if mixed:
                found.add(f"{len(mixed)} tracks of '{name}' have more than one {label}", mixed)


def _mixed_tracks(table: ImageTable, label: str) -> list[int]:
    """Return the tracks whose images differ in a label."""
    column = table.label(label)
    if table.track is None or column is None:
        return []
    pairs = np.unique(np.stack([table.track, column]), axis=1)
    tracks, labels = np.unique(pairs[0], return_counts=True)
    mixed: list[int] = tracks[(labels > 1) & (tracks != UNKNOWN)].tolist()
    return mixed


def _check_queries(tasks: Sequence[Task], dataset: Dataset, found: _Found) -> None:
    """Look for queries without a positive."""
    for task in serve(tasks, dataset)[0]:
        try:
            positives = relevance(task, dataset).positives
        except DataError:
            continue
        lonely = np.flatnonzero(positives.sizes == 0)
        if len(lonely):
            paths = dataset.split(task.query).paths
            found.add(
                f"{len(lonely)} queries of '{task.name}' have no positive", [paths[row] for row in lonely.tolist()]
            )


def _tasks(protocol: Protocol, dataset: Dataset) -> Iterator[TaskCheck]:
    """Yield what can be asked of this copy, and what cannot with its reason."""
    served, lost = serve(protocol.tasks, dataset)
    for name, problem in lost.items():
        yield TaskCheck(name, "", (problem.what,))
    for task in served:
        try:
            yield TaskCheck(task.name, fingerprint(protocol, task, dataset), differences(task, dataset))
        except DataError as problem:
            yield TaskCheck(task.name, "", (problem.what,))


def _judge(tasks: Sequence[TaskCheck], *, complete: bool) -> tuple[str, int]:
    """Return the verdict in one line, and the exit status."""
    official = [task.task for task in tasks if not task.differences]
    others = [task.task for task in tasks if task.differences]
    if not any(task.fingerprint for task in tasks):
        return "of no use: no task can be asked", UNUSABLE
    if not official:
        return f"results will not be official: {tasks[0].differences[0]}", DIFFERS
    if others:
        return f"results will be official for {', '.join(official)}, not for {', '.join(others)}", DIFFERS
    if not complete:
        return "results will be official, though something differs from the release or is missing", DIFFERS
    return "results will be official", OFFICIAL


def text(report: Report) -> str:
    """Return a report as lines for a terminal, the verdict last."""
    lines = [f"{report.protocol} in {report.root}"]
    if report.release:
        lines.append(f"release: {report.release}")
    for split in report.splits:
        found = ", ".join(
            f"{count:,} {word}" + (f" (released {split.released[word]:,})" if word in split.released else "")
            for word, count in split.found.items()
        )
        lines.append(f"{split.split}: {found}")
    for task in report.tasks:
        state = "official" if not task.differences else "; ".join(task.differences)
        lines.append(f"task {task.task}: {state}" + (f", fingerprint {task.fingerprint}" if task.fingerprint else ""))
    if report.splits:
        lines.append(f"decoded images: {report.decoded:,}")
    lines += [f"- {finding}" for finding in report.findings]
    lines += [report.problem] if report.problem else []
    return "\n".join([*lines, report.verdict])
