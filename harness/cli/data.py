"""The verb ``bench data``: draw a data set, or check one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.cli import options as shared
from harness.cli.grouped import COMPUTE, DATA, GroupedGroup, option
from harness.cli.output import show


@click.group(cls=GroupedGroup, section="Prepare data and boxes")
def data() -> None:
    """Draw a synthetic data set, or check a copy of a real one."""


@data.command()
@click.argument("layout", help="Name of a protocol whose layout is drawn: synthetic, veri776, veriwild, ...")
@click.argument("out", type=shared.PATH, help="Folder to draw into, new or empty.")
@option("--vehicles", type=click.IntRange(4), group=DATA, help="Number of vehicles, for training and test.")
@option("--cameras", type=click.IntRange(2), group=DATA, help="Number of cameras.")
@option("--image-size", type=click.IntRange(32, 1024), group=DATA, help="Longer side of the images in pixels.")
@option("--seed", type=click.IntRange(0, 2**31 - 1), group=DATA, help="Seed; the same seed draws the same bytes.")
@option(
    "--release",
    metavar="YEAR",
    group=DATA,
    help="Release whose lists are written, for a layout with several: 2019 or 2020 of veriwild.",
)
@option("--workers", type=click.IntRange(1), group=COMPUTE, help="Number of drawing processes; default: one per core.")
@shared.plugin_files
def make(*, layout: str, out: Path, release: str | None, plugin: tuple[Path, ...], **choices: int | None) -> None:
    """Draw synthetic vehicles in the layout of a data set.

    \b
    Examples:
      bench data make synthetic drawn/
      bench data make veriwild drawn/ --vehicles 60 --release 2020
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
@click.argument("name", help="Name of a protocol, or a TOML file of your own.")
@shared.data
@option("--all", "every_image", is_flag=True, group=DATA, help="Decode every image instead of a sample.")
@shared.plugin_files
@shared.as_json
@click.pass_context
def check(ctx: click.Context, /, *, name: str, data: Path | None, plugin: tuple[Path, ...], **flags: bool) -> None:
    """Compare a copy of a data set with its release.

    The exit status is 0 if results will be official, 1 if the copy is usable but differs, 2 if it cannot be used.

    \b
    Example:
      bench data check veri776 --data VeRi/
    """
    from harness.basics.progress import progress
    from harness.registry.registry import load
    from harness.scoring.evaluation import find_root
    from harness.tasks.check import check_copy, text

    protocol, _ = load(plugin).tasks(name)
    with progress("decoding") as advance:
        root = find_root(protocol, data)
        report = check_copy(protocol, root, every_image=flags["every_image"], progress=advance)
    show(asdict(report), json_wanted=flags["json_wanted"], text=lambda: text(report))
    ctx.exit(report.status)
