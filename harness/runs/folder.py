"""The folder of a run while somebody works in it: locked, described and logged into."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.basics.files import cannot_write, removed_unless, replace_file
from harness.basics.leftovers import sweep_below
from harness.basics.locks import NAME, alone, is_read_only
from harness.basics.shown import VisibleLines
from harness.errors import RunError
from harness.features.finding import FEATURES, RUN
from harness.methods.checkpoint import CHECKPOINT

log = logging.getLogger("bench")


@contextmanager
def working_in(folder: Path, about: Mapping[str, Any], done: Callable[[], bool]) -> Iterator[None]:
    """Lock a run's folder in the block, describe the run in it once, and log into it; a new one without work goes.

    What killed processes left half-written in it is removed first. A folder that cannot be written is used as it is
    if everything stands in it already.

    Args:
        folder: the folder.
        about: what it says of the run.
        done: whether there is nothing to do.

    Raises:
        RunError: another process works in it, or it cannot be written and there is something to do.
    """
    from harness.training.state import NAME as STATE

    new = not folder.exists()
    taken = RunError("another bench is using this run's folder", where=folder, next_step="wait until it has ended")
    with ExitStack() as held:
        try:
            held.enter_context(alone(folder / NAME, taken))
        except OSError as problem:
            if not (is_read_only(problem) and done()):
                raise cannot_write(folder, problem) from None
            log.info("%s cannot be written; everything stands in it already", folder)
            yield
            return
        if new:
            held.enter_context(removed_unless(folder, (STATE, CHECKPOINT, FEATURES, f"{FEATURES}.partial")))
        sweep_below(folder)
        if not (folder / RUN).exists():
            with replace_file(folder / RUN) as file:
                file.write(json.dumps(about, indent=2, sort_keys=True) + "\n")
        held.enter_context(_log_to(folder / "run.log"))
        yield


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    handler = _RunLog(path, encoding="utf-8")
    handler.setFormatter(VisibleLines("%(asctime)s %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        with suppress(OSError):  # of a line that could not be written
            handler.close()


class _RunLog(logging.FileHandler):
    """A log that ends its run with one message if a line cannot be written, and takes no further line then."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            super().handleError(record)
            return
        log.removeHandler(self)
        raise cannot_write(Path(self.baseFilename), problem) from None
