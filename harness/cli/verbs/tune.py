"""The verb ``bench tune``: choose settings of post-processing without looking at the test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, EVALUATION, OUTPUT, command, option
from harness.cli.output import log_to_terminal, own_output, show

if TYPE_CHECKING:
    from harness.tuning.tune import TuneResult

GROUPS = {
    "none": "no post-processing",
    "paper": "the sources' parameters",
    "held-out": "chosen on held-out vehicles",
    "test": "chosen on the test",
}
"""What the table calls the ways to choose parameters."""

SEEN = {
    "yes": "The weights were trained on this data set, perhaps with these very vehicles: these are then more alike "
    "than those of a test, and the settings suit a test less. A run's folder holds vehicles out.",
    "unknown": "Nobody says whether the weights were trained with these vehicles. If they were, the settings suit a "
    "test less.",
}


@command("Get a number")
@click.argument(
    "source",
    type=shared.PATH,
    help="Folder of a run, whose training has held vehicles out, or a file with features of training images.",
)
@option(
    "--steps",
    required=True,
    metavar="STEP[,STEP]",
    group=EVALUATION,
    callback=lambda _context, _option, words: tuple(filter(None, (word.strip() for word in words.split(",")))),
    help="Steps of post-processing in their order, whose parameters are to be chosen: alpha-qe,rerank.",
)
@option(
    "--values",
    multiple=True,
    metavar="STEP:NAME=V/V,...",
    group=EVALUATION,
    help="Values to try in place of a step's own: rerank:k1=10/20/30,lambda=0.1/0.3. Repeatable.",
)
@option(
    "--settings",
    default=100,
    type=click.IntRange(2, 10_000),
    group=EVALUATION,
    help="The most settings to try.",
)
@option(
    "--test",
    type=shared.PATH,
    group=EVALUATION,
    help="Features of the test, or the run's folder: say what choosing there would have gained. The choice stays.",
)
@shared.metric
@option(
    "--protocol",
    metavar="NAME[/TASK]",
    group=DATA,
    help="Protocol whose training vehicles and rule are used; default: the one that the run was trained on.",
)
@shared.data
@option("--split", default="train", metavar="NAME", group=DATA, help="Split of the images, for a feature file.")
@option(
    "--hold-out",
    default=0.1,
    type=click.FloatRange(0, 1, min_open=True),
    group=DATA,
    help="Share of the vehicles, where no training has held any out.",
)
@option("--boxes", type=shared.PATH, group=DATA, help="Boxes of parts in the images, for a run that needs them.")
@shared.detector
@shared.plugin_files
@shared.seed("Seed of the share of vehicles, the queries and the settings.")
@shared.device
@shared.workers
@shared.memory
@option("--save", type=shared.FILE, group=OUTPUT, help="File to write, for 'bench eval --post-from FILE'.")
@shared.force
@shared.as_json
def tune(*, save: Path | None, force: bool, json_wanted: bool, **words: Any) -> None:
    """Choose settings of post-processing without the test.

    They are chosen on training vehicles that the network has not seen, and the record of a result with them says so.

    \b
    Examples:
      bench tune runs/pgan-veri776-0123456789ab --data VeRi/ --steps alpha-qe,rerank --save tuned.toml
      bench eval runs/pgan-veri776-0123456789ab --protocol veri776 --data VeRi/ --post-from tuned.toml
    """
    from harness.compute.compute import Compute
    from harness.compute.machine import Machine
    from harness.postprocessing.tuned import write_tuned
    from harness.registry.registry import load
    from harness.tuning.tune import TuneRequest, tune as choose

    log_to_terminal()
    if save is not None and save.exists() and not force:
        raise click.UsageError(f"{save} exists; --force replaces it")
    compute = Compute(device=words.pop("device"), workers=words.pop("workers"))
    machine = Machine(memory=words.pop("memory"))
    registry = load(words.pop("plugin"))
    with own_output():
        result = choose(TuneRequest(compute=compute, machine=machine, **words), registry)
    if save is not None:
        write_tuned(save, result.tuned)
    show(_as_json(result), json_wanted=json_wanted, text=lambda: _as_text(result, save))


def _as_json(result: TuneResult) -> dict[str, object]:
    from harness.tuning.tune import words_of

    tuned = result.tuned.model_dump(mode="json", exclude={"tried"})
    rows = [
        {"chosen": row.name, "chain": words_of(row.chain)}
        | ({} if row.name == "test" else {"held_out": row.held_out})
        | ({} if row.test is None else {"test": row.test})
        for row in result.rows
    ]
    gain = {} if result.gain is None else {"gain": result.gain}
    return {"task": result.task, "digest": result.tuned.digest, **tuned, "tried": result.tried, "rows": rows, **gain}


def _as_text(result: TuneResult, save: Path | None) -> str:
    from harness.cli.output import table
    from harness.measures import heading

    tuned = result.tuned
    about, title = tuned.held_out, heading(tuned.measure)
    rows = [
        {
            "parameters": GROUPS[row.name],
            "chain": str(row.chain.stated) or "-",
            f"{title} held-out": "" if row.name == "test" else f"{100 * row.held_out:.2f}",
            **({} if row.test is None else {f"{title} test": f"{100 * row.test:.2f}"}),
        }
        for row in result.rows
    ]
    lines = [
        f"{result.tried} settings for {tuned.method} by the rule of {result.task}, on {about.vehicles} vehicles of "
        f"'{about.split}': {about.queries} queries, {about.gallery} gallery images.",
        f"Vehicles: {about.how}. {about.rule[0].upper()}{about.rule[1:]}.",
        "",
        table(rows),
        "",
    ]
    lines += [SEEN[about.seen]] if about.seen in SEEN else []
    if tuned.value <= tuned.without:
        lines.append("No setting is better on the held-out vehicles than no post-processing.")
    if result.gain is not None:
        lines.append(f"Choosing on the test would have gained {100 * result.gain:.2f} points there.")
    lines.append(f"Chosen: {' '.join(f'--post {word}' for word in tuned.words)}")
    lines += [] if save is None else [f"Written to {save}: use it with --post-from, so that the record can say so."]
    return "\n".join(lines)
