"""The verb ``bench protocols``: list the protocols and their tasks, or show one."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, Named, option
from harness.cli.output import show, show_rows


@click.group(cls=Named, section="See what there is", invoke_without_command=True)
@shared.plugin_files
@shared.as_json
@click.pass_context
def protocols(ctx: click.Context, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """List the protocols and their tasks, or show one.

    \b
    Examples:
      bench protocols
      bench protocols veri776
    """
    if ctx.invoked_subcommand is not None:
        return
    from harness.registry.kinds import PROTOCOL
    from harness.registry.registry import load

    registry = load(plugin)
    rows = [
        {
            "task": f"{name}/{task.name}",
            "version": protocol.version,
            "measures": " ".join(task.measures),
            "about": task.about,
        }
        for name in registry.names(PROTOCOL)
        for protocol in [registry.protocol(name)]
        for task in protocol.tasks
    ]
    show_rows(rows, json_wanted=json_wanted)


@protocols.command("show")
@click.argument("name", help="Name of a protocol, or a TOML file of your own.")
@shared.data
@shared.plugin_files
@shared.as_json
def show_protocol(name: str, data: Path | None, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """Explain a protocol, its rules and their sources.

    With the folder of its data set, counts and fingerprints are shown too.

    \b
    Examples:
      bench protocols show veri776
      bench protocols show vehicleid --data VehicleID/ --json
    """
    from harness.describe.protocol import describe, text
    from harness.registry.registry import load

    protocol, _ = load(plugin).tasks(name)
    root = data if data is not None else protocol.default_root()
    described = describe(protocol, None if root is None else protocol.load(root))
    show(described, json_wanted=json_wanted, text=lambda: text(described))


@protocols.command("keys")
@click.argument("name", metavar="NAME[/TASK]", help="Name of a protocol or of one of its tasks, or a TOML file.")
@option(
    "--split",
    required=True,
    metavar="NAME",
    group=DATA,
    help="List to print: query, gallery, train or another split of the protocol.",
)
@shared.data
@shared.plugin_files
@shared.as_json
def keys(*, name: str, split: str, data: Path | None, plugin: tuple[Path, ...], json_wanted: bool) -> None:
    """Print the keys of a list in the protocol's order.

    Rows of features without names are taken in this order by 'bench features import --order'.

    \b
    Example:
      bench protocols keys veri776 --data VeRi/ --split query
    """
    from harness.exchange.lists import list_of
    from harness.registry.registry import load
    from harness.tasks.opening import find_root

    protocol, tasks = load(plugin).tasks(name)
    table = list_of(split, tasks, protocol.load(find_root(protocol, data)))
    show(list(table.paths), json_wanted=json_wanted, text=lambda: "\n".join(table.paths))
