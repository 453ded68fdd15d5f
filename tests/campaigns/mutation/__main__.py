"""Changes the code in small ways and runs the tests: a change that no test notices is a hole in the tests.

    python -m tests.campaigns.mutation --workers 16
    python -m tests.campaigns.mutation --only harness/measures --count 20 --seed 1
    python -m tests.campaigns.mutation --log first.jsonl
    python -m tests.campaigns.mutation --log second.jsonl --resume first.jsonl

The last goes on where the one before was cut off. What a log says of a change holds while the module is the same and
so is what was found out: a change that a test noticed stays noticed while that test is as it was; one that no test
noticed is tried again when any test of the module or how they are run has changed.

Prints one table, and the changes that no test noticed and nobody has accepted; ends with 1 if there are any.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import click
from tabulate import tabulate

from tests.campaigns.mutation.accepted import kind_of
from tests.campaigns.mutation.anew import importers
from tests.campaigns.mutation.mutants import ROOT, Mutant, mutants_of, sample
from tests.campaigns.mutation.subjects import SUBJECTS, Subject
from tests.campaigns.mutation.trial import QUIET, Outcome, begin

FIRST_LIMIT = 400.0
"""Seconds of the processor for the tests of a module as it is, which may compile the kernel first."""

SPARE, FACTOR = 2.0, 1.5
"""A change gets so many seconds, and so many times those of the module as it is."""

ACCEPTED = Outcome("survived", "not tried", 0.0, {})
"""What stands for the trial of a change that is accepted."""

NEAR = 10
"""Lines of the source within which changes are noticed by the same tests."""


@dataclass
class Trial:
    """A running trial.

    Attributes:
        subject: the module.
        mutant: None for the module as it is.
        limit: seconds of the processor.
        durations: of its tests, as far as they are known.
        killers: the lines of the module's changes that were noticed, and the tests that noticed them.
        begun: when.
        process: its number.
    """

    subject: Subject
    mutant: Mutant | None
    limit: float
    durations: dict[str, float] = field(default_factory=dict)
    killers: list[tuple[int, str]] = field(default_factory=list)
    begun: float = 0.0
    process: int = 0

    @property
    def costs(self) -> dict[str, float]:
        """The seconds of each test, fewer for one that noticed changes of lines near this one."""
        kills = Counter(test for line, test in self.killers if self.mutant and abs(line - self.mutant.line) <= NEAR)
        return {test: (0.01 + seconds) / (1 + 4 * kills[test]) for test, seconds in self.durations.items()}


def preload() -> None:
    """Import what the trials need, once, before the first is forked."""
    import h5py  # noqa: F401
    import hypothesis  # noqa: F401
    import numba  # noqa: F401
    import pandas  # noqa: F401
    import pydantic  # noqa: F401
    import pytest
    import scipy.special
    import scipy.stats
    import torch  # noqa: F401

    _ = scipy
    files = sorted({test.partition("::")[0] for subject in SUBJECTS for test in subject.tests})
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        pytest.main([*QUIET, "--collect-only", *files])
    del sys.modules["tests.conftest"]
    importers()
    # pytest collects garbage again and again as it ends: it need not look at torch each time.
    gc.collect()
    gc.freeze()


def run_all(trials: Iterable[Trial], workers: int) -> Iterator[tuple[Trial, Outcome]]:
    """Run trials, some at a time; yield each with its result as it ends."""
    waiting, running = iter(trials), 0
    with selectors.DefaultSelector() as watched:
        while True:
            while running < workers and (trial := next(waiting, None)) is not None:
                trial.begun = time.monotonic()
                trial.process, reading = begin(trial.mutant, trial.subject, trial.limit, trial.costs)
                watched.register(reading, selectors.EVENT_READ, (trial, []))
                running += 1
            if not running:
                return
            for key, _ in watched.select(timeout=5):
                trial, parts = key.data
                part = os.read(key.fd, 1 << 16)
                if part:
                    parts.append(part)
                    continue
                watched.unregister(key.fd)
                os.close(key.fd)
                running -= 1
                outcome = _ended(trial, b"".join(parts))
                if outcome.word == "killed" and trial.mutant:
                    trial.killers.append((trial.mutant.line, outcome.by))
                yield trial, outcome
            for key in watched.get_map().values():
                trial, _ = key.data
                if time.monotonic() - trial.begun > 10 + 8 * trial.limit:  # it waits for something, or the machine does
                    os.killpg(trial.process, signal.SIGKILL)


def _ended(trial: Trial, written: bytes) -> Outcome:
    _, status = os.waitpid(trial.process, 0)
    if written:
        return Outcome(*json.loads(written))
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    word = "timed out" if ended in {signal.SIGPROF, signal.SIGKILL} else "killed"
    return Outcome(word, f"signal {ended}" if ended else f"status {status}", trial.limit, {})


def unchanged(subjects: list[Subject], workers: int, known: Known) -> dict[str, Outcome]:
    """Run the tests of every module as it is, unless logs say how they end; return how they end, by its path.

    Raises:
        SystemExit: they fail.
    """
    held = {subject.path: known_of(subject, None, known) for subject in subjects}
    spent, wrong = {path: result for path, result in held.items() if result}, []
    rest = [subject for subject in subjects if subject.path not in spent]
    # The first compiles the kernel and keeps it, the others find it.
    for some in (rest[:1], rest[1:]):
        for trial, result in run_all([Trial(one, None, FIRST_LIMIT) for one in some], workers):
            spent[trial.subject.path] = result
            if result.word != "survived":
                wrong.append(f"{trial.subject.path}: {result.word} by {result.by}")
    if wrong:
        raise SystemExit("the tests fail without any change:\n" + "\n".join(wrong))
    return spent


@click.command()
@click.option("--only", multiple=True, help="Modules to change: how their path begins. All by default.")
@click.option("--count", type=int, help="Changes of each module, by chance. All by default.")
@click.option("--seed", type=int, default=0, help="Of that chance.")
@click.option("--all", "every", is_flag=True, help="Try the accepted changes too.")
@click.option("--workers", type=int, default=1, help="Processes at a time.")
@click.option("--log", type=click.File("w"), help="A file for one line for each change, in JSON.")
@click.option("--resume", type=click.File("r"), multiple=True, help="Logs of changes that need not be tried again.")
def main(only, count, seed, every, workers, log, resume) -> None:
    """Change the kernel, the rules, the measures and the statistics, one small change at a time."""
    os.chdir(ROOT)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": folder}
        os.environ.setdefault("BENCH_CACHE", f"{folder}/cache")
        sys.dont_write_bytecode, sys.pycache_prefix = False, f"{folder}/code"  # trials need not compile the same again
        preload()
        known: Known = defaultdict(list)
        for file in resume:
            read_log(file, known)
        wanted = [
            (subject, mutant)
            for subject in SUBJECTS
            if not only or any(subject.path.startswith(word) for word in only)
            for mutant in sample(list(mutants_of(subject.path, without=subject.without)), count, seed)
        ]
        found = [(*one, result) for one in wanted if (result := known_of(*one, known)) is not None]
        rest = [one for one in wanted if known_of(*one, known) is None]
        if not every:
            settled = {mutant for _, mutant in rest if kind_of(mutant) is not None}
            found += [(*one, ACCEPTED) for one in rest if one[1] in settled]
            rest = [one for one in rest if one[1] not in settled]
        spent = unchanged(list(dict.fromkeys(subject for subject, _ in rest)), workers, known)
        for subject in SUBJECTS:
            if subject.path in spent:
                write_line(log, subject, None, spent[subject.path])
        killers: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for _, mutant, result in found:
            if result.word == "killed":
                killers[mutant.path].append((mutant.line, result.by))
        trials = [
            Trial(one, mutant, SPARE + FACTOR * result.seconds, result.durations, killers[one.path])
            for one, mutant in rest
            for result in [spent[one.path]]
        ]
        trials.sort(key=lambda trial: spent[trial.subject.path].seconds)
        for line in found:
            if line[-1] is not ACCEPTED:
                write_line(log, *line)
        for trial, result in run_all(trials, workers):
            found.append((trial.subject, trial.mutant, result))
            write_line(log, *found[-1])
    sys.exit(report(found, spent, seconds=time.monotonic() - begun, seed=seed))


Key = tuple[str, str, int]
Known = dict[Key, list[tuple[str, Outcome]]]
"""What logs say of a change: how it ended, and the digest of what that rests on."""


def key_of(subject: Subject, mutant: Mutant | None) -> Key:
    """Return what says that two changes are the same; None is no change."""
    return (subject.source, mutant.operator, mutant.occurrence) if mutant else (subject.source, "", 0)


def known_of(subject: Subject, mutant: Mutant | None, known: Known) -> Outcome | None:
    """Return how a change would end now, if logs say so; the last counts."""
    held = (result for proof, result in reversed(known[key_of(subject, mutant)]) if proof == subject.proof(result))
    return next(held, None)


def write_line(log: TextIO | None, subject: Subject, mutant: Mutant | None, result: Outcome) -> None:
    """Write how a trial ended, for people and for ``read_log``."""
    if log:
        about = asdict(mutant or Mutant(subject.path, "", 0, 0)) | result._asdict()
        log.write(json.dumps(about | {"source": subject.source, "proof": subject.proof(result)}) + "\n")
        log.flush()


def read_log(log: TextIO, known: Known) -> None:
    """Add the trials of a log; a last line may be cut off."""
    for line in log:
        if line.endswith("\n"):
            one = json.loads(line)
            outcome = Outcome(one["word"], one["by"], one["seconds"], one.get("durations", {}))
            known[one["source"], one["operator"], one["occurrence"]].append((one["proof"], outcome))


def report(
    found: list[tuple[Subject, Mutant, Outcome]], spent: dict[str, Outcome], *, seconds: float, seed: int
) -> int:
    """Print the table and the survivors; return the status to end with."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    survivors = []
    for subject, mutant, result in found:
        if result.word == "none":
            continue
        is_accepted = result.word == "survived" and kind_of(mutant) is not None
        counts[subject.path]["accepted" if is_accepted else result.word] += 1
        if result.word == "survived" and not is_accepted:
            survivors.append(mutant)
    rows = [_row(path, counts[path], f"{spent[path].seconds:.1f}" if path in spent else "") for path in sorted(counts)]
    rows.append(_row("all", sum(counts.values(), Counter()), ""))
    heads = ["module", "changes", "killed", "timed out", "accepted", "survived", "noticed", "s unchanged"]
    click.echo(tabulate(rows, heads, disable_numparse=True, tablefmt="github"))
    for mutant in sorted(survivors, key=lambda one: (one.path, one.line, one.operator)):
        before, after = mutant.change
        click.echo(f"\n{mutant.path}:{mutant.line} {mutant.operator}\n- {before}\n+ {after}")
    click.echo(f"\nseed {seed}, {seconds:.0f} s")
    return 1 if survivors else 0


def _row(path: str, count: Counter[str], unchanged: str) -> list[str]:
    noticed = count["killed"] + count["timed out"]
    words = [count[word] for word in ("killed", "timed out", "accepted", "survived")]
    return [path, *map(str, [count.total(), *words]), f"{100 * noticed / max(count.total(), 1):.1f} %", unchanged]


if __name__ == "__main__":
    main()
