"""The verb ``bench verify``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.grouped import DATA, command, option
from harness.cli.options import as_json, plugin_files
from harness.cli.output import say, show_json
from leaderboard.commands.options import folders

if TYPE_CHECKING:
    from harness.errors import BenchError
    from harness.registry.registry import Registry
    from leaderboard.record_files import RecordFile


@command("Compare numbers")
@folders("--records", "Folder of records to check; default: the package's.")
@folders("--runs", "Folder with feature files, to score their records again.")
@option(
    "--data", group=DATA, multiple=True, metavar="PROTOCOL=DIR", help="Folder of a protocol's data set. Repeatable."
)
@plugin_files
@as_json
def verify(
    *,
    records: tuple[Path, ...],
    runs: tuple[Path, ...],
    data: tuple[str, ...],
    plugin: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Check all filed records again.

    The checks are those of `bench submit`; the command fails if a record does not pass.

    \b
    Example:
      bench verify --records my-records --runs runs --data veri776=/data/VeRi
    """
    from harness.errors import RunError
    from harness.registry.registry import load
    from harness.scoring.tables import plain, table
    from leaderboard.record_files import collect, shipped_folders

    roots = data_roots(data)
    rows: list[dict[str, str]] = []
    files = collect(records or shipped_folders(), left_out=lambda path, problem: rows.append(_refused(path, problem)))
    features, registry = _features(runs), load(plugin)
    rows += [_verified(file, files, features, registry, roots) for file in files]
    if json_wanted:
        show_json(rows)
    elif rows:
        say(table([{name: plain(cell) for name, cell in row.items()} for row in rows], shown=plain))
    refused = [row for row in rows if row["result"] == "refused"]
    if refused:
        raise RunError(
            f"{len(refused)} of {len(rows)} records are wrong",
            where=refused[0]["record"],
            found=refused[0]["problem"],
            next_step="score the features once more, or remove the record",
        )


def _refused(path: Path, problem: BenchError, of: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the row of a file that is no record, or whose record does not pass."""
    from leaderboard.record_files import in_one_row

    row = of or {"record": str(path), "task": "", "method": ""}
    return {**row, "result": "refused", "problem": in_one_row(path, problem)}


def _verified(
    file: RecordFile,
    filed: Sequence[RecordFile],
    features: Mapping[str, Path],
    registry: Registry,
    roots: Mapping[str, Path],
) -> dict[str, str]:
    """Return the result for one record: re-scored, checked, or refused with the reason."""
    from harness.errors import BenchError
    from leaderboard import verification

    record = file.record
    row = {"record": str(file.path), "task": record.name, "method": record.method_name, "result": "", "problem": ""}
    try:
        verification.check_official(file)
        question = verification.question_of(file, registry, roots.get(record.protocol))
        verification.check_fingerprint(file, question, filed)
        values = verification.check_values(file)
        verification.check_release(file, question, values)
        if record.features in features:
            verification.rescore(file, features[record.features], question)
            return {**row, "result": "re-scored"}
    except BenchError as problem:
        return _refused(file.path, problem, of=row)
    return {**row, "result": "checked"}


def data_roots(assignments: Sequence[str]) -> dict[str, Path]:
    """Return the folders of data sets by protocol."""
    from harness.errors import UsageError

    roots = {}
    for assignment in assignments:
        name, equals, root = assignment.partition("=")
        if not equals or not name or not root:
            raise UsageError("a data set is not named", found=f"--data {assignment}", expected="--data PROTOCOL=DIR")
        roots[name] = Path(root)
    return roots


def _features(runs: Sequence[Path]) -> dict[str, Path]:
    """Return the feature files below some folders by digest, without those that cannot be read."""
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
