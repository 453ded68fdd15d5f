"""``bench report``: reads one run, or two, and writes the folder of its report."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

from harness.data.images import ImageTable
from harness.errors import RecordError
from harness.registry.registry import Registry
from harness.scoring.per_query import PerQuery
from harness.tasks.relevance import Relevance
from leaderboard.pages.rendering import render
from leaderboard.report.choices import Choices
from leaderboard.report.content import Shown, as_script_data, orders, page_content, picture_groups
from leaderboard.report.facts import commands, facts, measured, options
from leaderboard.report.folder import replace_folder
from leaderboard.report.groupings import groupings
from leaderboard.report.labels import Twins, image_sides, read_near_duplicates
from leaderboard.report.lists import RankLists, rank_lists
from leaderboard.report.pictures import FOLDER, LEFT_OUT, MISSING, UNREADABLE, Pictures
from leaderboard.report.slices import Positives, whole
from leaderboard.report.source import ReportedRun, open_run
from leaderboard.statistics.paired import PairedComparison, Side, compare_paired

PAGE = "index.html"
MARK = "vehicle-reid-bench report"
"""The generator that the page names, by which a later report knows the folder."""


def write_report(run: Path, out: Path, choices: Choices, registry: Registry) -> Path:
    """Write the report of a run as a folder, and return its page.

    Raises:
        BenchError: as ``open_run``, ``rank_lists`` and ``replace_folder``; an existing report is then left unchanged.
        RecordError: the two runs are of different tasks or data sets.
    """
    marker = f'{PAGE}: <meta name="generator" content="{MARK}">'
    with replace_folder(out, marker, (PAGE, FOLDER)) as folder, ExitStack() as opened:
        first = opened.enter_context(open_run(run, registry, task=choices.task, data=choices.data))
        runs = [first]
        if choices.against is not None:
            task = choices.task or first.record.name
            second = opened.enter_context(open_run(choices.against, registry, task=task, data=choices.data, tell=False))
            _refuse_different(first, second, choices.against)
            runs.append(second)
        twins = read_near_duplicates(first.dataset.root)
        lists = [rank_lists(one, registry, draw=choices.draw, twins=twins) for one in runs]
        text = _page(runs, lists, twins, choices, folder)
        (folder / PAGE).write_text(text, encoding="utf-8", newline="\n")
    return out / PAGE


def _refuse_different(first: ReportedRun, second: ReportedRun, against: Path) -> None:
    one, other = first.record, second.record
    if (one.name, one.fingerprint) != (other.name, other.fingerprint):
        raise RecordError(
            "the two runs cannot be compared: their tasks or data sets differ",
            where=against,
            found=f"{other.name}, fingerprint {other.fingerprint[:16]}",
            expected=f"{one.name}, fingerprint {one.fingerprint[:16]}",
        )


def _page(runs: list[ReportedRun], lists: list[RankLists], twins: Twins, choices: Choices, folder: Path) -> str:
    """Copy the pictures into the folder, and return the page."""
    main, found = runs[0], lists[0]
    query, gallery = main.dataset.split(main.task.query), main.dataset.split(main.task.gallery)
    names = _names(runs)
    shown = [Shown(name, one) for name, one in zip(names, lists, strict=True)]
    ordered = orders(shown, choices.seed)
    pictures = Pictures(main.dataset, folder)
    pictures.copy(picture_groups(shown, query, gallery, ordered), choices.pictures)
    positives = Positives.of(found.ranks, query.vehicle)
    sides = image_sides(main.dataset, query.paths)
    grouped, heat = groupings(positives, query, found.units, sides=sides, twins=twins)
    style, script = render("report.css"), render("report.js")
    own_data = choices.data is not None
    measures = [measured(run, one, choices.draw) for run, one in zip(runs, lists, strict=True)]
    changes = _changes(shown, query) if len(shown) > 1 else {}
    return render(
        "report.html",
        generator=MARK,
        style=style,
        script=script,
        hashes={"style": _hash(style), "script": _hash(script)},
        data=as_script_data(page_content(shown, query, gallery, ordered, pictures, twins)),
        runs=[
            {
                "name": name,
                "facts": facts(run, choices.draw),
                "options": options(run.record),
                "commands": commands(run.record, draw=choices.draw, own_data=own_data, protocol=run.protocol.word),
            }
            for name, run in zip(names, runs, strict=True)
        ],
        measures=list(zip(*measures, strict=True)),
        changes=changes,
        change=changes.get("ap"),
        task=main.record.name,
        title=main.protocol.title or main.protocol.name,
        draw=choices.draw if main.record.draws else None,
        draws=main.record.draws,
        answered=len(positives.first),
        groupings=grouped,
        whole=tuple(map(float, whole(positives))),
        heat=heat,
        notes=_notes(main, pictures, ordered["list"], found.relevance),
    )


def _names(runs: list[ReportedRun]) -> list[str]:
    """Return the names of the runs; with two of one name, also their seeds, or their digests."""
    names = [run.record.method_name for run in runs]
    if len(set(names)) < len(names):
        names = [f"{name}, seed {run.record.seed}" for name, run in zip(names, runs, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{name}, features {run.record.features[:8]}" for name, run in zip(names, runs, strict=True)]
    return names


def _changes(shown: list[Shown], query: ImageTable) -> dict[str, PairedComparison]:
    """Return by measure how each query's value changes from the first run to the second."""
    first, second = (Side((PerQuery(query.paths, query.vehicle, dict(one.lists.values)),)) for one in shown)
    return {word: compare_paired([second, first], word)[0] for word in shown[0].lists.values}


def _notes(run: ReportedRun, pictures: Pictures, rows: list[int], relevance: Relevance) -> list[str]:
    """Return what a reader must know about the pictures and the gallery, a sentence each."""
    query = run.dataset.split(run.task.query)
    notes = []
    missing, broken = pictures.count(MISSING), pictures.count(UNREADABLE)
    if missing and not pictures.copied:
        notes.append("The images are not there, so this report has no pictures; it shows their keys instead.")
    elif missing:
        notes.append(f"{_images(missing)} not there; their keys are shown instead.")
    if broken:
        notes.append(f"{_images(broken)} not decodable; their keys are shown instead.")
    without = sum(pictures.of(query.paths[row]) == LEFT_OUT for row in rows)
    if without:
        notes.append(
            f"{len(rows) - without} of {len(rows)} queries have pictures: the first of each order. "
            "Choose more with --pictures."
        )
    if relevance.draws:
        notes.append(
            "The gallery is drawn at random several times. Lists, slices and intervals are those of this draw alone."
        )
    if not run.record.official:
        reasons = "; ".join(run.record.differences) or "it follows another rule than the task's own"
        notes.append(f"The result is not official: {reasons}.")
    return notes


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count} images are"


def _hash(text: str) -> str:
    """Return the hash by which the page's policy allows one style or script and no other."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()
