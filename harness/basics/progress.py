"""Progress bars on standard error, on a terminal only; elsewhere the log's plain lines say where a run is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int], None]
"""Takes the number of steps done so far and the number of all steps."""


@contextmanager
def progress(what: str, *, shown: bool = True) -> Iterator[Advance]:
    """Show a bar while the block runs, and yield the function that moves it: ``advance(done, total)``.

    Args:
        what: the work, in two or three words.
        shown: False in every process of a run but the first.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
