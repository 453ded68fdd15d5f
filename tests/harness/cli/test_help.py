"""The help of every verb: options in titled groups, each with a sentence, and an example."""

import re

import click
import pytest
from click.testing import CliRunner

from harness.cli import VERBS, main
from harness.cli.grouped import GROUPS, SECTIONS, section_of


def commands(command, path=()):
    """Yield every command below one, groups included, with the words that call it."""
    if path:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


EVERY = dict(commands(main))
WITHOUT_EXAMPLE = {("data",)}
"""A group whose sub-commands have the examples."""


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_a_commands_help_has_groups_sentences_and_an_example(path):
    text = CliRunner().invoke(main, [*path, "--help"]).output

    assert "..." not in EVERY[path].get_short_help_str(limit=60)
    assert path in WITHOUT_EXAMPLE or re.search(r"Examples?:\n +bench ", text), text
    for parameter in EVERY[path].params:
        assert getattr(parameter, "help", None), f"{parameter.name} has no help"
        assert parameter.help.endswith("."), parameter.help
        if isinstance(parameter, click.Option):
            assert parameter.group in GROUPS[:-1], f"--{parameter.name} is in no group"


def test_every_verb_is_in_a_section_of_its_own_choice():
    verbs = {path[0]: command for path, command in EVERY.items() if len(path) == 1}

    assert set(VERBS) < set(verbs)
    assert {section_of(command) for command in verbs.values()} == set(SECTIONS[:-1])


def test_a_verb_without_a_section_is_a_further_one():
    assert section_of(click.Command("mine")) == "Further verbs"


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("methods", "ram"), "Liu"), (("protocols", "veri776"), "VeRi-776"), (("protocols",), "vric/")],
)
def test_a_name_after_a_listing_verb_shows_one(words, expected):
    done = CliRunner().invoke(main, list(words))

    assert done.exit_code == 0, done.output
    assert expected in done.output
    if len(words) == 2:
        assert done.output == CliRunner().invoke(main, [words[0], "show", words[1]]).output


def test_folders_and_files_that_are_written_are_called_out():
    assert not [path for path, command in EVERY.items() for one in command.params if "--output" in one.opts]
