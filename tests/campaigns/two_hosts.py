"""Two hosts, which are two network namespaces with a cable between them, evaluate one task together under torchrun.

``python -m tests.campaigns.two_hosts --seed 0 --count 1`` tries each trial so often and prints a table. It needs Linux,
``ip`` and the right to make namespaces. Not one of the hosts sees the files of the other.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from tabulate import tabulate

import harness

ROOT = Path(__file__).parents[2]
QUERIES, GALLERY, WIDTH = 20, 300, 8
LIMIT = 5.0
"""Seconds of silence, as --timeout."""
PATIENCE = 300.0
"""Seconds until a trial that has not ended is a hang."""

PLUGIN = """
import os, time
from pathlib import Path
import numpy as np
import harness

class Hosts(harness.Protocol):
    name = "hosts"
    tasks = (
        harness.Task("images", harness.Rule(ignore=("same vehicle and camera",)), measures=("ap", "cmc@1")),
        harness.Task("tracks", harness.Rule(unit="track"), measures=("ap",)),
    )

    def load(self, root):
        rows = [line.split() for line in Path(root, "list.txt").read_text().splitlines()]
        def split(name):
            paths, *labels = zip(*(row[1:] for row in rows if row[0] == name))
            vehicle, camera, track = (np.array(column, np.int64) for column in labels)
            return harness.ImageTable(paths, vehicle, camera=camera, track=track)
        Path(root, "pid.part").write_text(str(os.getpid()))
        Path(root, "pid.part").rename(Path(root, "pid"))
        while Path(root, "wait").exists():
            time.sleep(0.05)
        return harness.Dataset(Path(root), {"query": split("query"), "gallery": split("gallery")})

@harness.hookimpl
def bench_register_protocols(register):
    register("hosts", Hosts)
"""


def refusal() -> str:
    """Return why namespaces cannot be made here; empty if they can."""
    if shutil.which("ip") is None:
        return "there is no command 'ip'"
    name = f"bench-{uuid.uuid4().hex[:8]}"
    made = _ip("netns", "add", name, check=False)
    if made.returncode:
        return f"network namespaces cannot be made: {made.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)  # noqa: S603, S607 - fixed words


@dataclass
class Host:
    """One host: its namespace, the end of the cable, its folder, and the launcher that runs on it.

    Attributes:
        number: 0 for the one that the processes meet at.
        token: marks all processes of one trial.
    """

    number: int
    namespace: str
    cable: str
    folder: Path
    token: str
    launcher: subprocess.Popen[str] | None = field(default=None)

    def start(self, port: int, *words: str) -> None:
        """Start torchrun with one process."""
        meeting = ("--nnodes=2", f"--node-rank={self.number}", "--nproc-per-node=1", "--master-addr=10.77.0.1")
        evaluation = ("f.h5", "--protocol", "hosts", "--data", ".", "--plugin", "plugin.py", "--json", *words)
        command = (
            *("ip", "netns", "exec", self.namespace, sys.executable, "-m", "torch.distributed.run", *meeting),
            *(f"--master-port={port}", "-m", "harness", "eval", *evaluation, f"--timeout={LIMIT:g}"),
        )
        settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": self.cable}
        with (self.folder / "out").open("w") as out, (self.folder / "err").open("w") as err:
            self.launcher = subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=self.folder,
                env={**os.environ, **settings, "BENCH_TRIAL": self.token},
                stdout=out,
                stderr=err,
            )

    def worker(self) -> int:
        """Return the number of the process that evaluates, once it has read the data set."""
        until(lambda: (self.folder / "pid").exists() or self.ended)
        return int((self.folder / "pid").read_text())

    @property
    def ended(self) -> bool:
        """Whether the launcher has ended."""
        return self.launcher is None or self.launcher.poll() is not None

    @property
    def status(self) -> int:
        """The launcher's exit status."""
        return -1 if self.launcher is None else self.launcher.returncode

    def said(self, name: str) -> str:
        """Return what it printed: ``out`` or ``err``."""
        return (self.folder / name).read_text(errors="replace")

    @property
    def messages(self) -> list[str]:
        """The messages for the user."""
        return re.findall(r"^bench: (.*)", self.said("err"), re.MULTILINE)


