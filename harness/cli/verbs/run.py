"""The verb ``bench run`` and its steps ``train`` and ``extract``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import COMPUTE, DATA, METHOD, OUTPUT, TRAINING, command, option
from harness.cli.output import log_to_terminal, own_output, say, show, show_records
from harness.cli.several import same_words

if TYPE_CHECKING:
    from harness.compute.compute import Compute
    from harness.registry.registry import Registry
    from harness.runs.inputs import Opened
    from harness.runs.run import Run

OF_A_RUN = shared.together(
    option(
        "--method",
        required=True,
        metavar="NAME[/VARIANT]",
        group=METHOD,
        help="Method, or one of its variants: pgan, pgan/no-pam.",
    ),
    option(
        "--recipe",
        group=METHOD,
        help="Named set of options, such as paper or quick; default: the one that the training protocol proposes.",
    ),
    shared.changes,
    option(
        "--trained-on",
        metavar="WORD[,WORD]",
        group=METHOD,
        callback=lambda _context, _option, words: tuple(filter(None, (words or "").replace(" ", "").split(","))),
        help="Data that the given weights have seen, for the record; protocols by their names: veri776,imagenet.",
    ),
    option("--checkpoint", type=shared.FILE, group=METHOD, help="Checkpoint to use instead of training."),
    shared.plugin_files,
    shared.protocol,
    shared.data,
    option(
        "--train-on",
        metavar="NAME[+NAME]",
        group=DATA,
        help="Protocol to train on, or several together: veri776+vric; default: the evaluated one.",
    ),
    option(
        "--train-data",
        type=shared.DIR,
        group=DATA,
        help="Folder of the training data set; of several, NAME=DIR,NAME=DIR.",
    ),
    option("--boxes", type=shared.PATH, group=DATA, help="Boxes of parts in the images: a file or a folder."),
    option("--train-boxes", type=shared.PATH, group=DATA, help="Boxes of parts in the training images (--train-on)."),
    shared.detector,
    shared.follow_links,
    shared.skip_broken,
    shared.seed("Seed of everything random."),
    option(
        "--validate",
        default="train",
        type=click.Choice(["train", "test", "none"]),
        group=TRAINING,
        help="Validate after each epoch on held-out training vehicles, on the test split, or not at all.",
    ),
    option(
        "--hold-out",
        default=0.1,
        type=click.FloatRange(0, 0.9, max_open=True),
        group=TRAINING,
        help="Share of the training vehicles held out for --validate train.",
    ),
    shared.device,
    option(
        "--devices",
        default=1,
        type=click.IntRange(1),
        group=COMPUTE,
        help="Number of devices on this node, with one process each.",
    ),
    option("--nodes", default=1, type=click.IntRange(1), group=COMPUTE, help="Number of nodes."),
    option(
        "--precision",
        default="auto",
        type=click.Choice(["auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true"]),
        group=COMPUTE,
        help="Floating-point precision of the network; auto: what the recipe proposes, or 32-true.",
    ),
    shared.workers,
    shared.timeout,
    option("--runs", default="runs", type=shared.DIR, group=OUTPUT, help="Folder of all runs."),
    option(
        "--observe",
        multiple=True,
        metavar="NAME",
        group=OUTPUT,
        help="Also write losses and results for tensorboard, wandb, mlflow or another registered observer. Repeatable.",
    ),
)

OF_AN_EXTRACTION = shared.together(
    option(
        "--batch",
        type=click.IntRange(1),
        group=COMPUTE,
        help="Images embedded at once; default: chosen by the device. May change the last digits.",
    ),
    option(
        "--compile",
        "compiled",
        is_flag=True,
        group=COMPUTE,
        help="Embed with torch.compile, which needs a C++ compiler. May change the last digits.",
    ),
    option(
        "--reduce",
        "reduced",
        is_flag=True,
        group=COMPUTE,
        help="Let the decoder shrink JPEGs that are at least twice as large as the input. Faster; changes the digits.",
    ),
)


def _open(words: dict[str, Any]) -> Run:
    from harness.compute.machine import team_before
    from harness.registry.registry import load

    log_to_terminal()
    plugin_files = words.pop("plugin")
    compute = _resources(words)
    team = team_before(compute)
    same_words(team, {**words, "batch": compute.batch, "compiled": compute.compiled, "reduce": compute.reduced})
    with team.together():
        return _opened(words, compute, load(plugin_files))


def open_run(words: dict[str, Any], registry: Registry, opened: Opened) -> Run:
    """Return one of several runs, which share a registry and data sets, from the parameters of ``bench run``."""
    return _opened(words, _resources(words), registry, opened)


def _resources(words: dict[str, Any]) -> Compute:
    from harness.compute.compute import Compute

    named = ("device", "devices", "nodes", "precision", "workers", "batch", "compiled", "reduced", "timeout")
    return Compute(**{name: words.pop(name) for name in named if name in words})


def _opened(words: dict[str, Any], compute: Compute, registry: Registry, opened: Opened | None = None) -> Run:
    from harness.runs.plan import plan_run
    from harness.runs.request import Request, parse_changes
    from harness.runs.run import Run

    changes = parse_changes(words.pop("changes"))
    return Run(plan_run(Request(**words, changes=changes, compute=compute), registry), opened)


@command("Get a number")
@OF_A_RUN
@OF_AN_EXTRACTION
@shared.memory
@shared.metric
@shared.measures
@shared.rerank
@shared.post
@shared.post_from
@option(
    "--smoke",
    is_flag=True,
    group=OUTPUT,
    help="Only try it: two batches of each stage and a small evaluation, to see what the run would take. Nothing is "
    "recorded or kept.",
)
@shared.as_json
def run(*, smoke: bool, json_wanted: bool, **words: Any) -> None:
    """Train, extract, evaluate and record a method.

    Steps that an identical run has already done are not repeated.

    \b
    Examples:
      bench run --method strong-baseline --protocol synthetic
      bench run --method pgan --protocol veri776 --data VeRi/ --detector parts.safetensors
      bench run --method ram --recipe paper --protocol veri776 --data VeRi/ --smoke
    """
    with own_output():
        opened = _open(words)
    if smoke:
        _try(opened, json_wanted=json_wanted)
        return
    with own_output():
        records = opened.run()
    if opened.inputs.fabric.is_global_zero:
        further = [opened.plan.registry.measure(word) for word in opened.plan.request.measures]
        show_records(records, further, json_wanted=json_wanted)
        say(f"run folder: {opened.folder}", err=True)


def _try(opened: Run, *, json_wanted: bool) -> None:
    from harness.cli import INTERRUPTED
    from harness.cli.smoke import as_text
    from harness.runs.smoke import smoke

    try:
        with own_output():
            report = smoke(opened.plan)
    except KeyboardInterrupt:
        say("bench: interrupted; nothing was kept", err=True)
        click.get_current_context().exit(INTERRUPTED)
    if report is not None:
        show(report.values(), json_wanted=json_wanted, text=lambda: as_text(report))


@command("Get a number")
@OF_A_RUN
def train(**words: Any) -> None:
    """Train a method and print the checkpoint's path.

    \b
    Example:
      bench train --method rnn-ha --protocol veri776 --data VeRi/ --recipe paper
    """
    with own_output():
        opened = _open(words)
        checkpoint = opened.train()
    if opened.inputs.fabric.is_global_zero:
        say(checkpoint or f"method '{opened.plan.name}' does not train", err=checkpoint is None)


@command("Get a number")
@OF_A_RUN
@OF_AN_EXTRACTION
@option(
    "--flip",
    "mirrored",
    is_flag=True,
    group=OUTPUT,
    help="Also store the features of the mirrored pictures, for 'bench eval --post flip'.",
)
def extract(**words: Any) -> None:
    """Extract the features of a protocol's images.

    Prints the path of the feature file of all queries and gallery images; trains the method first if it has to.

    \b
    Example:
      bench extract --method pgan --protocol veri776 --data VeRi/ --checkpoint pgan.safetensors
    """
    with own_output():
        opened = _open(words)
        features = opened.extract()
    if opened.inputs.fabric.is_global_zero:
        say(features)
