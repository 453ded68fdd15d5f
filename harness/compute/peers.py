"""Signs of life between several processes: who has fallen silent is named, and one process alone reports an error.

Each process counts up in the store that the launcher opened, and looks at the counts of the others. A process may be
busy for as long as it likes: a thread counts. Only the count of one that is stopped or cut off stands still.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.compute.compute import SILENT
from harness.errors import BenchError, RunError, first_of, in_one_line

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch._C._distributed_c10d import Store

OFTEN = 10.0
"""The most seconds between two signs of life."""

ANSWER = 2.0
"""Seconds that the store has to answer a process that is about to end."""

GRACE = 30.0
"""Seconds that a process has to notice by itself that another has failed."""

ENDED, FAILED = 1 << 40, 1 << 50
"""Taken from the count of a process that has ended as it should, and of one that has reported an error."""

LOST = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "broken pipe")
"""Words in torch's error when another process is gone; older releases have no class for it."""


class Peers:
    """The other processes of a run, as this one hears of them.

    Args:
        store: what all processes read and write, used by nobody else in this process.
        index: this process's number.
        count: the number of processes.
        node: the number of this process's machine, and its number on that machine.
        limit: seconds of silence after which a process is given up.
        give_up: called with an error when one is.
    """

    def __init__(
        self,
        store: Store,
        index: int,
        count: int,
        *,
        node: tuple[int, int] = (0, 0),
        limit: float = SILENT,
        give_up: Callable[[RunError], None] | None = None,
    ) -> None:
        self.store = store
        self.index = index
        self.count = count
        self.node = node
        self.limit = limit
        self.give_up = give_up or self._end
        self.counts = dict.fromkeys((other for other in range(count) if other != index), 0)
        self.hosts: dict[int, str] = {}
        self.last = time.monotonic()
        self.heard = dict.fromkeys(self.counts, self.last)
        self.over = threading.Event()
        self.failed = False
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._beat, self._watch)]

    def start(self) -> None:
        """Begin to give and to look for signs of life."""
        for thread in self.threads:
            thread.start()

    def leave(self) -> None:
        """Tell the others that this process ends, and whether it has failed, unless the store does not answer."""
        self.over.set()
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(ANSWER)

    def claim(self) -> bool:
        """Return whether this process is to report an error: the first that asks, of those that can still ask.

        If the store cannot be reached, the first process of this machine is.
        """
        answers: list[int] = []

        def ask() -> None:
            with suppress(RuntimeError):
                answers.append(self.store.add("said", 1))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(ANSWER)
        self.failed = answers[0] == 1 if answers else self.node[1] == 0
        return self.failed

    @property
    def _pause(self) -> float:
        return min(self.limit / 10, OFTEN)

    def _beat(self) -> None:
        """Count up and read the other counts, until this process or the store is gone."""
        import socket

        with suppress(RuntimeError):
            self.store.set(f"host/{self.index}", socket.gethostname())
            while True:
                ended = self.over.is_set()
                self.store.add(f"alive/{self.index}", -(FAILED if self.failed else ENDED) if ended else 1)
                if ended:
                    return
                self._listen()
                self.over.wait(self._pause)

    def _listen(self) -> None:
        for other, known in self.counts.items():
            count = self.store.add(f"alive/{other}", 0)
            if count != known:
                self.counts[other], self.heard[other] = count, time.monotonic()
                if other not in self.hosts and self.store.check([f"host/{other}"]):
                    self.hosts[other] = self.store.get(f"host/{other}").decode(errors="replace")
        self.last = time.monotonic()

    def _watch(self) -> None:
        """Give up when a process has been silent for too long."""
        looked = time.monotonic()
        while not self.over.wait(self._pause):
            now = time.monotonic()
            if now - looked > max(self._pause * 3, 1.0):  # this process itself was stopped, and has heard nobody
                self.last = now
                self.heard = dict.fromkeys(self.heard, now)
            looked = now
            silent = [
                other for other, when in self.heard.items() if now - when > self.limit and self.counts[other] >= 0
            ]
            if silent:
                self.give_up(self._silence(silent))
                return
            if min(self.counts.values()) < -ENDED * 2:  # reported there; NCCL may wait for it all the same
                if not self.over.wait(GRACE):
                    self.give_up(RunError("another process has failed"))
                return

    def _silence(self, silent: Sequence[int]) -> RunError:
        """Return the error for processes that are silent."""
        deaf = time.monotonic() - self.last > self.limit
        named = [f"{other} on {self.hosts[other]}" if other in self.hosts else str(other) for other in silent]
        return RunError(
            "the other processes cannot be reached" if deaf else "a process has fallen silent",
            where=f"process {first_of(named)}; said by process {self.index}",
            found=f"no sign of life for {self.limit:g} seconds",
            expected=f"one every {self._pause:g} seconds",
            next_step="see whether the process was stopped and its machine can be reached, then give the same command "
            "again: it goes on from the last finished step; --timeout SECONDS waits longer",
        )

    def _end(self, error: RunError) -> None:
        """Report an error and end this process at once: its main thread waits inside of gloo or NCCL, for nothing."""
        if self.claim():
            sys.stderr.write(f"bench: {error}\n")
            sys.stderr.flush()
        _end_children()
        os._exit(error.exit_status)


