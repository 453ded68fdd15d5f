"""Progress bars on standard error, shown only on a terminal; log lines report progress everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int], None]
"""Called with the number of finished steps and the total."""


@contextmanager
def progress(what: str, *, shown: bool = True) -> Iterator[Advance]:
    """Show a bar while the block runs, and yield the function that updates it: ``advance(done, total)``."""
    if not shown or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
