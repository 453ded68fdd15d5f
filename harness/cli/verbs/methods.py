"""The verb ``bench methods``: list the methods, or show one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, METHOD, Named, option
from harness.cli.output import show, show_rows


@click.group(cls=Named, section="See what there is", invoke_without_command=True)
@shared.plugin_files
@shared.as_json
@click.pass_context
def methods(ctx: click.Context, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the methods, or show one.

    \b
    Examples:
      bench methods
      bench methods pgan/no-pam --recipe quick
    """
    if ctx.invoked_subcommand is not None:
        return
    from harness.registry.kinds import METHOD
    from harness.registry.registry import load

    registry = load(plugin)
    entries = [registry.entry(METHOD, name) for name in registry.names(METHOD)]
    rows = [{"method": entry.name, "about": entry.about, "plugin": entry.plugin} for entry in entries]
    show_rows(rows, json_wanted=json_wanted)


def _size(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return ``224`` and ``224x320`` as height and width."""
    if value is None:
        return None
    from harness.methods.sizes import MAX_SIDE, read_size

    size = read_size(value)
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and 0 < side <= MAX_SIDE for side in sides):
        raise click.BadParameter(f"'{value}' is not a size; write 224, or 224x320 for height x width")
    return sides[0], sides[1]


@methods.command("show")
@click.argument("name", metavar="NAME[/VARIANT]", help="Name of a method, as 'bench methods' lists it.")
@option(
    "--recipe",
    default="",
    show_default=False,
    group=METHOD,
    help="Named set of options; default: the method's defaults.",
)
@shared.changes
@option(
    "--vehicles",
    type=click.IntRange(1),
    group=DATA,
    help="Number of training vehicles; default: as in VeRi-776, also for colours and models.",
)
@option("--colours", type=click.IntRange(0), group=DATA, help="Number of colours; 0 if no image has a colour.")
@option(
    "--models",
    type=click.IntRange(0),
    group=DATA,
    help="Number of models, used instead of types; 0 if no image has either.",
)
@option(
    "--input", "size", callback=_size, metavar="H[xW]", group=DATA, help="Height and width of the images in pixels."
)
@shared.plugin_files
@shared.as_json
def show_method(
    *,
    name: str,
    changes: tuple[str, ...],
    vehicles: int | None,
    plugin: tuple[Path, ...],
    json_wanted: bool,
    **words: Any,
) -> None:
    """Show a method's papers, options, stages and parameters.

    The network is built without allocating its weights.

    \b
    Examples:
      bench methods show pgan
      bench methods show ram --set backbone=resnet50 --vehicles 13164 --json
    """
    from harness.describe.method import describe_method, number_of_classes, text
    from harness.registry.registry import load
    from harness.runs.request import parse_changes

    classes = number_of_classes(vehicles, words.pop("colours"), words.pop("models"))
    described = describe_method(load(plugin), name, changes=parse_changes(changes), classes=classes, **words)
    show(described, json_wanted=json_wanted, text=lambda: text(described))
