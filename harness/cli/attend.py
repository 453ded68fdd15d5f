"""The verb that shows what a trained network looks at."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli import options as shared


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="Of the pictures; default: attention in RUN."
)
@click.option(
    "--boxes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Boxes of parts in the images; default: those that the run kept of its own images.",
)
@click.option("--detector", type=click.Path(path_type=Path), metavar="FILE", help="Finds the boxes.")
@click.option(
    "--scale", default=1, show_default=True, type=click.IntRange(1, 16), help="Enlarge images that are small."
)
@shared.plugin_files
@shared.as_json
def attend(
    *,
    run: Path,
    images: tuple[Path, ...],
    output: Path | None,
    boxes: Path | None,
    detector: Path | None,
    scale: int,
    plugin: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Draw what the network of RUN looks at in each IMAGE, and print the pictures' paths.

    RUN is a run's folder or a checkpoint. Colours go from blue, 0, to red, the map's largest value. A picture's name is
    its image's, a digest of the image, and what is drawn: a map of the method's own attention, or each cell's share in
    the feature; for pgan the parts with their weights as well.
    """
    from harness.attend.attend import attend as look
    from harness.registry.registry import load

    seen = look(run, images, registry=load(plugin), output=output, boxes=boxes, detector=detector, scale=scale)
    if json_wanted:
        rows = [
            {
                "image": str(one.image),
                "files": [str(path) for path in one.files],
                "parts": [{"part": part, "weight": weight} for part, weight in one.parts],
            }
            for one in seen
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for one in seen:
        for path in one.files:
            click.echo(path)
