"""The verbs on data sets: make one, check one."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli import options as shared


@click.group()
def data() -> None:
    """Make a data set, or check one."""


@data.command()
@click.argument("layout")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--vehicles", type=click.IntRange(4), help="Number of vehicles, training and test together.")
@click.option("--cameras", type=click.IntRange(2), help="Number of cameras.")
@click.option("--image-size", type=click.IntRange(32, 1024), help="Side of the images in pixels.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same seed draws the same bytes.")
@click.option("--workers", type=click.IntRange(1), help="Processes that draw; default: the number of cores.")
@click.option("--release", metavar="YEAR", help="Of a layout that was released twice: veriwild has 2019 and 2020.")
def make(layout: str, out: Path, release: str | None, **choices: int | None) -> None:
    """Draw synthetic vehicles into the folder OUT, in the released layout of LAYOUT.

    LAYOUT is a protocol; the one of `synthetic` is VeRi-776's.
    """
    from harness.basics.progress import progress
    from harness.errors import unknown_name
    from harness.registry.registry import load

    protocol = load().protocol(layout)
    if release is not None and release not in protocol.releases:
        raise unknown_name(f"release of {layout}", release, protocol.releases)
    chosen = {name: value for name, value in {**choices, "release": release}.items() if value is not None}
    with progress("drawing") as advance:
        made = protocol.make(out, progress=advance, **chosen)
    click.echo(made)


@data.command()
@click.argument("name")
@shared.data
@click.option("--all", "every_image", is_flag=True, help="Decode every image instead of a sample.")
@shared.plugin_files
@shared.as_json
@click.pass_context
def check(
    ctx: click.Context,
    name: str,
    data: Path | None,
    *,
    every_image: bool,
    plugin: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Compare a copy of the data set of protocol NAME with its release.

    Ends with 0 where results will be official, 1 where the copy is usable but different, 2 where it is of no use.
    """
    from harness.basics.progress import progress
    from harness.registry.registry import load
    from harness.scoring.evaluation import find_root
    from harness.tasks.check import check_copy, text

    protocol, _ = load(plugin).tasks(name)
    with progress("decoding") as advance:
        report = check_copy(protocol, find_root(protocol, data), every_image=every_image, progress=advance)
    click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if json_wanted else text(report))
    ctx.exit(report.status)
