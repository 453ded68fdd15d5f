"""A sweep's file, an engine that runs commands in this very process, and the words of a run."""

from __future__ import annotations

import textwrap
from pathlib import Path

from harness.sweeps.toml_file import SweepFile, read_sweep

KNOWN = {
    "method": "value",
    "recipe": "value",
    "protocol": "value",
    "seed": "value",
    "data": "value",
    "train-on": "value",
    "train-data": "value",
    "measure": "many",
    "skip-broken": "flag",
}

ENGINE = """
from pathlib import Path

import harness
from click.testing import CliRunner
from harness.cli import main
from harness.compute.engine import Engine, Ticket


class Ended(Ticket):
    def __init__(self, code):
        self.code = code

    def running(self):
        return False

    def status(self):
        return self.code

    def cancel(self):
        pass


class Here(Engine):
    about = "this very process, one command after the other"
    pause = 0.0
    at_once = 1

    def submit(self, command):
        if Path("interrupt").exists():
            raise KeyboardInterrupt
        done = CliRunner().invoke(main, command.words)
        Path(command.log).parent.mkdir(parents=True, exist_ok=True)
        Path(command.log).write_text(done.output)
        with open("commands.txt", "a") as file:
            file.write(" ".join(command.words) + "\\n")
        return Ended(done.exit_code)


@harness.hookimpl
def bench_register_engines(register):
    register("here", Here)
"""


def sweep_of(folder: Path, text: str, name: str = "sweep.toml") -> SweepFile:
    """Write a sweep's file and read it."""
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return read_sweep(path)
