"""Checking a copy of a data set against its release, and whether results on it will be official."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.basics.progress import Advance
from harness.data.check_images import check_images
from harness.data.dataset import Dataset
from harness.data.images import NOBODY, UNKNOWN, ImageTable
from harness.errors import DataError, first_of
from harness.tasks.contents import known_content
from harness.tasks.conventions import serve
from harness.tasks.counts import differences
from harness.tasks.fingerprint import fingerprint
from harness.tasks.protocol import Protocol
from harness.tasks.rules import ALL_RIGHT, all_right, relevance
from harness.tasks.task import Task

OFFICIAL, DIFFERS, UNUSABLE = 0, 1, 2


@dataclass(frozen=True)
class SplitCount:
    """The counts of one split by word, such as ``images``, in the copy and as far as known in the release."""

    split: str
    found: dict[str, int]
    released: dict[str, int]


@dataclass(frozen=True)
class TaskCheck:
    """Whether one task can be evaluated on this copy, and whether its result will be official.

    Attributes:
        task: its name, or the name of a convention if the copy lacks the labels of the official rule.
        fingerprint: empty if the task cannot be evaluated.
        differences: reasons why a result is not official; empty if it is.
        content: of an official task, what is known of the content of its lists beyond their counts; empty if they are
            those of a known copy.
    """

    task: str
    fingerprint: str
    differences: tuple[str, ...]
    content: str = ""


@dataclass(frozen=True)
class CopyReport:
    """The result of ``bench data check``.

    Attributes:
        release: the release that the copy comes from if there are several, or empty.
        findings: missing, extra, duplicated, unreadable or contradictory items, one sentence each.
        problem: why the copy cannot be used at all, or empty.
        status: exit status of the command: 0 if all tasks are official and no image is missing, or, for data without a
            release, if nothing is wrong; 1 if the copy is usable but different; 2 if it is unusable.
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


def check_copy(
    protocol: Protocol, root: Path, *, every_image: bool = False, progress: Advance | None = None
) -> CopyReport:
    """Return a report on a copy of a data set; flaws of the copy are reported, never raised.

    The folder is that of the data set or its parent. A sample of 256 images is decoded, or every image.
    """
    try:
        dataset = protocol.load(root)
    except DataError as problem:
        return CopyReport(
            protocol.name, str(root), problem=str(problem), verdict=f"unusable: {problem.what}", status=UNUSABLE
        )
    splits = _splits(protocol, dataset)
    counted = tuple(_count(protocol, name, table) for name, table in splits.items())
    images = check_images(dataset, list(splits.values()), every=every_image, progress=progress)
    findings = (
        *dataset.notes,
        *_count_findings(counted),
        *_label_findings(splits, protocol.tasks),
        *_query_findings(protocol.tasks, dataset),
        *images.findings,
    )
    tasks = tuple(_tasks(protocol, dataset))
    complete = images.complete and not findings
    if protocol.released or any(task.released for task in protocol.tasks):
        withheld = {task.name for task in protocol.tasks if task.withheld}
        verdict, status = _judge([task for task in tasks if task.task not in withheld], complete=complete)
    else:
        verdict, status = _judge_own(tasks, complete=complete)
    return CopyReport(
        protocol.name,
        str(dataset.root),
        dataset.release,
        counted,
        tasks,
        findings,
        images.decoded,
        verdict=verdict,
        status=status,
    )


def _splits(protocol: Protocol, dataset: Dataset) -> dict[str, ImageTable]:
    """Return the splits that the protocol's tasks use, training first."""
    names = ["train", *(name for task in protocol.tasks for name in (task.query, task.gallery))]
    return {name: dataset.splits[name] for name in dict.fromkeys(names) if name in dataset.splits}


def _count(protocol: Protocol, name: str, table: ImageTable) -> SplitCount:
    found = {"images": len(table)}
    if (table.vehicle != UNKNOWN).any():
        found["vehicles"] = len(np.unique(table.vehicle[table.vehicle < NOBODY]))
    if (table.vehicle >= NOBODY).any():
        found["images of nobody known"] = int((table.vehicle >= NOBODY).sum())
    for word, column in (("cameras", table.camera), ("tracks", table.track)):
        if column is not None:
            found[word] = len(np.unique(column[column != UNKNOWN]))
    return SplitCount(name, found, dict(protocol.released.get(name, {})))


def _count_findings(splits: Iterable[SplitCount]) -> Iterator[str]:
    for split in splits:
        for word, released in split.released.items():
            if split.found.get(word) != released:
                yield f"'{split.split}' has {split.found.get(word, 'no')} {word}, the release {released}"


