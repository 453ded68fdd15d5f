"""The verb ``bench eval``: evaluate a feature file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import COMPUTE, EVALUATION, OUTPUT, command, option
from harness.cli.output import say, show_records
from harness.cli.several import same_words

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.scoring.record import Record


@command("Get a number", "eval")
@click.argument(
    "features",
    type=shared.PATH,
    help="Feature file, as 'bench extract', 'bench features import' or harness.write_features wrote it, or a folder "
    "with one, such as a run's.",
)
@shared.protocol
@shared.data
@shared.skip_missing
@shared.distractors
@shared.plugin_files
@option("--device", default="cpu", group=COMPUTE, help="Device that ranks the gallery: cpu, cuda, cuda:1 or auto.")
@shared.memory
@shared.timeout
@shared.metric
@shared.measures
@shared.rerank
@shared.post
@shared.post_from
@option(
    "--conventions",
    multiple=True,
    metavar="NAME",
    group=EVALUATION,
    help="Evaluate also under this convention, or under all with 'all', and print the differences. Repeatable.",
)
@option("--record", type=shared.DIR, group=OUTPUT, help="Folder to write the records into.")
@shared.as_json
def evaluate(*, features: Path, device: str, memory: int | None, timeout: float, **words: Any) -> None:
    """Evaluate a feature file.

    This needs the data set's lists, but not its images.

    \b
    Examples:
      bench eval f.h5 --protocol veri776 --data VeRi/
      bench eval f.h5 --protocol veri776/image-to-image --data VeRi/ --measure cmc@20 --json
      bench eval f.h5 --protocol veri776 --data VeRi/ --distractors other-city.h5
    """
    if words["measures"] and words["conventions"] and not words["json_wanted"]:
        raise click.UsageError("--measure and --conventions are shown together only with --json")
    from harness.compute.machine import open_machine
    from harness.features.kinds import refuse_foreign
    from harness.postprocessing.tuned import TunedFile
    from harness.registry.registry import load
    from harness.scoring.evaluation import chain_of
    from harness.scoring.recording import evaluate_file
    from harness.scoring.settings import ScoringSettings

    machine = open_machine(device, memory, timeout)
    same_words(machine.team, words)
    if words["rerank"] is not None or words["post"] or words["post_from"]:  # post-processing has no shards
        if not machine.first:
            return
        machine = machine.alone()
    with machine.team.together():
        refuse_foreign(features, _given(words))
        registry = load(words["plugin"])
        further = tuple(map(registry.measure, words["measures"]))
        tuned = None if words["post_from"] is None else TunedFile.read(words["post_from"])
        post = chain_of(words["post"], words["rerank"], registry, tuned)
        settings = ScoringSettings(
            words["metric"],
            post,
            further,
            words["skip_missing"],
            tuned=tuned,
            distractor_files=words["distractors"],
            machine=machine,
        )
        places = {"data": words["data"], "folder": words["record"], "conventions": words["conventions"]}
        records = evaluate_file(features, words["protocol"], settings, registry=registry, **places)
    if not machine.first:
        return
    if words["json_wanted"] or not words["conventions"]:
        show_records(records, further, json_wanted=words["json_wanted"])
    else:
        _show_comparison(records, registry, words, post.stated.remark)


def _given(words: dict[str, Any]) -> str:
    """Return the options of protocol and data set as they were typed, for a command that the user may copy."""
    places = [("--protocol", words["protocol"]), ("--data", words["data"])]
    places += [("--plugin", path) for path in words["plugin"]]
    return shlex.join(text for name, value in places if value is not None for text in (name, str(value)))


def _show_comparison(records: list[Record], registry: Registry, words: dict[str, Any], remark: str) -> None:
    from harness.scoring.comparison import compare, comparison_table
    from harness.tasks.conventions import with_conventions

    tasks = with_conventions(registry.tasks(words["protocol"])[1], words["conventions"])
    say(comparison_table(compare(tasks, {record.name.partition("/")[2]: record.measures for record in records})))
    if remark:
        say(f"- {remark}")
