"""The verb ``bench export``: the network of a finished run as a file for elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, METHOD, OUTPUT, command, option
from harness.cli.output import own_output, show

if TYPE_CHECKING:
    from harness.runs.export import Export


@command("Get a number")
@click.argument("run", type=shared.DIR, help="Folder of a finished run, as 'bench run' prints it.")
@option(
    "--to",
    required=True,
    type=click.Choice(["onnx", "torchscript", "safetensors"]),
    group=OUTPUT,
    help="Format: a graph, a program, or the tensors alone.",
)
@option("--out", required=True, type=shared.FILE, group=OUTPUT, help="File to write.")
@shared.force
@option("--checkpoint", type=shared.FILE, group=METHOD, help="Checkpoint of the run, if it was given one.")
@shared.changes
@shared.plugin_files
@option("--protocol", metavar="NAME", group=DATA, help="Protocol of the run's images; default: as its features say.")
@shared.data
@shared.as_json
def export(*, plugin: tuple[Path, ...], changes: tuple[str, ...], force: bool, json_wanted: bool, **words: Any) -> None:
    """Export the network of a finished run.

    The file's network takes (n, 3, height, width) float32, RGB from 0 to 1, at the run's input size; mean and deviation
    are inside. Before the file gets its name, its features of some images are compared with the run's own.

    \b
    Examples:
      bench export runs/strong-baseline-synthetic-0123456789ab --to onnx --out baseline.onnx
      bench run --method onnx --set weights=baseline.onnx --protocol synthetic
    """
    from harness.basics.files import refuse_existing
    from harness.registry.registry import load
    from harness.runs.export import ExportRequest, export as write
    from harness.runs.request import parse_changes

    refuse_existing(words["out"], force=force)
    with own_output():
        done = write(ExportRequest(**words, changes=parse_changes(changes)), load(plugin))
    show(_values(done), json_wanted=json_wanted, text=lambda: _text(done, words["to"]))


def _values(done: Export) -> dict[str, object]:
    return {"file": str(done.path), **done.card.model_dump(mode="json"), "feature": done.width, **_check(done)}


def _check(done: Export) -> dict[str, object]:
    return {
        "images": done.images,
        "largest_difference": done.difference,
        "least_cosine": done.cosine,
        "precision": done.precision,
    }


def _text(done: Export, to: str) -> str:
    from harness.runs.graphs import FORMATS

    height, width = done.card.input_size
    resized = str(done.card.resizing) or "bilinear"
    lines = [
        f"{done.path}: the network of {done.card.run}",
        f"input: (n, 3, {height}, {width}) float32, RGB from 0 to 1; pictures resized: {resized}",
        f"output: (n, {done.width}) float32, compared by {done.card.metric}",
        f"checked on {done.images} images of the run: largest difference {done.difference:.2g}, "
        f"least cosine {done.cosine:.6f}",
    ]
    if done.precision != "32-true":
        lines.append(f"the run computed its features in {done.precision}, and the file computes in float32")
    further = " --set network=torchvision:NAME" if to == "safetensors" else ""
    lines.append(f"score it with: bench run --method {FORMATS[to].method}{further} --set weights={done.path} ...")
    return "\n".join(lines)
