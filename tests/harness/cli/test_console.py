"""What consoles cannot print is escaped, in every verb, and JSON stays JSON."""

import io
import json
import sys

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.cli.console import can_print, escape_unprintable
from harness.cli.output import show_json

WORD = "\u0160koda Citro\u00ebn \u8f66 \U0001f697 \udc80"
"""Letters outside ASCII, cp1252, GBK and the first plane of Unicode, and a byte that is no text."""

ENCODINGS = ["ascii", "cp1252", "gbk", "utf-8"]


@pytest.fixture(params=ENCODINGS)
def console(request, monkeypatch):
    """Put consoles of an encoding in the place of standard output and standard error."""
    consoles = [io.TextIOWrapper(io.BytesIO(), encoding=request.param, errors="strict") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", consoles[0])
    monkeypatch.setattr(sys, "stderr", consoles[1])
    return consoles[0]


def printed(console):
    console.flush()
    return console.buffer.getvalue().decode(console.encoding)


def test_a_letter_that_a_console_lacks_is_printed_as_its_number(console):
    with pytest.raises(UnicodeEncodeError):
        print(WORD, file=console)
    escape_unprintable()
    print(WORD, file=console)
    print(WORD, file=sys.stderr)

    assert "\\udc80" in printed(console)
    assert ("\\u8f66" in printed(console)) == (console.encoding in ("ascii", "cp1252"))


def test_json_means_the_same_on_every_console(console):
    escape_unprintable()
    show_json({"name": WORD, WORD: 1})

    assert json.loads(printed(console)) == {"name": WORD, WORD: 1}


def test_json_for_people_keeps_its_letters_where_it_can(console):
    escape_unprintable()
    show_json("\u00eb")

    assert printed(console).strip() == ('"\u00eb"' if can_print("\u00eb") else '"\\u00eb"')


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_verbs_print_the_titles_and_names_of_own_data(tmp_path, encoding):
    rows = [f"{WORD[:-2]}{number}.jpg,{number % 2},{split}" for number, split in enumerate(["query", "gallery"] * 2)]
    (tmp_path / "cars.csv").write_text("\n".join(["path,vehicle,split", *rows]), encoding="utf-8")
    table = f'table = "cars.csv"\ntitle = "{WORD[:-2]}"\n[tasks.main]\n'
    (tmp_path / "cars.toml").write_text(table, encoding="utf-8")
    runner, file = CliRunner(charset=encoding), str(tmp_path / "cars.toml")

    for words in (["protocols", "show", file], ["protocols", "keys", file], ["data", "check", file], ["--help"]):
        done = runner.invoke(main, words)
        assert done.exit_code == 0, (words, done.output, done.exception)
    for words in (["protocols", "show", file], ["data", "check", file]):
        done = runner.invoke(main, [*words, "--json"])
        assert json.loads(done.stdout)
        assert done.exit_code == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_message_about_a_name_that_cannot_be_printed_is_still_a_message(encoding):
    done = CliRunner(charset=encoding).invoke(main, ["protocols", "show", WORD[:-2]])

    assert done.exit_code == 2
    assert "bench: unknown protocol" in done.stderr


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), PermissionError(13, "Denied", "/a/file")])
def test_a_file_that_the_system_refuses_is_one_message_whatever_the_verb(monkeypatch, problem):
    def refuse(*_words):
        raise problem

    monkeypatch.setattr("harness.registry.registry.load", refuse)
    done = CliRunner().invoke(main, ["plugins"])

    assert done.exit_code == 1
    assert done.stderr.startswith("bench: the system refused a file")
    assert problem.strerror in done.stderr
    assert "Traceback" in CliRunner().invoke(main, ["--debug", "plugins"]).stderr


def test_another_fault_of_the_system_is_not_hidden(monkeypatch):
    def fail(*_words):
        raise OSError(5000, "no known fault")

    monkeypatch.setattr("harness.registry.registry.load", fail)

    assert isinstance(CliRunner().invoke(main, ["plugins"]).exception, OSError)