def _label_findings(splits: dict[str, ImageTable], tasks: Sequence[Task]) -> Iterator[str]:
    """Yield images listed twice, vehicles in training and test, and tracks with contradictory labels."""
    shared_by_design = {
        "train",
        *(split for task in tasks if not task.held_out for split in (task.query, task.gallery)),
    }
    for name, table in splits.items():
        twice = list((Counter(table.paths) - Counter(set(table.paths))).elements())
        if twice:
            yield f"'{name}' lists {len(twice)} images twice: {first_of(twice)}"
        if name not in shared_by_design and "train" in splits:
            shared = np.intersect1d(splits["train"].vehicle, table.vehicle)
            if len(shared):
                words = table.names.get("vehicle", {})
                named = first_of(words.get(vehicle, vehicle) for vehicle in shared.tolist())
                yield f"{len(shared)} vehicles are in 'train' and in '{name}': {named}"
            both = sorted(set(splits["train"].paths) & set(table.paths))
            if both:
                yield f"{len(both)} images are in 'train' and in '{name}': {first_of(both)}"
        for label in ("vehicle", "camera"):
            mixed = _mixed_tracks(table, label)
            if mixed:
                tracks = table.names.get("track", {})
                named = first_of(tracks.get(track, track) for track in mixed)
                yield f"{len(mixed)} tracks of '{name}' have more than one {label}: {named}"


def _mixed_tracks(table: ImageTable, label: str) -> list[int]:
    """Return the tracks whose images have different values of a label."""
    column = table.label(label)
    if table.track is None or column is None:
        return []
    pairs = np.unique(np.stack([table.track, column]), axis=1)
    tracks, labels = np.unique(pairs[0], return_counts=True)
    mixed: list[int] = tracks[(labels > 1) & (tracks != UNKNOWN)].tolist()
    return mixed


def _query_findings(tasks: Sequence[Task], dataset: Dataset) -> Iterator[str]:
    for task in serve(tasks, dataset)[0]:
        try:
            found = relevance(task, dataset)
        except DataError:
            continue
        if all_right(found):
            yield f"'{task.name}': {ALL_RIGHT}"
        unmatched = np.flatnonzero(found.positives.sizes == 0).tolist()
        if len(unmatched) != task.unanswered:
            paths = dataset.split(task.query).paths
            named = first_of(paths[row] for row in unmatched)
            known = f", the release {task.unanswered}" if task.unanswered else ""
            words = f": {named}{_one_camera(task, dataset)}" if named else ""
            yield f"{len(unmatched)} queries of '{task.name}' have no positive{known}{words}"


def _one_camera(task: Task, dataset: Dataset) -> str:
    """Return what to do if the rule ignores every positive, since there is one camera only; else nothing."""
    cameras = [dataset.split(split).camera for split in (task.query, task.gallery)]
    known = np.unique(np.concatenate([column for column in cameras if column is not None] or [np.zeros(0, np.int64)]))
    if len(known) != 1 or not any("camera" in word for word in task.rule.ignore):
        return ""
    return f'; all images are of one camera, which the rule ignores: ignore = ["same image"] under [tasks.{task.name}]'


def _tasks(protocol: Protocol, dataset: Dataset) -> Iterator[TaskCheck]:
    """Yield the check of each task, first those that cannot be evaluated."""
    served, lost = serve(protocol.tasks, dataset)
    for name, problem in lost.items():
        yield TaskCheck(name, "", (problem.what,))
    for task in served:
        try:
            found = differences(task, dataset)
            content = "" if found else known_content(protocol, task, dataset)
            yield TaskCheck(task.name, fingerprint(protocol, task, dataset), found, content)
        except DataError as problem:
            yield TaskCheck(task.name, "", (problem.what,))


def _judge(tasks: Sequence[TaskCheck], *, complete: bool) -> tuple[str, int]:
    official = [task.task for task in tasks if not task.differences]
    others = [task.task for task in tasks if task.differences]
    if not any(task.fingerprint for task in tasks):
        return "unusable: no task can be evaluated", UNUSABLE
    if not official:
        return f"results will not be official: {tasks[0].differences[0]}", DIFFERS
    if others:
        return f"results will be official for {', '.join(official)}, not for {', '.join(others)}", DIFFERS
    if not complete:
        return "results will be official, but the copy is incomplete or differs from the release", DIFFERS
    return "results will be official", OFFICIAL


def _judge_own(tasks: Sequence[TaskCheck], *, complete: bool) -> tuple[str, int]:
    """Return the verdict and the status for data without released counts, which are not at fault for having none."""
    lost = [task.task for task in tasks if not task.fingerprint]
    if len(lost) == len(tasks):
        return "unusable: no task can be evaluated", UNUSABLE
    official = "results will not be official, since there are no released counts to compare with"
    if lost:
        return f"{official}; these tasks cannot be evaluated: {', '.join(lost)}", DIFFERS
    if not complete:
        return f"{official}; see what is listed above", DIFFERS
    return f"nothing is wrong; {official}", OFFICIAL


def text(report: CopyReport) -> str:
    """Return a report as text for a terminal; the last line is the verdict."""
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
        state = "; ".join(task.differences or ("official", *filter(None, [task.content])))
        lines.append(f"task {task.task}: {state}" + (f", fingerprint {task.fingerprint}" if task.fingerprint else ""))
    if report.splits:
        lines.append(f"decoded images: {report.decoded:,}")
    lines += [f"- {finding}" for finding in report.findings]
    lines += [report.problem] if report.problem else []
    return "\n".join([*lines, report.verdict])
