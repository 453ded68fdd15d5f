"""Errors of a plugin's own code, told as a message that names the line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import BenchError, PluginError

BUILT_IN = "plugins"
"""The package of the methods that come with the harness, whose errors are errors of the harness."""


@contextmanager
def in_plugin(what: str, kind: type) -> Iterator[None]:
    """Turn an exception of a third party's code into a PluginError with the file and the line; ``exit()`` too.

    Args:
        what: what fails: ``MyMethod.embed``.
        kind: the plugin's class; an exception of a built-in one passes as it is.
    """
    try:
        yield
    except BenchError:
        raise
    except (Exception, SystemExit) as problem:
        if kind.__module__.partition(".")[0] == BUILT_IN:
            raise
        raise plugin_error(f"{what} failed", problem, kind) from problem


def plugin_error(what: str, problem: BaseException, of: type | str) -> PluginError:
    """Return the message of an exception: its class and text, and the last line of the plugin's own file.

    Args:
        what: what fails.
        problem: the exception.
        of: the plugin's class, or its module.
    """
    frames = traceback.extract_tb(problem.__traceback__)
    module = Path(getattr(sys.modules.get(of if isinstance(of, str) else of.__module__), "__file__", "") or "")
    own = [frame for frame in frames if Path(frame.filename) == module] or frames
    text = " ".join(str(problem).split())
    called = "it calls sys.exit" if isinstance(problem, SystemExit) else type(problem).__name__
    return PluginError(
        what,
        where=f"{own[-1].filename}, line {own[-1].lineno}" if own else None,
        found=f"{called}: {text}" if text else called,
        next_step="correct it there; 'bench --debug ...' shows the whole traceback",
    )
