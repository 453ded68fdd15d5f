"""The verbs on data sets: make one, check one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
@click.option("--image-size", type=click.IntRange(32, 1024), help="Longer side of the images in pixels.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same seed draws the same bytes.")
@click.option("--workers", type=click.IntRange(1), help="Number of drawing processes (default: one a core).")
@click.option("--release", metavar="YEAR", help="Release whose lists are written: 2019 or 2020, for veriwild only.")
@shared.plugin_files
def make(layout: str, out: Path, release: str | None, plugin: tuple[Path, ...], **choices: int | None) -> None:
    """Draw synthetic vehicles into the new folder OUT, as the data set LAYOUT is laid out.

    LAYOUT is the name of a protocol: synthetic (the layout of VeRi-776), vehicleid, veri776, veriwild, vric or vru.

    Example: bench data make veriwild DRAWN --vehicles 60 --release 2020
    """
    from harness.basics.progress import progress
    from harness.errors import unknown_name
    from harness.registry.registry import load

    chosen = load(plugin).layout(layout)
    if release is not None and release not in chosen.releases:
        raise unknown_name(f"release of {layout}", release, chosen.releases)
    given: dict[str, Any] = {k: value for k, value in {**choices, "release": release}.items() if value is not None}
    with progress("drawing") as advance:
        click.echo(chosen.make(out, progress=advance, **given))


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

    The exit status is 0 if results will be official, 1 if the copy is usable but differs, and 2 if it is unusable.
    """
    from harness.basics.progress import progress
    from harness.registry.registry import load
    from harness.scoring.evaluation import find_root
    from harness.tasks.check import check as check_copy
    from harness.tasks.check import text

    protocol, _ = load(plugin).tasks(name)
    with progress("decoding") as advance:
        report = check_copy(protocol, find_root(protocol, data), every_image=every_image, progress=advance)
    click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if json_wanted else text(report))
    ctx.exit(report.status)
