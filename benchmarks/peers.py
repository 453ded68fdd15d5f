"""Time other evaluators on the features of ``benchmarks/shapes.py``, and compare their answers: docs/peers.md.

    python -m benchmarks.peers [--sizes veri776 wild-small wild-large] [--peers faiss ...] [--share 0.1] [--limit 300]
        [--memory 24] [--fast-reid DIR] [--torchreid DIR] [--folder DIR] [--write docs/peers.md]

It needs `pip install faiss-cpu torchmetrics ranx`, and leaves out what is not at hand. fast-reid and torchreid are
checkouts of their repositories, whose compiled evaluator was built by `make` in ``fastreid/evaluation/rank_cylib`` and
``torchreid/metrics/rank_cylib`` (with Cython and setuptools). A size may also be VEHICLESxIMAGESxQUERIES.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchmarks.evaluators.page import HEAD, OURS, Peer, Row, markdown, page
from benchmarks.evaluators.runs import ROOT, Limits, Run, run

PEERS = (
    Peer(
        "NumPy",
        "numpy",
        "the definitions, in blocks of 256 queries: all similarities, every row sorted in full, precision at each "
        "positive.",
        in_blocks=True,
    ),
    Peer(
        "faiss",
        "faiss-cpu",
        "`IndexFlatIP` searched once with k = gallery, then AP from the ranks of the right images. It has no measures "
        "and no junk images.",
    ),
    Peer(
        "pytorch-metric-learning",
        "pytorch-metric-learning",
        "`AccuracyCalculator` with `k=None` and its own search, which is faiss's. It has no junk images.",
    ),
    Peer(
        "torchmetrics",
        "torchmetrics",
        "`RetrievalMAP`, given similarities in batches. It leaves out positives whose similarity is 0 or less, so its "
        "mAP is another one; it is compared with this project's ranks under that rule. AP is float32. It has no junk "
        "images other than through `ignore_index`.",
        within=1e-6,
        above_zero=True,
    ),
    Peer(
        "ranx",
        "ranx",
        "`evaluate` with arrays of full rankings, its quickest form; multiplying and sorting, which it leaves to its "
        "users, is NumPy's. It has no junk images.",
    ),
    Peer(
        "fast-reid",
        "",
        "its compiled evaluator, given the matrix of 1 - cosine. Its sums of AP are float32, which is what its mAP "
        "differs by.",
        within=1e-6,
    ),
    Peer(
        "torchreid",
        "",
        "its compiled evaluator, given the matrix of 1 - cosine. Its sums of AP and their mean are float32, which is "
        "what its mAP differs by.",
        within=1e-5,
    ),
)

MANY = 1e9
"""Pairs from which on peers are given a share of the queries."""

PART = 0.2
"""The second share, of the first one, for a line through both."""


class Comparison:
    """One problem: what this project takes and finds, and each peer beside it."""

    def __init__(self, size: str, folder: Path, limits: Limits) -> None:
        self.size, self.folder, self.limits = size, folder / size, limits
        self.answer = self.folder / "answer.json"
        drawn = run(
            ["benchmarks.evaluators.problem", size, str(self.folder)],
            Limits(3600, limits.memory),
            self.folder / "drawn.json",
            keep=True,
        )
        shape = drawn.answer["shape"]
        self.queries, self.images = shape["queries"], shape["images"]

    def measured(self, word: str, queries: int | None = None, checkout: Path | None = None) -> Run:
        """Run an evaluator on the first queries, all unless their number is given."""
        words = ["benchmarks.evaluators.measured", word, str(self.folder), str(self.answer)]
        words += ["--memory", str(self.limits.memory)]
        words += [] if queries is None else ["--queries", str(queries)]
        words += [] if checkout is None else ["--checkout", str(checkout)]
        return run(words, self.limits, self.answer)

    def ours(self) -> Row:
        """Measure this project: its kernel on features in memory, and ``bench eval`` from files.

        Raises:
            ChildProcessError: one of them does not finish, or they find different means.
        """
        kernel = self.measured("kernel")
        words = ["harness", "eval", str(self.folder / "features.h5"), "--protocol", str(self.folder / "problem.toml")]
        runs = [run([*words, "--json"], self.limits, self.answer, printed=True) for _ in range(2)]
        command = min(runs, key=lambda done: done.seconds)  # the first may have to compile
        if kernel.failure or command.failure:
            raise ChildProcessError(f"this project {kernel.failure or command.failure} at {self.size}")
        self.found, found = kernel.answer["per_query"], command.answer[0]["measures"]
        if (found["ap"], found["cmc@1"]) != (kernel.answer["mean"], kernel.answer["first"]):
            raise ChildProcessError(f"'bench eval' finds {found} and the kernel {kernel.answer['mean']}")
        return replace(figures(self.size, OURS, kernel), files=command.seconds, whole=command.peak / 1e9)

    def beside(self, peer: Peer, share: float, checkout: Path | None) -> Row:
        """Measure a peer, on two shares of the queries if the problem is large."""
        if self.queries * self.images <= MANY or share == 1:
            done = self.measured(peer.word, None, checkout)
            if done.failure:
                return Row(self.size, peer.word, failure=done.failure)
            return self.compared(peer, done, figures(self.size, peer.word, done))
        asked = max(2, round(self.queries * share))
        shares = [max(1, round(asked * PART)), asked]
        runs = []
        for queries in shares:
            runs.append(self.measured(peer.word, queries, checkout))
            if runs[-1].failure:
                what = f"{runs[-1].failure}, with {queries / self.queries:.0%} of the queries"
                at_hand = "not at hand" not in runs[-1].failure
                return Row(self.size, peer.word, failure=what if at_hand else runs[-1].failure)
        return self.compared(peer, runs[1], self.extended(peer, shares, runs))

    def extended(self, peer: Peer, shares: list[int], runs: list[Run]) -> Row:
        """Return the figures of all queries on the line through those of two numbers of queries."""
        less, more = (figures(self.size, peer.word, done) for done in runs)
        further = (self.queries - shares[1]) / (shares[1] - shares[0])

        def line(name: str) -> float:
            low, high = getattr(less, name), getattr(more, name)
            return high + max(high - low, 0) * further

        names = ["seconds", "processor", "files", *([] if peer.in_blocks else ["above", "whole"])]
        lines = {name: line(name) for name in names}
        return replace(more, estimated=True, **lines)

    def compared(self, peer: Peer, done: Run, row: Row) -> Row:
        """Return the row with how far the peer's mAP is from this project's, over the queries that it was given.

        Raises:
            ChildProcessError: it is further than its arithmetic explains, or its CMC@1 differs.
        """
        asked = done.answer["queries"]
        values, hits = self.found["ap"][:asked], self.found["cmc@1"][:asked]
        if peer.above_zero:
            counts = json.loads((self.folder / "above_zero.json").read_text(encoding="utf-8"))
            starts, ranks = self.found["starts"][:asked], self.found["ranks"]
            values = [precision(ranks[at : at + count]) for at, count in zip(starts, counts[:asked], strict=True)]
        apart = abs(done.answer["mean"] - mean(values))
        first = done.answer["first"]
        if apart > peer.within or (first is not None and abs(first - mean(hits)) > peer.within):
            raise ChildProcessError(
                f"{peer.word} finds mAP {done.answer['mean']} and CMC@1 {first} at {self.size}, "
                f"this project {mean(values)} and {mean(hits)}"
            )
        return replace(row, apart=apart)


def mean(values: list[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def precision(ranks: list[int]) -> float:
    """Return the mean of the precisions at ranks, which are ascending; 0 if there is none."""
    return mean([number / rank for number, rank in enumerate(ranks, 1)]) if ranks else 0.0


def figures(size: str, word: str, done: Run) -> Row:
    """Return what a run took, as a row."""
    answer = done.answer
    above, whole = answer["above"] / 1e9, done.peak / 1e9
    files = done.seconds - answer["again"]
    return Row(size, word, answer["mean"], answer["seconds"], answer["processor"], above, files, whole)


def size_name(text: str) -> str:
    """Return a size that can name a folder, which is checked when it is drawn."""
    if not re.fullmatch(r"[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no size: name a shape of kernel.py, or VEHICLESxIMAGESxQUERIES")
    return text


def machine(peers: list[Peer]) -> str:
    """Return the processor, its threads and the versions of everything that was compared."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    versions = []
    for package in dict.fromkeys(["torch", "numpy", *(peer.package for peer in peers if peer.package)]):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    memory = psutil.virtual_memory().total / 1e9
    return f"{model}, {threads} threads, {memory:.0f} GB, Python {platform.python_version()}, {', '.join(versions)}"


