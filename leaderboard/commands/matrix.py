"""The verb ``bench matrix``: methods trained on some data sets and tested on all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import COMPUTE, DATA, METHOD, OUTPUT, TRAINING, command, option
from harness.cli.output import log_to_terminal, own_output, say, show

if TYPE_CHECKING:
    from harness.sweeps.sweep import Sweep
    from leaderboard.across.asked import Asked, Source
    from leaderboard.across.plan import MatrixPlan
    from leaderboard.across.results import ResultRow

of_method = partial(option, group=METHOD)
of_data = partial(option, group=DATA)

DEFAULTS = ("trained-on", "device", "precision", "workers")
"""Words of the command line that hold for all runs, and have the same name there."""


@command("Compare numbers")
@click.argument("file", metavar="[FILE]", type=shared.FILE, required=False, help="TOML file that describes the matrix.")
@of_method("--method", multiple=True, metavar="NAME[/VARIANT]", help="Method to train and test. Repeatable.")
@of_method(
    "--checkpoint", multiple=True, type=shared.FILE, help="Checkpoint to test, in place of training. Repeatable."
)
@of_method("--run", multiple=True, type=shared.DIR, help="Folder of a run whose checkpoint is tested. Repeatable.")
@of_method(
    "--recipe",
    help="Named set of options, for the methods to train; default: the one that the training protocol proposes.",
)
@of_method(
    "--set",
    "changes",
    multiple=True,
    metavar="OPTION=VALUE",
    help="Set one option of the methods to train, or of the others if none is trained. Repeatable.",
)
@of_method("--trained-on", metavar="WORD[,WORD]", help="Data that the given weights have seen: veri776,imagenet.")
@shared.plugin_files
@of_data(
    "--on", metavar="NAME[=DIR],...", help="Protocols to test on, with their folders: veri776=VeRi,vric=VRIC,synthetic."
)
@of_data(
    "--train-on",
    metavar="NAME[=DIR],...",
    help="Protocols to train on, A+B for several together; default: each of --on alone.",
)
@of_data("--leave-one-out", is_flag=True, help="Also train on all others together for each data set.")
@shared.follow_links
@option("--seeds", default="0", metavar="N[,N]", group=TRAINING, help="Seeds of each training: 0,1,2.")
@option("--device", group=COMPUTE, help="Device: auto, cpu, cuda or mps.")
@option("--precision", group=COMPUTE, help="Floating-point precision of the network, as in bench run.")
@option("--workers", type=click.IntRange(0), group=COMPUTE, help="Number of processes that decode images.")
@shared.engine
@shared.jobs
@option("--runs", type=shared.DIR, group=OUTPUT, help="Folder of all runs; default: runs.")
@option(
    "--check", is_flag=True, group=OUTPUT, help="Only check everything, and show what stands and what there is to do."
)
@option(
    "--out",
    type=shared.FILE,
    group=OUTPUT,
    help="Markdown file (.md) for the table; a JSON file beside it has all numbers.",
)
@shared.as_json
def matrix(*, file: Path | None, engine: str, jobs: int | None, out: Path | None, **words: Any) -> None:
    """Train methods on data sets and test them on all.

    It prints one table, a row for what was trained on and a column for what is tested on. Each cell is an ordinary run
    for each seed, so that what stands is not computed again, and the same command goes on where an interrupted one
    ended. Everything is checked before the first training begins. A cell that cannot be done says why and does not stop
    the others. Methods that are not trained, checkpoints and runs have one row each.

    \b
    Examples:
      bench matrix --method strong-baseline --on veri776=VeRi,vric=VRIC,synthetic
      bench matrix --method strong-baseline --on veri776=VeRi,vric=VRIC,synthetic --leave-one-out --seeds 0,1,2
      bench matrix --checkpoint sb.safetensors --on veri776=VeRi,vric=VRIC --out across.md
      bench matrix matrix.toml --jobs 2
    """
    from harness.errors import RunError, UsageError
    from leaderboard.across.pages import matrix_json, matrix_markdown, matrix_text

    if out is not None and out.suffix != ".md":
        raise UsageError("the table is written as Markdown", found=out.name, expected="a file that ends in .md")
    check, json_wanted = words.pop("check"), words.pop("json_wanted")
    asked, source = _asked(file, words)
    log_to_terminal()
    with own_output():
        plan, sweep, rows = _done(asked, source, engine, jobs, check=check)
    show(matrix_json(plan, rows), json_wanted=json_wanted, text=lambda: matrix_text(plan, rows))
    if out is not None:
        _write(out, matrix_markdown(plan, rows), matrix_json(plan, rows))
    failed = sum(state.state == "failed" and bool(state.log) for state in sweep.states.runs)
    if failed:
        raise RunError(
            f"{failed} of {len(sweep.runs)} runs failed",
            where=plan.file.folder / "logs",
            next_step="correct what the logs say; the same command tries these runs again and keeps the others",
        )


def _asked(file: Path | None, words: Mapping[str, Any]) -> tuple[Asked, Source]:
    """Return what the file asks for, or the words."""
    from harness.errors import UsageError
    from leaderboard.across.asked import Source, checked, read_asked

    given = {name: value for name, value in words.items() if value not in (None, False, ()) and name != "seeds"}
    if file is None:
        return checked(_of_words(words)), Source()
    if given or words["seeds"] != "0":
        raise UsageError(
            "the matrix has a file and words",
            found=", ".join(f"--{name.replace('_', '-')}" for name in given) or "--seeds",
            expected="one of them",
            next_step="write the words into the file",
        )
    return read_asked(file)


def _of_words(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words of the command line as the keys of a file."""
    from harness.data.links import following
    from harness.errors import UsageError
    from harness.runs.request import parse_changes
    from leaderboard.across.asked import named_folders

    if words["on"] is None:
        raise UsageError("the matrix has no data set", expected="--on NAME=DIR,NAME=DIR, or a TOML file")
    on, folders = named_folders(words["on"])
    train_on, more = named_folders(words["train_on"]) if words["train_on"] else (None, {})
    for name, folder in more.items():
        if folders.setdefault(name, folder) != folder:
            raise UsageError(f"'{name}' has two folders", found=f"{folders[name]} and {folder}", expected="one")
    seeds = [seed.strip() for seed in words["seeds"].split(",")]
    if not all(seed.isascii() and seed.isdecimal() and len(seed) < 11 for seed in seeds):
        raise UsageError("a seed is no number", found=f"--seeds {words['seeds']}", expected="0,1,2")
    options = {"recipe": words["recipe"], "set": parse_changes(words["changes"])}
    own = {name: value for name, value in options.items() if value}
    rows: list[dict[str, Any]] = [{"method": method, **own} for method in words["method"]]
    rows += [{word: str(path)} for word in ("checkpoint", "run") for path in words[word]]
    if not rows:
        raise UsageError("the matrix has no method", expected="--method NAME, --checkpoint FILE or --run DIR")
    shared_words = {word: words[word.replace("-", "_")] for word in DEFAULTS}
    shared_words["follow-links"] = following() or None
    return {
        "on": on,
        "train-on": train_on,
        "leave-one-out": words["leave_one_out"],
        "seeds": list(map(int, seeds)),
        "runs": str(words["runs"] or "runs"),
        "plugin": list(map(str, words["plugin"])),
        "data": folders,
        "defaults": {word: value for word, value in shared_words.items() if value is not None},
        "row": rows,
    }


