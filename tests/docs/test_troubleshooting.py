"""Every message on the page of troubleshooting is one that the harness has, and the usual ones are on it."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from harness import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
KINDS = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.BenchError)]
SOURCES = [
    path for room in ("harness", "protocols", "plugins", "leaderboard") for path in sorted((ROOT / room).rglob("*.py"))
]
ANY = "\0"
"""Stands for a value that a message is given."""
LEAST = 10
"""The number of fixed letters from which on a text of the source says what the message is."""

DOORS = (
    "harness/data/csv_table.py",
    "harness/data/encoding.py",
    "harness/data/lists.py",
    "harness/extraction/embed.py",
    "harness/features/inspection.py",
    "harness/features/reader.py",
    "harness/methods/checkpoint.py",
    "harness/registry/catalogue.py",
    "harness/tasks/toml_protocol.py",
    "plugins/layers/weights.py",
)
"""Where a user's own files and code come in: their messages are the ones that people meet."""


def texts(node):
    """Yield the texts that an expression can give, with ``ANY`` for each value in them."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else ANY for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from texts(one)
            yield from texts(other)
        case ast.BinOp(left=one, op=ast.Add(), right=other):
            yield from (first + second for first in texts(one) for second in texts(other))


def messages(path):
    """Yield the error's name and the text of every error that a module raises."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        target.id: list(texts(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in {*KINDS, "error", "in_plugin"}:
            first = node.args[0]
            for text in named.get(first.id, []) if isinstance(first, ast.Name) else texts(first):
                if len(re.sub(r"[^a-z]", "", text)) >= LEAST:
                    yield name, text


def fits(text, message):
    return re.fullmatch(".+?".join(map(re.escape, text.split(ANY))), message) is not None


MESSAGES = {path: list(messages(path)) for path in SOURCES}


@pytest.mark.parametrize("message", QUOTED)
def test_the_harness_has_every_message_of_the_page(message):
    assert any(fits(text, message) for found in MESSAGES.values() for _, text in found)


def test_no_message_is_on_the_page_twice_and_each_has_an_answer():
    answers = re.split(r"^###? .+$", PAGE, flags=re.MULTILINE)[1:]
    headings = re.findall(r"^###? .+$", PAGE, re.MULTILINE)

    assert [message for message, count in Counter(QUOTED).items() if count > 1] == []
    assert [
        head for head, text in zip(headings, answers, strict=True) if head.startswith("### ") and not text.strip()
    ] == []


def test_the_page_has_a_message_of_everything_that_reads_a_users_files_and_a_third_of_them_all():
    shown = {
        door: [any(fits(text, message) for message in QUOTED) for _, text in MESSAGES[ROOT / door]] for door in DOORS
    }

    assert [door for door, found in shown.items() if not any(found)] == []
    assert sum(map(sum, shown.values())) >= sum(map(len, shown.values())) / 3


def test_every_kind_of_error_is_on_the_page():
    shown = {name for found in MESSAGES.values() for name, text in found if any(fits(text, one) for one in QUOTED)}

    assert set(KINDS) - {"BenchError"} <= shown