def main() -> None:
    """Run the comparison, print its rows, and write the page if a file is named."""
    free = psutil.virtual_memory().available * 0.9
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = ["veri776", "wild-small", "wild-large"]
    about = f"shapes of kernel.py, or VEHICLESxIMAGESxQUERIES; default: {' '.join(sizes)}"
    words.add_argument("--sizes", nargs="+", type=size_name, metavar="SIZE", default=sizes, help=about)
    words.add_argument("--peers", nargs="+", choices=[peer.word for peer in PEERS], metavar="NAME", help="default: all")
    words.add_argument("--share", type=float, default=0.1, help="of the queries of a large problem; 1 for all of them")
    words.add_argument("--limit", type=float, default=300, help="seconds of each process")
    words.add_argument("--memory", type=float, help="GB of each; default: 24, or nine tenths of what is free")
    words.add_argument("--fast-reid", type=Path, metavar="DIR", help="a checkout, compiled")
    words.add_argument("--torchreid", type=Path, metavar="DIR", help="a checkout, compiled")
    words.add_argument("--folder", type=Path, default=ROOT / "build" / "peers", help="for the problems, which it keeps")
    words.add_argument("--write", type=Path, help="the page to write")
    given = words.parse_args()
    if not 0 < given.share <= 1:
        words.error("--share is above 0 and at most 1")
    limits = Limits(given.limit, int(given.memory * 1e9 if given.memory else min(24e9, free)))
    checkouts = {"fast-reid": given.fast_reid, "torchreid": given.torchreid}
    asked = [peer for peer in PEERS if given.peers is None or peer.word in given.peers]
    peers = [peer for peer in asked if checkouts.get(peer.word, peer.word) is not None]
    rows: list[Row] = []
    failed: list[str] = []
    for size in given.sizes:
        comparison = Comparison(size, given.folder.resolve(), limits)
        rows.append(comparison.ours())
        print(*rows[-1].cells(), sep="  ", flush=True)
        for peer in peers:
            checkout = checkouts.get(peer.word)
            try:
                rows.append(comparison.beside(peer, given.share, checkout and checkout.resolve()))
            except ChildProcessError as problem:  # the other rows are kept
                rows.append(Row(size, peer.word, failure=str(problem)))
                failed.append(str(problem))
            print(*rows[-1].cells(), sep="  ", flush=True)
        if given.write:  # after each size, since a later one may fail
            text = page(rows, peers, machine(peers), given.share, (limits.seconds, limits.memory / 1e9))
            given.write.write_text(text, encoding="utf-8")
    print(markdown([row.cells() for row in rows], HEAD))
    if failed:
        raise ChildProcessError("; ".join(failed))


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:  # a process that failed, or a folder that cannot be written
        sys.exit(f"peers: {problem}")
