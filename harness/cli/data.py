"""The verbs on data sets: make one."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def data() -> None:
    """Make a data set."""


@data.command()
@click.argument("layout")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--vehicles", type=click.IntRange(4), help="Number of vehicles, training and test together.")
@click.option("--cameras", type=click.IntRange(2), help="Number of cameras.")
@click.option("--image-size", type=click.IntRange(32, 1024), help="Side of the images in pixels.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same seed draws the same bytes.")
@click.option("--workers", type=click.IntRange(1), help="Processes that draw; default: the number of cores.")
def make(layout: str, out: Path, **choices: int | None) -> None:
    """Draw synthetic vehicles into the folder OUT, in the released layout of LAYOUT.

    The layout `synthetic` is VeRi-776's.
    """
    from harness.plugins import load
    from harness.progress import progress

    protocol = load().protocol(layout)
    with progress("drawing") as advance:
        made = protocol.make(
            out, progress=advance, **{name: value for name, value in choices.items() if value is not None}
        )
    click.echo(made)
