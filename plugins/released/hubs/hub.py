"""Loads from a hub: first from this machine's cache, then, if it can be reached, from the hub; one message if neither.

The libraries themselves try for a minute, in twelve lines of their log, before they give up.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from harness.basics.extras import require
from harness.errors import BenchError, CheckpointError, in_one_line

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds in which the hub must accept a connection."""


def from_hub(load: Callable[[], T], what: str, method: str) -> T:
    """Return what a function of a library loads.

    Args:
        load: the function, which may download.
        what: the name in the hub, for messages.
        method: the word of the method, whose extra installs the libraries.

    Raises:
        BenchError: raised by the function on purpose.
        CheckpointError: it is neither in the cache nor to be downloaded, or cannot be loaded.
    """
    constants = require("huggingface_hub.constants", by=f"method '{method}'", extra=method)
    try:
        with _offline(constants):
            return load()
    except BenchError:
        raise
    except Exception as problem:  # each library has its own, and wraps those of the others
        first = problem
    if not _reachable(constants):
        raise CheckpointError(
            f"'{what}' is not in this machine's cache, and the hub cannot be reached",
            where=constants.HF_HUB_CACHE,
            found=in_one_line(first, named=True),
            next_step="fetch it where there is a connection and copy the cache here, or give a file with --set "
            "weights=FILE; --set weights=none draws random weights",
        )
    try:
        return load()
    except BenchError:
        raise
    except Exception as problem:
        raise CheckpointError(
            f"'{what}' cannot be loaded from the hub",
            where=constants.ENDPOINT,
            found=in_one_line(problem, named=True),
            next_step="check the name, or give a file with --set weights=FILE",
        ) from None


@contextmanager
def _offline(constants: Any) -> Iterator[None]:
    """Let the libraries use the cache alone, and keep their complaints about that out of the log."""
    before, level = constants.HF_HUB_OFFLINE, logging.root.manager.disable
    constants.HF_HUB_OFFLINE = True
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        logging.disable(level)


def _reachable(constants: Any) -> bool:
    """Return whether the hub accepts a connection; behind a proxy only the library can find out."""
    if constants.HF_HUB_OFFLINE:
        return False
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    address = urlsplit(constants.ENDPOINT)
    with suppress(OSError), socket.create_connection((address.hostname or "", address.port or 443), PATIENCE):
        return True
    return False
