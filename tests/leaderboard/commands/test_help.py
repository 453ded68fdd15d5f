import re

import click
import pytest
from click.testing import CliRunner

from harness.cli import main

VERBS = ["audit", "compare", "cost", "leaderboard", "report", "submit", "verify"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb):
    context = click.Context(main, info_name="bench")
    command = main.get_command(context, verb)
    text = command.get_help(click.Context(command, info_name=verb, parent=context, max_content_width=80))

    assert len(command.get_short_help_str(limit=55)) <= 55
    assert not command.get_short_help_str(limit=55).endswith("...")
    assert re.search(rf"  Examples?:\n    bench {verb} ", text)
    assert max(map(len, text.splitlines())) <= 80
    assert all(option.help.endswith(".") for option in command.params if isinstance(option, click.Option))


def test_a_misspelt_option_proposes_the_nearest():
    assert "Did you mean '--records'?" in CliRunner().invoke(main, ["leaderboard", "--record", "x"]).output
