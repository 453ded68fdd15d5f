"""The verbs that list what there is: methods, protocols, plugins."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.options import as_json, data, plugin_files

MAX_SIDE = 1 << 14
"""No side of an image is longer than 16,384 pixels."""


def _table(rows: list[dict[str, object]]) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def _show(rows: list[dict[str, object]], *, json_wanted: bool) -> None:
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False) if json_wanted else _table(rows))


class _Methods(click.Group):
    """``bench methods NAME`` is short for ``bench methods show NAME``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is no verb for a method's name."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


@click.group(cls=_Methods, invoke_without_command=True)
@plugin_files
@as_json
@click.pass_context
def methods(ctx: click.Context, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the methods, or `show` one: its papers, options, stages and parameters."""
    if ctx.invoked_subcommand is not None:
        return
    from harness.registry.registry import load

    registry = load(plugin)
    entries = [registry.entry("method", known) for known in registry.names("method")]
    rows: list[dict[str, object]] = [
        {"method": entry.name, "about": entry.about, "plugin": entry.plugin} for entry in entries
    ]
    _show(rows, json_wanted=json_wanted)


def _size(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return ``224`` and ``224x320`` as height and width."""
    if value is None:
        return None
    sides = value.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 0 < int(side) <= MAX_SIDE for side in sides):
        raise click.BadParameter(f"'{value}' is no size; write 224, or 224x320 for height x width")
    return int(sides[0]), int(sides[-1])


@methods.command("show")
@click.argument("name", metavar="NAME[/VARIANT]")
@click.option("--recipe", default="", help="A named set of options; default: the method's defaults.")
@click.option("--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option. Repeatable.")
@click.option("--vehicles", type=click.IntRange(1), help="Classes in training; default: VeRi-776's, as below.")
@click.option("--colours", type=click.IntRange(0), help="0: no image has a colour.")
@click.option("--models", type=click.IntRange(0), help="In place of types; 0: no image has either.")
@click.option("--input", "size", callback=_size, metavar="H[xW]", help="Height and width of the images in pixels.")
@plugin_files
@as_json
def show_method(
    *,
    name: str,
    recipe: str,
    changes: tuple[str, ...],
    vehicles: int | None,
    colours: int | None,
    models: int | None,
    size: tuple[int, int] | None,
    plugin: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Say what the method NAME is: papers, variants, options, needs, and what is inside its network.

    The network is built without memory for its weights.
    """
    from harness.describe.method import describe_method, number_of_classes, text
    from harness.registry.registry import load
    from harness.runs.request import parse_changes

    described = describe_method(
        load(plugin),
        name,
        recipe=recipe,
        changes=parse_changes(changes),
        classes=number_of_classes(vehicles, colours, models),
        size=size,
    )
    click.echo(json.dumps(described, indent=2, ensure_ascii=False) if json_wanted else text(described))


@click.group(invoke_without_command=True)
@plugin_files
@as_json
@click.pass_context
def protocols(ctx: click.Context, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the protocols and their tasks, or `show` one in plain words."""
    if ctx.invoked_subcommand is not None:
        return
    from harness.registry.registry import load

    registry = load(plugin)
    rows: list[dict[str, object]] = []
    for name in registry.names("protocol"):
        protocol = registry.protocol(name)
        rows += [
            {
                "task": f"{name}/{task.name}",
                "version": protocol.version,
                "measures": " ".join(task.measures),
                "about": task.about,
            }
            for task in protocol.tasks
        ]
    _show(rows, json_wanted=json_wanted)


@protocols.command()
@click.argument("name")
@data
@plugin_files
@as_json
def show(name: str, data: Path | None, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """Say what the protocol NAME asks, how it is scored, and where each statement comes from.

    With its data set at hand, the counts and fingerprints are shown too.
    """
    from harness.describe.protocol import describe, text
    from harness.registry.registry import load

    protocol, _ = load(plugin).tasks(name)
    root = data if data is not None else protocol.default_root()
    described = describe(protocol, None if root is None else protocol.load(root))
    click.echo(json.dumps(described, indent=2, ensure_ascii=False) if json_wanted else text(described))


@click.command()
@plugin_files
@as_json
def plugins(plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the installed plugins, what each brings, and what is wrong with those that do not work."""
    from harness.registry.registry import load

    rows: list[dict[str, object]] = [
        {
            "plugin": found.name,
            "version": found.version,
            "methods": " ".join(sorted(found.methods)),
            "protocols": " ".join(sorted(found.protocols)),
            "detectors": " ".join(sorted(found.detectors)),
            "problem": found.problem,
        }
        for found in load(plugin).plugins
    ]
    _show(rows, json_wanted=json_wanted)
