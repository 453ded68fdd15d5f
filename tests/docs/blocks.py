"""The blocks of code on the pages of the docs, and how they are run.

A page's blocks run in their order in one folder, which holds what ``reader`` prepares. A mark in the line before a
block, which no reader sees, says why it is not run here, or that it takes long:

    <!-- test: skip, trains for a day -->
    <!-- test: slow -->
"""

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
from click.testing import CliRunner
from pages import own

from harness.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted({*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")})
FENCE = re.compile(
    r"^(?:<!-- test: (?P<mark>[^\n]+) -->\n)?```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*(?:\n|\Z))+")
MARK = re.compile(r"slow|skip, \S.*\S")
RUN = {"python", "sh", "toml", "json"}


@dataclass(frozen=True)
class Block:
    """A block of code with its language, the file that it is the content of, its mark, and its first line's number."""

    language: str
    title: str
    mark: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page that can be run or read."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        language, _, rest = match["info"].strip().partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(language, title[1] if title else "", match["mark"] or "", match["code"], line))
    return [block for block in found if block.language in RUN]


def commands(page: Path) -> list[str]:
    """Return the command lines of ``bench`` on a page, fenced and indented, without their comments."""
    text = page.read_text(encoding="utf-8")
    fenced = [match["code"] for match in FENCE.finditer(text) if match["info"].strip().split(" ")[0] in {"sh", ""}]
    indented = [match[0] for match in INDENTED.finditer(FENCE.sub("", text))]
    return [line for code in (*fenced, *indented) for line in lines(code) if line.startswith("bench ")]


def lines(code: str) -> list[str]:
    """Return the commands of a block, those that continue after a backslash as one."""
    joined = code.replace("\\\n", " ")
    return [line for line in map(str.strip, joined.splitlines()) if line and not line.startswith("#")]


def unknown_words(line: str) -> list[str]:
    """Return the verbs and the options of a command of ``bench`` that do not exist."""
    words = [word for word in shlex.split(line, comments=True)[1:] if word != "..."]
    command: click.Command = main
    while isinstance(command, click.Group):
        name = next((word for word in words if not word.startswith("-")), "")
        found = own.verbs().get(name) if command is main else command.get_command(click.Context(command), name)
        if found is None and command is main:
            return [name] if name else []
        if found is None:
            found = command.get_command(click.Context(command), "show")
            if found is None or not name:
                break
        else:
            words.remove(name)
        command = found
    known = {
        "--help",
        "-h",
        "--debug",
        "--version",
        *(word for one in command.params for word in one.opts + one.secondary_opts),
    }
    return [word for word in (word.partition("=")[0] for word in words) if word.startswith("--") and word not in known]


def run(block: Block, names: dict[str, object], small: Path) -> None:
    """Run a block in the current folder; ``names`` are those that the page's Python has defined so far."""
    if block.title:
        Path(block.title).write_text(block.code, encoding="utf-8")
    if block.language == "python" and not block.title:
        exec(compile(block.code, f"line {block.line}", "exec"), names)  # noqa: S102 - our own page
    elif block.language == "python":
        compile(block.code, block.title, "exec")
    elif block.language == "toml":
        tomllib.loads(block.code)
    elif block.language == "json":
        json.loads(block.code)
    else:
        for line in lines(block.code):
            run_command(line, small)


def run_command(line: str, small: Path) -> None:
    """Run a command of ``bench`` as it stands; the drawn data set is the small one."""
    command, _, out = line.partition(" > ")
    words = shlex.split(command, comments=True)
    assert words[0] == "bench", f"not a command of bench, so mark the block: {line}"
    drawn = any(word.partition("/")[0] == "synthetic" for word in words[1:])
    if drawn and words[1] in {"run", "eval", "extract", "train", "corrupt"} and "--data" not in words:
        words += ["--data", str(small)]
    done = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    assert done.exit_code == 0, f"{line}\n{done.output}"
    if out:
        Path(out).write_text(done.stdout, encoding="utf-8")
