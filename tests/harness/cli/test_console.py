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
    """Return a function that puts a console of an encoding in the place of standard output and standard error."""

    def put():
        consoles = [io.TextIOWrapper(io.BytesIO(), encoding=request.param, errors="strict") for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", consoles[0])
        monkeypatch.setattr(sys, "stderr", consoles[1])
        return consoles[0]

    return put


def printed(console):
    console.flush()
    return console.buffer.getvalue().decode(console.encoding)


def test_a_letter_that_a_console_lacks_is_printed_as_its_number(console):
    there = console()
    with pytest.raises(UnicodeEncodeError):
        there.write(WORD)
    escape_unprintable()
    there.write(WORD)
    sys.stderr.write(WORD)

    assert "\\udc80" in printed(there)
    assert ("\\u8f66" in printed(there)) == (there.encoding in ("ascii", "cp1252"))


def test_json_means_the_same_on_every_console(console):
    there = console()
    escape_unprintable()
    show_json({"name": WORD, WORD: 1})

    assert json.loads(printed(there)) == {"name": WORD, WORD: 1}


def test_json_for_people_keeps_its_letters_where_it_can(console):
    there = console()
    escape_unprintable()
    show_json("\u00eb")

    assert printed(there).strip() == ('"\u00eb"' if can_print("\u00eb") else '"\\u00eb"')


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_verbs_print_the_titles_and_names_of_own_data(tmp_path, encoding):
    rows = [f"{WORD[:-2]}{number}.jpg,{number % 2},{split}" for number, split in enumerate(["query", "gallery"] * 2)]
    (tmp_path / "cars.csv").write_text("\n".join(["path,vehicle,split", *rows]), encoding="utf-8")
    table = f'table = "cars.csv"\ntitle = "{WORD[:-2]}"\n[tasks.main]\n'
    (tmp_path / "cars.toml").write_text(table, encoding="utf-8")
    runner, file = CliRunner(charset=encoding), str(tmp_path / "cars.toml")

    for words in (
        ["protocols", "show", file],
        ["protocols", "keys", file, "--split", "query"],
        ["data", "check", file],
        ["--help"],
    ):
        done = runner.invoke(main, words)
        assert done.exit_code == (words[0] == "data"), (words, done.output)  # the pictures are missing
    for words in (["protocols", "show", file], ["data", "check", file]):
        done = runner.invoke(main, [*words, "--json"])
        assert json.loads(done.stdout)


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
