"""The verb ``bench parts``: list, train and run detectors of parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, METHOD, OUTPUT, TRAINING, GroupedGroup, option
from harness.cli.output import log_to_terminal, say, show

if TYPE_CHECKING:
    from harness.detection.precision import Precision

FILE = click.Path(path_type=Path, dir_okay=False)


def _examples(*commands: str) -> str:
    """Return the end of a help text; click does not wrap lines after a backspace."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


DATA_AND_COMPUTE = shared.together(
    shared.protocol,
    shared.data,
    shared.follow_links,
    shared.skip_broken,
    shared.plugin_files,
    shared.device,
    shared.workers,
    shared.timeout,
)


@click.group(
    cls=GroupedGroup,
    section="Prepare data and boxes",
    epilog=_examples(
        "bench parts detectors",
        "bench parts train --detector ssd-small --protocol synthetic --out d.safetensors",
        "bench parts detect --detector d.safetensors --protocol synthetic --out boxes.h5",
    ),
)
def parts() -> None:
    """Train and run detectors of vehicle parts."""
    log_to_terminal()


@parts.command(epilog=_examples("bench parts detectors --json"))
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
    rows = [{"detector": name, "about": abouts[name], "options": options[name]} for name in names]
    lines = [
        f"{name}: {abouts[name]}\n  {' '.join(f'{option}={value}' for option, value in options[name].items())}"
        for name in names
    ]
    show(rows, json_wanted=json_wanted, text=lambda: "\n".join(lines))


@parts.command(
    epilog=_examples(
        "bench parts train --detector ssd-small --protocol synthetic --out d.safetensors",
        "bench parts train --detector ssd300 --protocol veri776 --data VeRi \\",
        "  --boxes labels.json --out d.safetensors",
    )
)
@option("--detector", "name", group=METHOD, required=True, metavar="NAME", help="A name from 'bench parts detectors'.")
@option("--boxes", group=DATA, type=shared.FILE, help="Labelled boxes of training images; default: the data set's own.")
@option("--out", group=OUTPUT, required=True, type=FILE, help="Checkpoint to write, such as d.safetensors.")
@shared.changes
@shared.seed("Seed of the training.")
@option(
    "--hold-out",
    group=TRAINING,
    default=0.2,
    type=click.FloatRange(0, 0.9, max_open=True),
    help="Share of the labelled images to measure the precision on.",
)
@DATA_AND_COMPUTE
@shared.as_json
def train(
    *,
    name: str,
    boxes: Path | None,
    out: Path,
    changes: tuple[str, ...],
    seed: int,
    hold_out: float,
    json_wanted: bool,
    **words: Any,
) -> None:
    """Train a detector and print its average precision."""
    from harness.detection.detect import make
    from harness.detection.train import DetectorRequest, train_detector
    from harness.methods.method import resolve_options
    from harness.registry.registry import load
    from harness.runs.request import parse_changes

    registry = load(words["plugin"])
    kind = registry.detector(name)
    given = parse_changes(changes)
    detector = make(kind, resolve_options(name, kind, changes=given, shown_by="bench parts detectors"))
    protocol, dataset = _data(registry, words)
    skip_broken = words["skip_broken"]
    request = DetectorRequest(name, protocol, dataset, boxes, hold_out, seed, _compute(words), skip_broken=skip_broken)
    precision = train_detector(detector, request, out)
    if not _first(words):
        return
    if precision is not None:
        show(_as_json(precision), json_wanted=json_wanted, text=lambda: _table(precision))
    say(f"detector: {out}", err=True)


@parts.command(
    epilog=_examples("bench parts detect --detector d.safetensors --protocol synthetic --split query --out boxes.h5")
)
@option("--detector", group=METHOD, required=True, type=FILE, help="Checkpoint from 'bench parts train'.")
@option("--out", group=OUTPUT, required=True, type=FILE, help="Boxes to write: .h5, or .json for a COCO file.")
@option(
    "--split", group=DATA, multiple=True, metavar="NAME", help="Only this split: train, query or gallery. Repeatable."
)
@DATA_AND_COMPUTE
def detect(*, detector: Path, out: Path, split: tuple[str, ...], **words: Any) -> None:
    """Detect parts in a data set and write their boxes."""
    from harness.boxes.coco import write_coco
    from harness.boxes.reading import sizes_of
    from harness.boxes.store import ENDINGS, write_boxes
    from harness.detection.detect import detect, load_detector
    from harness.detection.train import image_keys
    from harness.errors import UsageError
    from harness.registry.registry import load

    if out.suffix not in {*ENDINGS, ".json"}:
        raise UsageError("boxes cannot be written to this file", found=out, expected="a name that ends in .h5 or .json")
    registry = load(words["plugin"])
    loaded = load_detector(detector, registry)
    _, dataset = _data(registry, words)
    keys = image_keys(dataset, split)
    found = detect(loaded, dataset, keys, compute=_compute(words), skip_broken=words["skip_broken"])
    if not _first(words):
        return
    if out.suffix == ".json":
        write_coco(out, found, sizes_of(dataset))
    else:
        write_boxes(out, found)
    say(f"{sum(map(len, found.of_image.values()))} boxes in {len(found.of_image)} images: {out}", err=True)


def _data(registry: Any, words: dict[str, Any]) -> tuple[Any, Any]:
    from harness.tasks.opening import find_root

    protocol, _ = registry.tasks(words["protocol"])
    return protocol, protocol.load(find_root(protocol, words["data"]))


def _compute(words: dict[str, Any]) -> Any:
    from harness.compute.compute import Compute

    return Compute(device=words["device"], workers=words["workers"], timeout=words["timeout"])


def _first(words: dict[str, Any]) -> bool:
    """Return whether this is the first of several processes, which alone writes the answer."""
    from harness.compute.devices import open_fabric

    return bool(open_fabric(_compute(words)).is_global_zero)


def _as_json(precision: Precision) -> dict[str, object]:
    values = {"images": precision.images, "boxes": precision.boxes, "AP50": precision.ap50, "AP50:95": precision.ap}
    return {**values, "means": precision.means}


def _table(precision: Precision) -> str:
    """Return one row a class; a class without a labelled box has no precision, and the means leave it out."""
    from tabulate import tabulate

    rows = [
        [name, count, *(f"{values[name]:.3f}" if name in values else "-" for values in (precision.ap50, precision.ap))]
        for name, count in precision.boxes.items()
    ]
    means = [f"{value:.3f}" for value in precision.means.values()] or ["-", "-"]
    rows.append([f"mean over classes, {precision.images} images", sum(precision.boxes.values()), *means])
    return tabulate(rows, headers=["class", "boxes", "AP50", "AP50:95"], tablefmt="github", disable_numparse=True)