_open: list[Peers] = []
"""Those of this process, once it has opened a process group."""


def watch(fabric: Fabric, limit: float) -> None:
    """Begin to watch the other processes of a launched lightning-fabric, once for this process.

    From then on it is this watch that ends a wait, not the time limit of the process group.
    """
    if fabric.world_size == 1 or _open:
        return
    from datetime import timedelta

    import torch.distributed as group
    from torch._C._distributed_c10d import PrefixStore, TCPStore

    where = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    opened = TCPStore(*where, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=limit))
    store = PrefixStore(f"bench/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", opened)
    node = fabric.node_rank, fabric.local_rank
    peers = Peers(store, fabric.global_rank, fabric.world_size, node=node, limit=limit)
    _open.append(peers)
    atexit.register(peers.leave)
    peers.start()
    # Newer releases of torch have the first, and warn of the second.
    change: Any = getattr(group, "set_timeout", None) or group.distributed_c10d._set_pg_timeout
    change(timedelta(days=1))


def as_error(problem: Exception) -> Exception:
    """Return an error as it is, or in plain words if it says that another process is gone."""
    if not _open or not isinstance(problem, RuntimeError) or isinstance(problem, BenchError):
        return problem
    import torch.distributed as group

    text = str(problem).casefold()
    if not isinstance(problem, group.DistError) and not any(word in text for word in LOST):
        return problem
    return RunError(
        "another process has ended",
        where=f"said by process {_open[0].index}",
        found=re.sub(r"^\[[^]]*\] ", "", in_one_line(problem)).partition(". ")[0],  # without a line of its source
        next_step="see what it says, or whether it was killed (too little memory, a limit of the queue); the same "
        "command goes on from the last finished step",
    )


def speaks(error: BaseException) -> bool:
    """Return whether this process is to report an error, which any other process may have reported already.

    Before the processes know each other, the first one on each machine does: all of them there got the same command.
    """
    if isinstance(error, BenchError) and error.reported:
        return False
    if _open:
        return _open[0].claim()
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("LOCAL_RANK", "0") == "0"


def quiet_status(status: int) -> int:
    """Return the exit status of a process that does not report an error.

    On the machine of the first process it is 0, since a launcher kills that process when another fails before it has
    spoken. The launchers of other machines have to see that something failed.
    """
    if not _open:
        return 0
    (node, _), index = _open[0].node, _open[0].index
    return 0 if node == 0 and index > 0 else status


def _end_children() -> None:
    """Kill all processes that this one has started, which would otherwise outlive it if they are stopped."""
    import psutil

    with suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
