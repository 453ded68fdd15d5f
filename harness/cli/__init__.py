"""The command ``bench``. Each verb is a module of ``verbs/``, imported when it is used."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import click

from harness.basics.files import UNWRITABLE
from harness.cli.console import escape_unprintable
from harness.cli.grouped import SECTIONS, section_of
from harness.cli.output import say
from harness.compute.peers import as_error, quiet_status, speaks
from harness.compute.waiting import choose_waiting
from harness.errors import BenchError, RunError
from harness.registry.installed import installed_verbs, load_verb
from harness.registry.packages import check_packages

VERBS = {
    "attend": "harness.cli.verbs.attend:attend",
    "check": "harness.cli.verbs.authoring:check",
    "data": "harness.cli.verbs.data:data",
    "doctor": "harness.cli.verbs.doctor:doctor",
    "distances": "harness.cli.verbs.distances:distances",
    "eval": "harness.cli.verbs.evaluate:evaluate",
    "export": "harness.cli.verbs.export:export",
    "extract": "harness.cli.verbs.run:extract",
    "features": "harness.cli.verbs.features:features",
    "methods": "harness.cli.verbs.methods:methods",
    "new-method": "harness.cli.verbs.authoring:new_method",
    "plugins": "harness.cli.verbs.plugins:plugins",
    "protocols": "harness.cli.verbs.protocols:protocols",
    "run": "harness.cli.verbs.run:run",
    "same": "harness.cli.verbs.same:same",
    "sweep": "harness.cli.verbs.sweep:sweep",
    "train": "harness.cli.verbs.run:train",
    "tune": "harness.cli.verbs.tune:tune",
}
INTERRUPTED = 130


class Bench(click.Group):
    """The group of all verbs: the harness's own, and those of the entry-point group ``bench.commands``."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command; a letter that the console cannot print never ends it."""
        escape_unprintable()
        return super().main(*args, **settings)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs, sorted."""
        return sorted({*VERBS, *_installed_verbs()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return one verb, imported; if a third party's verb cannot be imported, it only prints the reason."""
        if cmd_name in VERBS:
            module, _, attribute = VERBS[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        if cmd_name not in _installed_verbs():
            return None
        try:
            loaded = load_verb(_installed_verbs()[cmd_name])
        except Exception as problem:  # whatever a third party's import raises
            return _broken(cmd_name, f"{type(problem).__name__}: {problem}")
        return loaded if isinstance(loaded, click.Command) else _broken(cmd_name, "it is not a click command")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Propose the nearest verb if the name is unknown."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            verbs = self.list_commands(ctx)
            if args[0] not in verbs:
                raise click.NoSuchCommand(args[0], possibilities=verbs, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs in sections, by purpose, each with the whole first sentence of its help."""
        commands = {verb: self.get_command(ctx, verb) for verb in self.list_commands(ctx)}
        for title in SECTIONS:
            rows = [
                (verb, command.get_short_help_str(limit=200))
                for verb, command in commands.items()
                if command is not None and section_of(command) == title
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; a user's mistake ends with a message and an exit status, never with a traceback."""
        try:
            check_packages()
            return super().invoke(ctx)
        except KeyboardInterrupt as problem:
            if speaks(problem):
                say("bench: interrupted; the same command continues from the last finished step", err=True)
            ctx.exit(INTERRUPTED)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as problem:
            error = as_error(problem)
            if not speaks(error):
                ctx.exit(quiet_status(getattr(error, "exit_status", 1)))
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                error = _refused(error)
            if not isinstance(error, BenchError):
                raise
            if ctx.params.get("debug"):
                import traceback

                traceback.print_exception(problem)
            say(f"bench: {error}", err=True)
            ctx.exit(error.exit_status)


def _refused(problem: OSError) -> RunError:
    """Return the error for a file that the system refused, at a place whose code has no words of its own for it."""
    return RunError(
        "the system refused a file",
        where=problem.filename,
        found=problem.strerror,
        next_step="see whether the folder may be read and written and has room; 'bench --debug' shows what was tried",
    )


_installed_verbs = cache(installed_verbs)  # it reads a file of every installed distribution


def _broken(name: str, problem: str) -> click.Command:
    """Return a command that only prints why the real one cannot be used."""

    @click.command(name, short_help="(cannot be loaded)", context_settings={"ignore_unknown_options": True})
    @click.argument("args", nargs=-1)
    def command(args: tuple[str, ...]) -> None:  # noqa: ARG001 - the answer does not depend on them
        raise click.ClickException(f"command '{name}' could not be loaded: {problem}")

    return command


@click.group(cls=Bench, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vehicle-reid-bench", prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:  # noqa: ARG001 - Bench.invoke reads it
    """Benchmark vehicle re-identification methods.

    The same features give the same numbers on every machine, and every number names its protocol.
    """
    # The runs of a sweep choose for themselves, and would take its choice for a user's.
    if context.invoked_subcommand != "sweep":
        choose_waiting()
