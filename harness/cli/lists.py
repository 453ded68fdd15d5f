"""The verbs that list what there is: methods, protocols, plugins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, data, plugin_files

if TYPE_CHECKING:
    from harness.plugins import Registry


def _table(rows: list[dict[str, object]]) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def _show(rows: list[dict[str, object]], *, json_wanted: bool) -> None:
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False) if json_wanted else _table(rows))


@click.command()
@click.argument("name", required=False)
@plugin_files
@as_json
def methods(name: str | None, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the methods, or show one with its variants, recipes and options."""
    from harness.plugins import load

    registry = load(plugin)
    if name is None:
        entries = [registry.entry("method", known) for known in registry.names("method")]
        rows: list[dict[str, object]] = [
            {"method": entry.name, "about": entry.about, "plugin": entry.plugin} for entry in entries
        ]
        _show(rows, json_wanted=json_wanted)
        return
    described = _describe(registry, name)
    if json_wanted:
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
        return
    click.echo(f"{name}: {described['about']}\n")
    for word in ("variants", "recipes"):
        click.echo(f"{word}: {', '.join(described[word]) or '-'}")
    click.echo(f"needs: {', '.join(described['needs']) or '-'}\n")
    click.echo(_table(described["options"]))


def _describe(registry: Registry, name: str) -> dict[str, Any]:
    """Return everything that a user can choose of one method."""
    entry, method = registry.entry("method", name), registry.method(name)
    options = [
        {
            "option": option,
            "default": repr(field.get_default()),
            "about": field.description or "",
            **{
                recipe: repr(values.get(option, "")) if option in values else ""
                for recipe, values in method.recipes.items()
            },
        }
        for option, field in method.Options.model_fields.items()
    ]
    return {
        "method": name,
        "about": entry.about or method.about,
        "plugin": entry.plugin,
        "variants": sorted(method.variants),
        "recipes": sorted(method.recipes),
        "needs": sorted(method.needs | method.test_needs),
        "metric": method.metric,
        "options": options,
    }


@click.group(invoke_without_command=True)
@plugin_files
@as_json
@click.pass_context
def protocols(ctx: click.Context, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the protocols and their tasks, or `show` one in plain words."""
    if ctx.invoked_subcommand is not None:
        return
    from harness.plugins import load

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
    from harness.describe import describe, text
    from harness.plugins import load

    protocol, _ = load(plugin).tasks(name)
    root = data if data is not None else protocol.default_root()
    described = describe(protocol, None if root is None else protocol.load(root))
    click.echo(json.dumps(described, indent=2, ensure_ascii=False) if json_wanted else text(described))


@click.command()
@plugin_files
@as_json
def plugins(plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the installed plugins, what each brings, and what is wrong with those that do not work."""
    from harness.plugins import load

    rows: list[dict[str, object]] = [
        {
            "plugin": found.name,
            "version": found.version,
            "methods": " ".join(sorted(found.methods)),
            "protocols": " ".join(sorted(found.protocols)),
            "problem": found.problem,
        }
        for found in load(plugin).plugins
    ]
    _show(rows, json_wanted=json_wanted)
