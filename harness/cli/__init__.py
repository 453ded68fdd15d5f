"""The command ``bench``: every verb is a module of its own, and nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import entry_points

import click

from harness.errors import BenchError

VERBS = {
    "attend": "harness.cli.attend:attend",
    "data": "harness.cli.data:data",
    "eval": "harness.cli.run:evaluate",
    "extract": "harness.cli.run:extract",
    "methods": "harness.cli.lists:methods",
    "plugins": "harness.cli.lists:plugins",
    "protocols": "harness.cli.lists:protocols",
    "run": "harness.cli.run:run",
    "train": "harness.cli.run:train",
}
INTERRUPTED = 130


class Bench(click.Group):
    """The group of all verbs: the harness's own, and those of the entry-point group ``bench.commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs, sorted."""
        return sorted({*VERBS, *(found.name for found in entry_points(group="bench.commands"))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return one verb, imported now; a third party's that cannot be imported answers with the reason."""
        if cmd_name in VERBS:
            module, _, attribute = VERBS[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        for found in entry_points(group="bench.commands", name=cmd_name):
            try:
                loaded = found.load()
            except Exception as problem:  # whatever a third party's import raises
                return _broken(cmd_name, f"{type(problem).__name__}: {problem}")
            return loaded if isinstance(loaded, click.Command) else _broken(cmd_name, "it is no click command")
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest verb when there is none of that name."""
        verbs = self.list_commands(ctx)
        if args and args[0] not in verbs and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], verbs, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; a mistake ends with its message and status, never with a traceback."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            if error.told:  # one that ended with another status would have the first process killed before it speaks
                ctx.exit(0)
            click.echo(f"bench: {error}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("bench: interrupted; the same command goes on from what stands", err=True)
            ctx.exit(INTERRUPTED)


def _broken(name: str, problem: str) -> click.Command:
    """Return a command that only says why the real one cannot be used."""

    @click.command(name, short_help="(cannot be loaded)", context_settings={"ignore_unknown_options": True})
    @click.argument("args", nargs=-1)
    def command(args: tuple[str, ...]) -> None:  # noqa: ARG001 - whatever it is, the answer is the same
        raise click.ClickException(f"command '{name}' could not be loaded: {problem}")

    return command


@click.group(cls=Bench, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vehicle-reid-bench", prog_name="bench")
def main() -> None:
    """Benchmark vehicle re-identification: one number for one protocol, the same on every machine."""
