"""Calls a function of this program in a process of its own, with limits: for files that may crash, hang or fill memory.

The process gets only what it needs to find this program, does not look for modules in the current folder, and answers
in JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness import errors
from harness.errors import BenchError

FIELDS = ("what", "where", "found", "expected", "next_step")

KEPT = (
    "PATH", "HOME", "PYTHONHOME", "PYTHONUSERBASE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP",
    "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "USERPROFILE",
)  # fmt: skip
"""Variables that tell where Python, its packages and temporary files are."""

SET = {
    "PYTHONUTF8": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # each thread reserves memory
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve more than they use
}

SPARE = 2 << 30
"""Bytes of memory that Python and the libraries may reserve by themselves; numpy alone reserves half."""


@dataclass(frozen=True)
class Limits:
    """What the process may use; memory and written bytes are limited where the system can do so.

    Attributes:
        seconds: of time.
        memory: bytes of memory, besides ``SPARE``.
        written: bytes of one file.
    """

    seconds: int
    memory: int
    written: int


class ChildFailedError(Exception):
    """The process reached a limit or crashed; the message is one line that says which."""


def call(function: str, words: list[str], limits: Limits) -> dict[str, Any]:
    """Return what a function, named ``module:name``, answers to some words.

    It takes the list of words and returns a dict of JSON values. A BenchError that it raises is raised here.

    Raises:
        ChildFailedError: there is no answer.
    """
    numbers = [limits.memory + SPARE, limits.seconds, limits.written]
    command = [sys.executable, "-P", "-m", "harness.basics.child", *map(str, numbers), function, *words]
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter and a module of our own
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChildFailedError(f"it was not done within {limits.seconds} seconds") from None
    if hasattr(signal, "SIGXCPU") and done.returncode == -signal.SIGXCPU:
        raise ChildFailedError(f"it was not done within {limits.seconds} seconds")
    try:
        answer = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    if "memory" in answer:
        raise ChildFailedError(f"it needs more than {limits.memory + SPARE >> 20:,} MiB of memory")
    if "error" in answer:
        kind = cast("type[BenchError]", getattr(errors, answer["error"].pop("kind"), BenchError))
        raise kind(**answer["error"])
    if "returned" not in answer:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
        raise ChildFailedError(f"its process ended with status {done.returncode}. {last}".strip())
    return cast("dict[str, Any]", answer["returned"])


def environment() -> dict[str, str]:
    """Return the variables of the process.

    Packages may lie in folders that PYTHONPATH names; a relative one would be the current folder or lie below it.
    """
    root = str(Path(__file__).resolve().parents[2])
    own = [] if root in sysconfig.get_paths().values() else [root]
    named = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(entry).is_absolute()]
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **SET, "PYTHONPATH": os.pathsep.join([*own, *named])}


def _limit(memory: int, seconds: int, written: int) -> None:
    """Limit this process, where the system can: memory in bytes, time of the processor, bytes of a written file."""
    try:
        import resource
    except ImportError:  # not on Windows, where only the parent's limit of time holds
        return
    for word, most in (("AS", memory), ("CPU", seconds), ("FSIZE", written), ("CORE", 0)):
        with suppress(AttributeError, ValueError, OSError):  # a system may not know a limit, or not let it be set
            what = getattr(resource, f"RLIMIT_{word}")
            known = [one for one in resource.getrlimit(what) if one != resource.RLIM_INFINITY]
            resource.setrlimit(what, (min([most, *known]), resource.getrlimit(what)[1]))


def _answer(function: str, words: list[str]) -> Mapping[str, Any]:
    module, _, name = function.partition(":")
    try:
        return {"returned": getattr(importlib.import_module(module), name)(words)}
    except MemoryError:
        return {"memory": True}
    except BenchError as problem:
        stated = {field: getattr(problem, field) for field in FIELDS}
        texts = {field: None if value is None else str(value) for field, value in stated.items()}
        return {"error": {"kind": type(problem).__name__, **texts}}


def _main(words: list[str]) -> None:
    """Answer to the parent's words: three limits, the function, and its words."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as parent:
        os.dup2(2, 1)  # what a library prints is no answer
        _limit(*map(int, words[:3]))
        parent.write(json.dumps(_answer(words[3], words[4:])))


if __name__ == "__main__":
    _main(sys.argv[1:])