def _done(
    asked: Asked, source: Source, engine: str, jobs: int | None, *, check: bool
) -> tuple[MatrixPlan, Sweep, list[ResultRow]]:
    """Compute what waits, unless it is only checked, and return the plan, its runs and the results."""
    from harness.cli.verbs.sweep import opener_of, words_of_a_run
    from harness.registry.registry import load
    from harness.runs.inputs import Opened
    from harness.sweeps.sweep import open_engine, open_sweep
    from leaderboard.across.plan import Planner
    from leaderboard.across.results import read_results
    from leaderboard.across.rows import of_words

    registry, opened = load(asked.plugin), Opened()
    opener, known = opener_of(registry, opened), words_of_a_run()
    if source.path is None:
        asked = of_words(asked, registry)
    plan = Planner(asked, source, registry, opened, known).plan(opener)
    chosen = open_engine(engine, plan.file, registry, jobs)
    sweep = open_sweep(plan.file, known, opener, without_impossible=True)
    try:
        if not check:
            sweep.work(chosen)
    except KeyboardInterrupt:
        say(sweep.states.counts(), err=True)
        raise
    return plan, sweep, read_results(plan, sweep, opener)


def _write(out: Path, page: str, values: object) -> None:
    from harness.basics.files import replace_file

    with replace_file(out) as file:
        file.write(page)
    with replace_file(out.with_suffix(".json")) as file:
        file.write(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
