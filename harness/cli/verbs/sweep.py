"""The verb ``bench sweep``: many runs from one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.grouped import DATA, OUTPUT, command, option
from harness.cli.options import FILE, as_json, engine, jobs
from harness.cli.output import own_output, say, show, table

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.runs.inputs import Opened
    from harness.runs.run import Run
    from harness.sweeps.expand import Kind
    from harness.sweeps.states import States
    from harness.sweeps.sweep import Opener, Sweep
    from harness.sweeps.toml_file import SweepFile

OF_THE_FILE = {"runs", "plugin", "smoke", "json", "help"}
"""The words of ``bench run`` that no table of runs gives: the file has one for all runs, or they answer a person."""

FORMS = {".md": "markdown", ".html": "html", ".csv": "csv", ".json": "json", ".tex": "latex", ".parquet": "parquet"}


@command("Get a number")
@click.argument("file", metavar="FILE", type=FILE, help="TOML file that lists the runs.")
@engine
@jobs
@option("--status", is_flag=True, group=DATA, help="Only show the states of the last call.")
@option("--check", is_flag=True, group=DATA, help="Only check the file and all its runs, and show what there is to do.")
@option(
    "--out",
    type=click.Path(path_type=Path),
    group=OUTPUT,
    help="File for the sweep's leaderboard, in the format of its ending: .md (with pages and pictures beside it), "
    ".html, .csv, .json, .tex or .parquet.",
)
@as_json
def sweep(
    *, file: Path, engine: str, jobs: int | None, status: bool, check: bool, out: Path | None, json_wanted: bool
) -> None:
    """Compute all runs that a file lists.

    All runs are checked before the first one begins. Those that stand are skipped, one that fails does not stop the
    others, and the same command goes on where an interrupted one ended. At the end it prints the states of all runs
    and their leaderboard.

    \b
    Examples:
      bench sweep sweep.toml --jobs 2
      bench sweep sweep.toml --status
      bench sweep sweep.toml --engine slurm --out sweep.md
    """
    from harness.cli.output import log_to_terminal
    from harness.errors import RunError, UsageError
    from harness.registry.registry import load
    from harness.sweeps.states import read_states, refuse_another
    from harness.sweeps.sweep import open_engine
    from harness.sweeps.toml_file import read_sweep

    if out is not None and out.suffix not in FORMS:
        raise UsageError("the leaderboard has no such format", found=out.name, expected=", ".join(FORMS))
    read = read_sweep(file)
    if status:
        refuse_another(read.folder, read.source)
        _show(read_states(read.folder), json_wanted=json_wanted)
        return
    log_to_terminal()
    with own_output():
        registry = load(read.content.plugin)
        chosen = open_engine(engine, read, registry, jobs)
        opened = _open(read, registry)
    if check:
        _show(opened.states, json_wanted=json_wanted)
        return
    try:
        with own_output():
            opened.work(chosen)
    except KeyboardInterrupt:
        say(_text(opened.states), err=True)
        raise
    _show(opened.states, json_wanted=json_wanted, board=None if json_wanted else _board(opened))
    if out is not None:
        _write(opened, out)
    failed = sum(state.state == "failed" for state in opened.states.runs)
    if failed:
        raise RunError(
            f"{failed} of {len(opened.states.runs)} runs failed",
            where=read.folder / "logs",
            next_step="correct what the logs say; the same command tries these runs again and keeps the others",
        )


def words_of_a_run() -> dict[str, Kind]:
    """Return the words of ``bench run`` that a table of runs may give, and how each is given."""
    from harness.cli.verbs.run import run

    found: dict[str, Kind] = {}
    for parameter in run.params:
        name = parameter.opts[0].removeprefix("--")
        if isinstance(parameter, click.Option) and name not in {*OF_THE_FILE, "set"}:
            found[name] = "flag" if parameter.is_flag else "many" if parameter.multiple else "value"
    return found


def opener_of(registry: Registry, data: Opened) -> Opener:
    """Return what looks up the words of one of many runs, which share a registry and data sets."""
    from harness.cli.verbs.run import open_run, run

    def opener(words: tuple[str, ...]) -> Run:
        context = run.make_context("run", list(words[1:]))
        given = {
            name: value for name, value in context.params.items() if name not in {"smoke", "json_wanted", "plugin"}
        }
        return open_run(given, registry, data)

    return opener


def _open(file: SweepFile, registry: Registry) -> Sweep:
    from harness.sweeps.sweep import open_sweep

    return open_sweep(file, words_of_a_run(), opener_of(registry, {}))


def _text(states: States, board: str | None = None) -> str:
    parts = [table(states.rows()), states.counts(), *([board] if board else [])]
    return "\n\n".join(parts)


def _show(states: States, *, json_wanted: bool, board: str | None = None) -> None:
    runs = [run.model_dump() for run in states.runs]
    show(runs, json_wanted=json_wanted, text=lambda: _text(states, board))


def _board(opened: Sweep) -> str:
    """Return the leaderboard of the runs that are done, a table for each task."""
    from harness.measures import heading, in_order
    from harness.scoring.dataframes import leaderboard

    folders = opened.result_folders()
    if not folders:
        return ""
    frame, parts = leaderboard(*folders, shipped=False), []
    for (task, _), rows in frame.groupby(["task", "fingerprint"], sort=False):
        words = [word for word in in_order(_measures(frame), "") if rows[word].notna().any()]
        shown = [
            {
                "rank": "" if row["best_rank"] is None else _range(row["best_rank"], row["worst_rank"]),
                "method": row["method"],
                "runs": row["runs"],
                **{heading(word): f"{100 * row[word]:.2f}" for word in words},
            }
            for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
        ]
        parts.append(f"{task}\n\n{table(shown)}")
    return "\n\n".join(parts)


def _range(best: int, worst: int) -> str:
    return str(best) if best == worst else f"{best}-{worst}"


def _measures(frame: Any) -> list[str]:
    """Return the columns of a leaderboard that are measures: those that have ends of an interval."""
    return [name for name in frame.columns if f"{name}_low" in frame.columns]


def _write(opened: Sweep, out: Path) -> None:
    """Write the pages of the leaderboard, by the verb that writes them."""
    from harness.cli import main

    folders = opened.result_folders()
    verb = main.get_command(click.get_current_context(), "leaderboard")
    if verb is None or not folders:
        say("no run is done: no leaderboard is written", err=True)
        return
    runs = [word for folder in folders for word in ("--runs", str(folder))]
    words = ["--no-shipped", *runs, "--format", FORMS[out.suffix], "--out", str(out)]
    verb.main(words, standalone_mode=False)