def until(done: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Wait for something, and return whether it came."""
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@contextmanager
def two_hosts(folder: Path) -> Iterator[list[Host]]:
    """Yield two hosts with a cable between them; at the end nothing of them is left."""
    token = uuid.uuid4().hex[:6]
    hosts = [Host(n, f"bench-{token}-{n}", f"bt{token}{n}", folder / str(n), token) for n in (0, 1)]
    try:
        for host in hosts:
            host.folder.mkdir()
            _ip("netns", "add", host.namespace)
        _ip("link", "add", hosts[0].cable, "type", "veth", "peer", "name", hosts[1].cable)
        for host in hosts:
            _ip("link", "set", host.cable, "netns", host.namespace)
            inside = ("-n", host.namespace)
            _ip(*inside, "addr", "add", f"10.77.0.{host.number + 1}/24", "dev", host.cable)
            _ip(*inside, "link", "set", host.cable, "up")
            _ip(*inside, "link", "set", "lo", "up")
        yield hosts
    finally:
        for process in of_trial(token):
            process.kill()
        for host in hosts:
            if host.launcher is not None:
                host.launcher.wait()
            _ip("netns", "del", host.namespace, check=False)


def of_trial(token: str) -> list[psutil.Process]:
    """Return the processes of a trial that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("BENCH_TRIAL") == token and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def write_host(folder: Path, seed: int) -> None:
    """Write the plugin, the lists and the features, which follow the seed."""
    rng = np.random.default_rng(seed)
    (folder / "plugin.py").write_text(PLUGIN)
    rows = [("query", n) for n in range(QUERIES)] + [("gallery", n) for n in range(GALLERY)]
    labels = np.stack([rng.integers(0, 12, len(rows)), rng.integers(0, 4, len(rows))], axis=1)
    lines = [
        f"{split} {split}/{n}.jpg {vehicle} {camera} {vehicle * 4 + camera}"
        for (split, n), (vehicle, camera) in zip(rows, labels.tolist(), strict=True)
    ]
    (folder / "list.txt").write_text("\n".join(lines) + "\n")
    write_features(folder, seed)


def write_features(folder: Path, seed: int) -> None:
    """Write features of a few values each, so that many tie."""
    keys = [line.split()[1] for line in (folder / "list.txt").read_text().splitlines()]
    table = np.random.default_rng(seed + 1).integers(-2, 3, (len(keys), WIDTH)).astype(np.float32)
    table[:, 0] += 3  # no feature is zero
    harness.write_features(folder / "f.h5", keys, table, dataset="hosts", method="campaign")


def change_list(folder: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    """Write the list again with other rows."""
    path = folder / "list.txt"
    rows = change([line.split() for line in path.read_text().splitlines()])
    path.write_text("".join(" ".join(row) + "\n" for row in rows))


def one_label(rows: list[list[str]]) -> list[list[str]]:
    """Give the last image of the gallery another vehicle."""
    return [*rows[:-1], [*rows[-1][:2], "99", *rows[-1][3:]]]


def swapped(rows: list[list[str]]) -> list[list[str]]:
    """Exchange the labels of two gallery images of different vehicles."""
    last = rows[-1]
    other = next(number for number in range(QUERIES, len(rows)) if rows[number][2] != last[2])
    both = {other: [*rows[other][:2], *last[2:]], len(rows) - 1: [*last[:2], *rows[other][2:]]}
    return [both.get(number, row) for number, row in enumerate(rows)]


def shorter(rows: list[list[str]]) -> list[list[str]]:
    """Leave out the last image of the gallery."""
    return rows[:-1]


def reordered(rows: list[list[str]]) -> list[list[str]]:
    """Write the gallery backwards."""
    return rows[:QUERIES] + rows[QUERIES:][::-1]


LISTS = {"one label": one_label, "two labels swapped": swapped, "a row fewer": shorter, "other order": reordered}
"""Changes of the second host's list."""
OTHER = ("other features", *LISTS, "other metric", "other measure")
"""Trials in which the second host does not see or want the same."""
LOST = ("cable cut", "process stopped", "process killed")
TRIALS = ("the same", *OTHER, *LOST)


@dataclass(frozen=True)
class Outcome:
    """What a trial ended with: the launchers' exit statuses, the messages of each host, the seconds, the faults."""

    trial: str
    statuses: tuple[int, ...]
    messages: tuple[tuple[str, ...], ...]
    seconds: float
    faults: tuple[str, ...]


def attempt(trial: str, seed: int, port: int) -> Outcome:
    """Do one trial."""
    with tempfile.TemporaryDirectory(prefix="bench-hosts-") as place, two_hosts(Path(place)) as hosts:
        for host in hosts:
            write_host(host.folder, seed)
        words = _prepare(trial, hosts[1].folder, seed)
        for host, own in zip(hosts, ((), words), strict=True):
            host.start(port, *own)
        if trial in LOST:
            _lose(trial, hosts)
        began = time.monotonic()
        ended = until(lambda: all(host.ended for host in hosts) or (trial == "process stopped" and hosts[0].ended))
        seconds = time.monotonic() - began
        if trial == "process stopped" and ended:
            os.kill(hosts[1].worker(), signal.SIGCONT)
            ended = until(lambda: hosts[1].ended)
        left = [] if ended and until(lambda: not of_trial(hosts[0].token), 40) else of_trial(hosts[0].token)
        faults = [] if ended else ["has not ended"]
        faults += [f"{len(left)} processes are left"] * bool(left)
        faults += _judge(trial, hosts, Path(place), seed) if ended else []
        statuses = tuple(host.status if host.ended else -1 for host in hosts)
        return Outcome(trial, statuses, tuple(tuple(host.messages) for host in hosts), seconds, tuple(faults))


def _prepare(trial: str, folder: Path, seed: int) -> tuple[str, ...]:
    """Change what the second host has, and return the further words of its command."""
    if trial in LISTS:
        change_list(folder, LISTS[trial])
    if trial == "other features":
        write_features(folder, seed + 1000)
    if trial in LOST:
        (folder / "wait").touch()
    return {"other metric": ("--metric", "euclidean"), "other measure": ("--measure", "cmc@5")}.get(trial, ())


def _lose(trial: str, hosts: Sequence[Host]) -> None:
    """Lose the second process while the first waits for it."""
    for host in hosts:
        host.worker()
    if trial == "cable cut":
        _ip("-n", hosts[1].namespace, "link", "set", hosts[1].cable, "down")
    else:
        os.kill(hosts[1].worker(), signal.SIGSTOP if trial == "process stopped" else signal.SIGKILL)
    (hosts[1].folder / "wait").unlink()


def _judge(trial: str, hosts: Sequence[Host], place: Path, seed: int) -> list[str]:
    """Return the faults of a trial that has ended."""
    both = "".join(host.said("err") for host in hosts)
    faults = ["a traceback of ours"] if f'File "{ROOT / "harness"}' in both else []
    counts = [len(host.messages) for host in hosts]
    if trial == "the same":
        if any(host.status for host in hosts) or hosts[0].said("out") != alone(place, seed):
            faults.append("not the digits of one process")
        return faults
    if any(host.status == 0 for host in hosts):
        faults.append("exit status 0")
    if any(host.said("out") for host in hosts):
        faults.append("a number was printed")
    # Hosts that cannot reach each other cannot agree on who speaks; a launcher may end the process that would.
    wanted = {"cable cut": {(1, 1)}, "process stopped": {(1, 0), (1, 1)}, "process killed": {(0, 0), (1, 0)}}
    if tuple(counts) not in wanted.get(trial, {(1, 0)}):
        faults.append(f"messages: {counts}")
    if trial in OTHER and "process 1" not in both:
        faults.append("the process is not named")
    return faults


def alone(place: Path, seed: int) -> str:
    """Return what one process prints."""
    folder = place / "alone"
    folder.mkdir()
    write_host(folder, seed)
    words = ("eval", "f.h5", "--protocol", "hosts", "--data", ".", "--plugin", "plugin.py", "--json")
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "harness", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)
    return done.stdout


def main() -> int:
    """Try everything, print the table, and return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--only", choices=TRIALS, action="append")
    words = parser.parse_args()
    reason = refusal()
    if reason:
        sys.stdout.write(f"not tried: {reason}\n")
        return 1
    outcomes = [
        attempt(trial, words.seed + number, 29500 + number % 100)
        for trial in words.only or TRIALS
        for number in range(words.count)
    ]
    rows = [
        [
            trial,
            len(own),
            sum(bool(one.faults) for one in own),
            max(one.seconds for one in own),
            ", ".join(sorted({f"{one.statuses}" for one in own})),
            " | ".join(sorted({said for one in own for host in one.messages for said in host})),
            "; ".join(sorted({fault for one in own for fault in one.faults})),
        ]
        for trial in TRIALS
        if (own := [one for one in outcomes if one.trial == trial])
    ]
    names = ["trial", "tried", "faults", "longest (s)", "exit statuses", "messages", "which faults"]
    sys.stdout.write(tabulate(rows, headers=names, tablefmt="github", floatfmt=".1f") + "\n")
    return int(any(one.faults for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
