"""The page of the commands, from click."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from harness.cli import main
from harness.cli.grouped import GROUPS, SECTIONS, section_of
from pages import own, text

INTRODUCTION = """\
What `bench` can do, in the order of `bench --help`. Every verb also takes `--help`. The exit status is 2 after a user's
mistake and 1 after a failed run, each with a message: see [troubleshooting](../troubleshooting.md)."""
COLUMNS = 1000
"""Wider than any usage line, so that none is wrapped."""


def page() -> str:
    """Return the page."""
    return text.page("Commands", INTRODUCTION, _parts())


def _parts() -> Iterator[str]:
    verbs = own.verbs()
    top = click.Context(main, info_name="bench", terminal_width=COLUMNS, max_content_width=COLUMNS)
    for section in SECTIONS:
        chosen = {name: command for name, command in verbs.items() if section_of(command) == section}
        if chosen:
            yield f"## {section}"
            for name, command in chosen.items():
                yield from _command(command, name, top, level=3)


def _command(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=COLUMNS, max_content_width=COLUMNS)
    yield f"{'#' * level} {context.command_path}"
    yield from help_text(command.help or "")
    usage = [*command.collect_usage_pieces(context)]
    yield text.block(" ".join([context.command_path, *usage]), "text")
    yield from _arguments(command, context)
    groups: dict[str, dict[str, str]] = {title: {} for title in GROUPS}
    for parameter in command.params:
        record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(context)
        if record is not None:
            groups[getattr(parameter, "group", GROUPS[-1])][record[0]] = text.prose(record[1])
    for title, options in groups.items():
        if options:
            yield f"**{title}**"
            yield text.listed(options)
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            yield from _command(command.commands[word], word, context, level + 1)


def _arguments(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [one.get_help_record(context) for one in command.params if isinstance(one, click.Argument)]
    found = {record[0]: text.prose(record[1]) for record in records if record is not None}
    if found:
        yield text.listed(found)


def help_text(written: str) -> Iterator[str]:
    r"""Yield the paragraphs of a help: prose, and as code those that begin with click's ``\b``."""
    for paragraph in inspect.cleandoc(written).partition("\f")[0].split("\n\n"):
        if not paragraph.strip():
            continue
        if not paragraph.startswith("\b"):
            yield text.prose(paragraph)
            continue
        first, *lines = paragraph.removeprefix("\b\n").splitlines()
        if first.endswith(":") and lines:
            yield text.prose(first)
            yield text.block(inspect.cleandoc("\n" + "\n".join(lines)))
        else:
            yield text.block("\n".join([first, *lines]), "text")
