"""The verbs ``bench submit`` and ``bench verify``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from leaderboard.entries import Entry

FILED = Path("leaderboard/records")

_plugins = click.option(
    "--plugin",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A Python file with hooks. Repeatable.",
)


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--features", metavar="FILE", type=click.Path(path_type=Path), help="Score these again and compare every digit."
)
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="The protocol's data set.")
@click.option(
    "--records",
    default=FILED,
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where records are filed.",
)
@_plugins
def submit(*, record: Path, features: Path | None, data: Path | None, records: Path, plugin: tuple[Path, ...]) -> None:
    """Check a record and file it for the leaderboard.

    The record must be whole, official, of the current version of its protocol and of the right fingerprint, and its
    per-query values must give its means. With --features it must also hold when the features are scored again.
    """
    from harness.errors import RecordError
    from harness.registry.registry import load
    from harness.scoring.record import read_record
    from leaderboard import verification
    from leaderboard.entries import Entry, collect
    from leaderboard.filing import file_record

    if not records.is_dir():
        raise RecordError(
            "the folder of filed records is missing",
            where=records,
            next_step="run this in a checkout of the project, or name the folder with --records DIR",
        )
    entry = Entry(read_record(record), record)
    verification.check_official(entry)
    question = verification.question_of(entry, load(plugin), data)
    verification.check_fingerprint(entry, question, collect([records]))
    values = verification.check_values(entry)
    if features is not None:
        verification.rescore(entry, features, question)
    click.echo(file_record(entry, values, records))


@click.command()
@click.option(
    "--records",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder of records; default: those that come with the package. Repeatable.",
)
@click.option(
    "--runs",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where features may lie; those of a record are scored again. Repeatable.",
)
@click.option("--data", multiple=True, metavar="PROTOCOL=DIR", help="A protocol's data set. Repeatable.")
@_plugins
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON instead of a table.")
def verify(
    *,
    records: tuple[Path, ...],
    runs: tuple[Path, ...],
    data: tuple[str, ...],
    plugin: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Check all filed records as `bench submit` does; fail if one does not hold."""
    from harness.errors import RunError
    from harness.registry.registry import load
    from harness.scoring.tables import escape, table
    from leaderboard.entries import SHIPPED, collect

    roots = _roots(data)
    entries = collect(records or ([SHIPPED] if SHIPPED.is_dir() else []))
    features, registry = _features(runs), load(plugin)
    rows = [_verified(entry, entries, features, registry, roots) for entry in entries]
    if json_wanted:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        click.echo(table([{name: escape(cell) for name, cell in row.items()} for row in rows]))
    broken = [row for row in rows if row["result"] == "refused"]
    if broken:
        raise RunError(
            f"{len(broken)} of {len(rows)} records do not hold",
            where=broken[0]["record"],
            found=broken[0]["problem"],
            next_step="score the features once more, or take the record out",
        )


def _verified(
    entry: Entry,
    filed: Sequence[Entry],
    features: Mapping[str, Path],
    registry: Registry,
    roots: Mapping[str, Path],
) -> dict[str, str]:
    """Return what is known of one record: re-scored, checked, or refused with the reason."""
    from harness.errors import BenchError
    from leaderboard import verification

    record = entry.record
    row = {"record": str(entry.path), "task": record.name, "method": record.method_name, "result": "", "problem": ""}
    try:
        verification.check_official(entry)
        question = verification.question_of(entry, registry, roots.get(record.protocol))
        verification.check_fingerprint(entry, question, filed)
        verification.check_values(entry)
        if record.features in features:
            verification.rescore(entry, features[record.features], question)
            return {**row, "result": "re-scored"}
    except BenchError as problem:
        return {**row, "result": "refused", "problem": "; ".join(str(problem).splitlines())}
    return {**row, "result": "checked"}


def _roots(assignments: Sequence[str]) -> dict[str, Path]:
    from harness.errors import UsageError

    roots = {}
    for assignment in assignments:
        name, equals, root = assignment.partition("=")
        if not equals or not name or not root:
            raise UsageError("a data set is not named", found=f"--data {assignment}", expected="--data PROTOCOL=DIR")
        roots[name] = Path(root)
    return roots


def _features(runs: Sequence[Path]) -> dict[str, Path]:
    """Return the feature files below some folders by their digest; a file that cannot be read serves no record."""
    from harness.errors import FeatureError
    from harness.features import FeatureFile

    found: dict[str, Path] = {}
    for folder in runs:
        for path in sorted(folder.rglob("*.h5")):
            try:
                with FeatureFile.open(path) as file:
                    found.setdefault(file.digest, path)
            except FeatureError:
                continue
    return found
