"""The verbs of the way from images to a number: run, and its steps train, extract and eval."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from harness.cli import options as shared

if TYPE_CHECKING:
    from harness.runs.run import Run
    from harness.scoring.record import Record
    from harness.tasks.reranking import Reranking
    from harness.tasks.task import Task


def _of_a_run(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that run, train and extract share."""
    decorators = [
        click.option("--method", required=True, metavar="NAME[/VARIANT]", help="The method, or an ablation of it."),
        shared.protocol,
        shared.data,
        click.option("--train-on", metavar="NAME", help="Train on another protocol's training images."),
        click.option("--train-data", type=click.Path(path_type=Path), metavar="DIR", help="Where those lie."),
        click.option("--recipe", help="A named set of options; default: what the training protocol proposes."),
        click.option("--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option. Repeatable."),
        click.option("--boxes", type=click.Path(path_type=Path), metavar="FILE", help="Boxes of parts in the images."),
        click.option("--train-boxes", type=click.Path(path_type=Path), metavar="FILE", help="In those of --train-on."),
        click.option("--detector", type=click.Path(path_type=Path), metavar="FILE", help="Finds boxes nobody gives."),
        click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1)),
        click.option("--checkpoint", type=click.Path(path_type=Path), metavar="FILE", help="Use this; train nothing."),
        click.option("--runs", default="runs", show_default=True, type=click.Path(path_type=Path), metavar="DIR"),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps."),
        click.option(
            "--devices", default=1, show_default=True, type=click.IntRange(1), help="Processes, one a device."
        ),
        click.option("--nodes", default=1, show_default=True, type=click.IntRange(1), help="Machines."),
        click.option(
            "--precision",
            default="32-true",
            show_default=True,
            type=click.Choice(["32-true", "bf16-mixed", "16-mixed", "bf16-true"]),
        ),
        click.option("--workers", type=click.IntRange(0), help="Processes that decode; default: by the machine."),
        shared.skip_broken,
        click.option(
            "--validate",
            default="train",
            show_default=True,
            type=click.Choice(["train", "test", "none"]),
            help="After each epoch: on held-out training vehicles, on the test split, or not at all.",
        ),
        click.option(
            "--hold-out",
            default=0.1,
            show_default=True,
            type=click.FloatRange(0, 0.9, max_open=True),
            help="The share of the training vehicles held out for --validate train.",
        ),
        shared.plugin_files,
    ]
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def _of_an_extraction(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that run and extract share."""
    batch = click.option(
        "--batch", type=click.IntRange(1), help="Images embedded at once; default: by the device. Moves last digits."
    )
    compiled = click.option(
        "--compile", "compiled", is_flag=True, help="Embed with torch.compile; needs a C++ compiler. Moves last digits."
    )
    return batch(compiled(command))


def _prepare(words: dict[str, Any]) -> Run:
    """Turn the command line's words into a run."""
    from harness.compute.compute import Compute
    from harness.compute.machine import team_before
    from harness.registry.registry import load
    from harness.runs.request import Request, parse_changes
    from harness.runs.run import Run

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("bench").setLevel(logging.INFO)
    machine = ("device", "devices", "nodes", "precision", "workers", "batch", "compiled")
    compute = Compute(**{name: words.pop(name) for name in machine if name in words})
    with team_before(compute).together():
        registry = load(words.pop("plugin"))
        changes = parse_changes(words.pop("changes"))
        return Run(Request(**words, changes=changes, compute=compute), registry)


def _print_records(records: list[Record], *, json_wanted: bool) -> None:
    from harness.scoring.tables import scores_table

    if json_wanted:
        click.echo(json.dumps([summary(record) for record in records], indent=2, allow_nan=False))
    else:
        click.echo(scores_table(records))


def _print_comparison(records: list[Record], tasks: Sequence[Task], rerank: Reranking | None) -> None:
    from harness.scoring.comparison import compare, comparison_table

    click.echo(comparison_table(compare(tasks, {found.name.partition("/")[2]: found.measures for found in records})))
    if rerank is not None:
        click.echo(f"- {rerank.remark}")


def summary(record: Record) -> dict[str, object]:
    """Return what ``--json`` prints of one task."""
    return {
        "task": record.name,
        "method": record.method,
        "variant": record.variant,
        "fingerprint": record.fingerprint,
        "official": record.official,
        "metric": record.metric,
        "rerank": None if record.rerank is None else record.rerank.values,
        "queries": record.queries,
        "ignored_queries": record.ignored_queries,
        "ties": record.ties,
        "measures": dict(record.measures),
    }


@click.command()
@_of_a_run
@_of_an_extraction
@click.option("--memory", type=click.IntRange(1), metavar="MIB", help="Memory for the evaluation.")
@shared.metric
@shared.rerank
@shared.as_json
def run(*, json_wanted: bool, memory: int | None, **words: Any) -> None:
    """Train, extract, evaluate and record; what stands from an identical run is used again."""
    prepared = _prepare({**words, "memory": None if memory is None else memory << 20})
    records = prepared.run()
    if prepared.fabric.is_global_zero:
        _print_records(records, json_wanted=json_wanted)
        click.echo(f"run folder: {prepared.folder}", err=True)


@click.command()
@_of_a_run
def train(**words: Any) -> None:
    """Train a method on the protocol's training images and print the checkpoint's path."""
    prepared = _prepare(words)
    checkpoint = prepared.train()
    if prepared.fabric.is_global_zero:
        click.echo(checkpoint if checkpoint else "nothing to train: the method has no fit")


@click.command()
@_of_a_run
@_of_an_extraction
def extract(**words: Any) -> None:
    """Extract the features of the protocol's queries and gallery and print the feature file's path."""
    prepared = _prepare(words)
    features = prepared.extract()
    if prepared.fabric.is_global_zero:
        click.echo(features)


@click.command("eval")
@click.argument("features", type=click.Path(path_type=Path))
@shared.protocol
@shared.data
@shared.metric
@shared.rerank
@shared.skip_broken
@shared.plugin_files
@click.option("--device", default="cpu", show_default=True, help="What ranks: cpu, cuda, cuda:1 or auto.")
@click.option("--memory", type=click.IntRange(1), metavar="MIB", help="Memory for the evaluation.")
@click.option(
    "--conventions",
    multiple=True,
    metavar="NAME",
    help="Score under this convention too, or under 'all', and print the differences. Repeatable.",
)
@click.option("--record", type=click.Path(path_type=Path), metavar="DIR", help="Write the records into this folder.")
@shared.as_json
def evaluate(
    *,
    features: Path,
    protocol: str,
    data: Path | None,
    metric: Literal["cosine", "euclidean"] | None,
    rerank: Reranking | None,
    skip_broken: bool,
    plugin: tuple[Path, ...],
    device: str,
    memory: int | None,
    conventions: tuple[str, ...],
    record: Path | None,
    json_wanted: bool,
) -> None:
    """Evaluate a feature file: the data set's lists are needed, its images are not."""
    from harness.compute.machine import open_machine
    from harness.registry.registry import load
    from harness.scoring.recording import evaluate_file
    from harness.tasks.conventions import with_conventions

    machine = open_machine(device, None if memory is None else memory << 20)
    if rerank is not None:  # it has no shards
        if not machine.first:
            return
        machine = machine.alone()
    with machine.team.together():
        registry = load(plugin)
        records = evaluate_file(
            features,
            protocol,
            data=data,
            metric=metric,
            skip_missing=skip_broken,
            machine=machine,
            registry=registry,
            folder=record,
            conventions=conventions,
            rerank=rerank,
        )
    if not machine.first:
        return
    if json_wanted or not conventions:
        _print_records(records, json_wanted=json_wanted)
    else:
        _print_comparison(records, with_conventions(registry.tasks(protocol)[1], conventions), rerank)
