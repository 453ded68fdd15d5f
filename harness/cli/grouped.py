"""Commands whose help lists the options in titled groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DATA, METHOD, TRAINING, COMPUTE, EVALUATION, OUTPUT = ("Data", "Method", "Training", "Compute", "Evaluation", "Output")
GROUPS = (METHOD, DATA, TRAINING, COMPUTE, EVALUATION, OUTPUT, "Options")
"""The titles, in the order of the help; options without a group come last."""

SECTIONS = (
    "Get a number",
    "Compare numbers",
    "See what there is",
    "Write a method",
    "Prepare data and boxes",
    "Further verbs",
)
"""Titles under which ``bench --help`` lists the verbs; a verb without a section comes last."""


class GroupedOption(click.Option):
    """An option that shows its default and names the group in which the help lists it."""

    def __init__(self, *words: Any, group: str = GROUPS[-1], **settings: Any) -> None:
        super().__init__(*words, **{"show_default": True, **settings})
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help lists the options in groups, itself listed in a section of ``bench --help``."""

    def __init__(self, *words: Any, section: str = SECTIONS[-1], **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.section = SECTIONS[SECTIONS.index(section)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in GROUPS}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None and not isinstance(parameter, click.Argument):
                rows[getattr(parameter, "group", GROUPS[-1])].append(row)
        for title, found in rows.items():
            if found:
                with formatter.section(title):
                    formatter.write_dl(found)


class GroupedGroup(GroupedCommand, click.Group):
    """A group of commands, all of whose helps list the options in groups."""

    command_class = GroupedCommand

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group, and then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


class Named(GroupedGroup):
    """A listing verb: ``bench methods NAME`` is short for ``bench methods show NAME``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is not a sub-command as the name of the thing to show."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


def section_of(command: click.Command) -> str:
    """Return the section in which ``bench --help`` lists a verb."""
    return str(getattr(command, "section", SECTIONS[-1]))


def option(*words: str, group: str = GROUPS[-1], **settings: Any) -> Callable[[F], F]:
    """Return a decorator that adds an option to a group of the help."""
    return click.option(*words, cls=GroupedOption, group=group, **settings)


def command(section: str, name: str | None = None) -> Callable[[Callable[..., Any]], GroupedCommand]:
    """Return a decorator that makes a verb, listed in a section, with grouped options."""
    return click.command(name, cls=GroupedCommand, section=section)
