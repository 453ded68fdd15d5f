"""The verb ``bench same``: same vehicle or not, over all pairs of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, EVALUATION, OUTPUT, command, option
from harness.cli.output import show
from harness.cli.several import same_words


@command("Get a number", "same")
@click.argument("features", type=shared.PATH, help="Feature file, or a folder with one, such as a run's.")
@shared.protocol
@shared.data
@shared.skip_missing
@option(
    "--held-out",
    type=float,
    is_flag=False,
    flag_value="0.1",
    metavar="[SHARE]",
    group=DATA,
    help="Ask about this share of the training vehicles instead of the task's, and choose thresholds on them. Without "
    "a number: 0.1, those that a run with this seed holds out.",
)
@shared.plugin_files
@shared.memory
@shared.timeout
@shared.metric
@option(
    "--far",
    multiple=True,
    metavar="RATE",
    group=EVALUATION,
    help="Print the true accept rate at this false accept rate. Repeatable; default: 0.1, 0.01, 0.001 and 0.0001.",
)
@option(
    "--fpir",
    multiple=True,
    metavar="RATE",
    group=EVALUATION,
    help="Ask the open-set question: how many queries miss their vehicle if this share of the queries whose vehicle is "
    "not in the gallery may find one. Repeatable; default with --unknown: 0.1 and 0.01.",
)
@option(
    "--unknown",
    type=float,
    metavar="SHARE",
    group=EVALUATION,
    help="Leave this share of the vehicles out of the gallery for the open-set question; without it, the queries of "
    "the task that have no right answer are asked.",
)
@shared.seed("Seed of the vehicles that are left out or held out.", EVALUATION)
@option(
    "--threshold-from",
    type=shared.PATH,
    group=EVALUATION,
    help="Use the thresholds and the calibration of this result of 'bench same --held-out', or of the only one in this "
    "folder, a file *same-or-not.json.",
)
@option(
    "--areas/--no-areas",
    default=True,
    group=EVALUATION,
    help="Whether to compute the areas under the curves, which take a slower pass than thresholds do.",
)
@option("--out", type=shared.FILE, group=OUTPUT, help="JSON file to write the result to.")
@option("--picture", type=shared.FILE, group=OUTPUT, help="File for the reliability picture: .svg, .png or .pdf.")
@shared.force
@shared.as_json
def same(*, features: Path, memory: int | None, timeout: float, **words: Any) -> None:
    """Ask from which similarity on two images show one vehicle.

    All pairs of a query and a gallery image count, except those that the task's rule ignores.

    \b
    Examples:
      bench same f.h5 --protocol veri776/image-to-image --data VeRi/
      bench same f.h5 --protocol veri776/image-to-image --data VeRi/ --unknown 0.5
      bench same train.h5 --protocol veri776 --data VeRi/ --held-out --out held-out-same-or-not.json
      bench same f.h5 --protocol veri776 --data VeRi/ --threshold-from held-out-same-or-not.json
    """
    from harness.basics.files import refuse_existing
    from harness.compute.machine import open_machine
    from harness.features.finding import find_features
    from harness.features.kinds import refuse_foreign
    from harness.pairs.asking import ask
    from harness.pairs.picture import check_format, draw_reliability
    from harness.pairs.question import FARS, Question
    from harness.pairs.tables import answer_tables
    from harness.registry.registry import load

    machine = open_machine("cpu", memory, timeout)
    same_words(machine.team, words)
    with machine.team.together():
        if words["picture"] is not None:
            check_format(words["picture"])
        if machine.first:
            refuse_existing(*filter(None, (words["out"], words["picture"])), force=words["force"])
        question = Question(
            far=words["far"] or FARS,
            fpir=words["fpir"],
            unknown=words["unknown"],
            held_out=words["held_out"],
            seed=words["seed"],
            areas=words["areas"],
            threshold_from=words["threshold_from"],
            metric=words["metric"],
            skip_missing=words["skip_missing"],
            machine=machine,
        )
        refuse_foreign(features, "")
        path = find_features(features, words["protocol"].partition("/")[0])
        answer = ask(path, words["protocol"], question, registry=load(words["plugin"]), data=words["data"])
    if not machine.first:
        return
    if words["picture"] is not None:
        draw_reliability(answer, words["picture"])
    if words["out"] is not None:
        answer.write(words["out"])
    show(answer.values, json_wanted=words["json_wanted"], text=lambda: answer_tables(answer))
