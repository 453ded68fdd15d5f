"""The verb ``bench submit``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.grouped import DATA, command, option
from harness.cli.options import FILE, PATH, plugin_files
from harness.cli.output import say
from leaderboard.commands.options import folder

FILED = Path("leaderboard/records")


@command("Compare numbers")
@click.argument("record", type=PATH, help="Record file, as 'bench run' or 'bench eval --record' wrote it.")
@option(
    "--features", group=DATA, type=FILE, help="Feature file to score again; every digit must agree with the record."
)
@folder("--data", "Folder of the protocol's data set.")
@folder("--records", "Folder of filed records.", default=FILED)
@plugin_files
def submit(*, record: Path, features: Path | None, data: Path | None, records: Path, plugin: tuple[Path, ...]) -> None:
    """Check a record and file it for the leaderboard.

    The record must be complete, official and of the protocol's current version. Its queries must be as many as in the
    released lists, its fingerprint that of the data set, and its means those of its per-query values. The first record
    of a task needs --data, unless the fingerprint of the released lists is known. A record that --features confirms
    takes the place of a filed one with other digits.

    \b
    Example:
      bench submit runs/mine/record-veri776-image-to-track-cosine.json
    """
    from harness.errors import RecordError
    from harness.registry.registry import load
    from harness.scoring.record import read_record
    from leaderboard import verification
    from leaderboard.filing import file_record
    from leaderboard.record_files import RecordFile, collect

    if not records.is_dir():
        raise RecordError(
            "the folder of filed records is missing",
            where=records,
            next_step="run this in a checkout of the project, or name the folder with --records DIR",
        )
    file = RecordFile(read_record(record), record)
    verification.check_official(file)
    question = verification.question_of(file, load(plugin), data)
    filed = collect([records])
    verification.check_fingerprint(file, question, filed)
    values = verification.check_values(file)
    verification.check_release(file, question, values)
    if features is not None:
        verification.rescore(file, features, question)
    done = file_record(file, values, records, confirmed=features is not None)
    for path in done.replaced:
        say(f"{path} had other digits, which the features do not give; it is replaced", err=True)
    say(done.path)
