"""The verb ``bench parts``: list, train and run detectors of parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared

if TYPE_CHECKING:
    from harness.detection.precision import Precision

FILE = click.Path(path_type=Path, dir_okay=False)


def _of_a_machine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the machine and of the data set."""
    decorators = [
        shared.protocol,
        shared.data,
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps."),
        click.option("--workers", type=click.IntRange(0), help="Processes that decode; default: by the machine."),
        click.option("--skip-broken", is_flag=True, help="Leave out images that cannot be read."),
        shared.plugin_files,
    ]
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


@click.group()
def parts() -> None:
    """Boxes of parts for the methods that need them: detectors, their training, and what they find."""
    import logging
    import sys

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("bench").setLevel(logging.INFO)


@parts.command()
@shared.plugin_files
@shared.as_json
def detectors(plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the detectors with their options."""
    from harness.registry.kinds import DETECTOR
    from harness.registry.registry import load

    registry = load(plugin)
    names = registry.names(DETECTOR)
    abouts = {name: registry.entry(DETECTOR, name).about for name in names}
    options = {name: registry.detector(name).Options().model_dump(mode="json") for name in names}
    if json_wanted:
        rows = [{"detector": name, "about": abouts[name], "options": options[name]} for name in names]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for name in names:
        click.echo(f"{name}: {abouts[name]}")
        click.echo(f"  {' '.join(f'{option}={value}' for option, value in options[name].items())}")


@parts.command()
@click.option("--detector", "name", required=True, metavar="NAME", help="As 'bench parts detectors' lists them.")
@click.option(
    "--boxes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labelled boxes of training images; default: the data set's own.",
)
@click.option("--output", required=True, type=FILE, metavar="FILE", help="The checkpoint: detector.safetensors.")
@click.option("--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option. Repeatable.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1))
@click.option(
    "--hold-out",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0, 0.9, max_open=True),
    help="The share of the labelled images that is measured on and not trained on.",
)
@_of_a_machine
@shared.as_json
def train(
    *,
    name: str,
    boxes: Path | None,
    output: Path,
    changes: tuple[str, ...],
    seed: int,
    hold_out: float,
    json_wanted: bool,
    **words: Any,
) -> None:
    """Train a detector on labelled images of the training split, and print its average precision."""
    from harness.detection import train as training
    from harness.detection.detect import make
    from harness.methods.method import resolve_options
    from harness.registry.registry import load
    from harness.runs.request import parse_changes

    registry = load(words["plugin"])
    kind = registry.detector(name)
    detector = make(kind, resolve_options(name, kind, changes=parse_changes(changes)))
    protocol, dataset = _data(registry, words)
    asked = training.Asked(
        name, protocol, dataset, boxes, hold_out, seed, _compute(words), skip_broken=words["skip_broken"]
    )
    measured = training.train(detector, asked, output)
    if measured is not None:
        click.echo(_as_json(measured) if json_wanted else _table(measured))
    click.echo(f"detector: {output}", err=True)


@parts.command()
@click.option("--detector", required=True, type=FILE, metavar="FILE", help="As 'bench parts train' wrote it.")
@click.option("--output", required=True, type=FILE, metavar="FILE", help="boxes.h5, or boxes.json for a COCO file.")
@click.option("--split", multiple=True, metavar="NAME", help="train, query or gallery; default: all. Repeatable.")
@_of_a_machine
def detect(*, detector: Path, output: Path, split: tuple[str, ...], **words: Any) -> None:
    """Look for parts in a data set's images, and write their boxes."""
    from harness.boxes.coco import write_coco
    from harness.boxes.reading import sizes_of
    from harness.boxes.store import ENDINGS, write_boxes
    from harness.detection.detect import detect, load_detector
    from harness.detection.train import of_splits
    from harness.errors import UsageError
    from harness.registry.registry import load

    if output.suffix not in {*ENDINGS, ".json"}:
        raise UsageError("boxes cannot be written so", found=output, expected="a name that ends in .h5 or .json")
    registry = load(words["plugin"])
    loaded = load_detector(detector, registry)
    _, dataset = _data(registry, words)
    keys = of_splits(dataset, split)
    found = detect(loaded, dataset, keys, compute=_compute(words), skip_broken=words["skip_broken"])
    if output.suffix == ".json":
        write_coco(output, found, sizes_of(dataset))
    else:
        write_boxes(output, found)
    click.echo(f"{sum(map(len, found.of_image.values()))} boxes in {len(found.of_image)} images: {output}", err=True)


def _data(registry: Any, words: dict[str, Any]) -> tuple[Any, Any]:
    """Return the protocol and its data set."""
    from harness.scoring.evaluation import find_root

    protocol, _ = registry.tasks(words["protocol"])
    return protocol, protocol.load(find_root(protocol, words["data"]))


def _compute(words: dict[str, Any]) -> Any:
    from harness.compute.compute import Compute

    return Compute(device=words["device"], workers=words["workers"])


def _as_json(measured: Precision) -> str:
    values = {"images": measured.images, "boxes": measured.boxes, "AP50": measured.ap50, "AP50:95": measured.ap}
    return json.dumps({**values, "means": measured.means}, indent=2, allow_nan=False)


def _table(measured: Precision) -> str:
    """Return a row a class; one without a labelled box has no precision and is in no mean."""
    from tabulate import tabulate

    rows = [
        [name, count, *(f"{values[name]:.3f}" if name in values else "-" for values in (measured.ap50, measured.ap))]
        for name, count in measured.boxes.items()
    ]
    means = [f"{value:.3f}" for value in measured.means.values()] or ["-", "-"]
    rows.append([f"mean over classes, {measured.images} images", sum(measured.boxes.values()), *means])
    return tabulate(rows, headers=["class", "boxes", "AP50", "AP50:95"], tablefmt="github", disable_numparse=True)
