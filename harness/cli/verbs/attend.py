"""The verb ``bench attend``: show what a trained network looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, OUTPUT, command, option
from harness.cli.output import show


@command("See what there is")
@click.argument("run", type=shared.PATH, help="Folder of a run, or a checkpoint.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=shared.PATH, help="Image files.")
@option(
    "--boxes",
    type=shared.FILE,
    group=DATA,
    help="Boxes of parts in the images; default: the boxes that the run stored for its own images.",
)
@shared.detector
@shared.plugin_files
@option(
    "--out",
    type=shared.DIR,
    group=OUTPUT,
    help="Folder to write the pictures into; default: 'attention' in the run's folder.",
)
@option(
    "--scale", default=1, type=click.IntRange(1, 16), group=OUTPUT, help="Factor by which the pictures are enlarged."
)
@shared.as_json
def attend(*, run: Path, images: tuple[Path, ...], plugin: tuple[Path, ...], json_wanted: bool, **words: Any) -> None:
    """Draw what a trained network looks at in images.

    Prints the path of each picture. Colours range from blue (0) to red (the map's largest value). A map shows the
    method's own attention, or how much each cell contributes to the feature; pgan's parts are drawn with their weights.

    \b
    Example:
      bench attend runs/pgan-synthetic-1a2b3c4d5e6f VeRi/image_test/0002_c002_00030600_0.jpg
    """
    from harness.attend.attend import attend as look
    from harness.registry.registry import load

    seen = look(run, images, registry=load(plugin), **words)
    rows = [
        {
            "image": str(one.image),
            "files": [str(path) for path in one.files],
            "parts": [{"part": part, "weight": weight} for part, weight in one.parts],
        }
        for one in seen
    ]
    show(rows, json_wanted=json_wanted, text=lambda: "\n".join(str(path) for one in seen for path in one.files))
