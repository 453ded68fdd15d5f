"""Time the kernel against a bare float32 product and against sorting every row, and write docs/performance.md.

    python benchmarks/kernel.py [--shapes veri776 wild-large] [--repeat 3] [--quick] [--device cuda] [--write PAGE]

Features are seeded: vehicles are points of a 48-dimensional space, images scatter around them by an amount of their
own, for a mixture of easy and hard queries as in real features.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import torch
from tabulate import tabulate

from benchmarks.evaluators.memory import peak, reset_peak
from benchmarks.yardsticks import by_sorting, product, rerank_densely
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.compute.machine import Machine
from harness.kernel.ranking import rank
from harness.kernel.rerank import rerank
from harness.kernel.settings import Tuning
from harness.scoring.cost import device_name
from harness.scoring.scores import Scores
from harness.tasks.relevance import Draw, Relevance, RowLists
from harness.tasks.reranking import Reranking

RANK = 48

BARE, BY_QUERIES = "bare product", "by blocks of queries"
"""torch.mm over blocks of the gallery, the yardstick, and over blocks of queries, which some processors do slower."""

QUICK = 8
"""Of so many queries ``--quick`` asks one; the gallery keeps its shape."""

PAUSE = 0.5
"""Seconds between two runs: for 0.2 s the threads of torch.mm look for more work, on cores that the next one needs."""


@dataclass(frozen=True)
class Shape:
    """One problem: vehicles, gallery images, queries, numbers per feature, scatter, and how it is run."""

    vehicles: int
    images: int
    queries: int
    width: int
    scatter: float = 0.7
    draws: int = 0
    streamed: bool = False
    sorts: bool = True
    reranks: bool = False
    dense: bool = False


SHAPES = {
    "veri776": Shape(200, 11_579, 1_678, 512, scatter=1.0, dense=True),
    "veri776-easy": Shape(200, 11_579, 1_678, 512, scatter=0.6),
    "veri776-hard": Shape(200, 11_579, 1_678, 512, scatter=1.6),
    "veri776-2048": Shape(200, 11_579, 1_678, 2048, scatter=1.0),
    "veri776-2048-easy": Shape(200, 11_579, 1_678, 2048, scatter=0.6),
    "veri776-2048-hard": Shape(200, 11_579, 1_678, 2048, scatter=1.6),
    "vehicleid-large": Shape(2_400, 19_777, 19_777, 512, draws=10),
    "wild-small": Shape(3_000, 38_861, 3_000, 512),
    "wild-medium": Shape(5_000, 64_389, 5_000, 512),
    "wild-large": Shape(10_000, 128_517, 10_000, 512, reranks=True),
    "wild-large-hard": Shape(10_000, 128_517, 10_000, 512, scatter=1.2),
    "streamed": Shape(100_000, 2_000_000, 1_000, 512, streamed=True, sorts=False),
}


def features(shape: Shape, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (n, width) float32 features of images of the labelled vehicles; the same space for every call."""
    space = np.random.default_rng(20)
    basis = (space.standard_normal((RANK, shape.width)) / np.sqrt(RANK)).astype(np.float32)
    centres = space.standard_normal((shape.vehicles, RANK)).astype(np.float32)
    scatter = shape.scatter * rng.gamma(4, 0.25, (len(labels), 1))
    points = centres[labels] + (scatter * rng.standard_normal((len(labels), RANK))).astype(np.float32)
    return points @ basis + np.float32(0.05) * rng.standard_normal((len(labels), shape.width), dtype=np.float32)


def lists(rows: list[np.ndarray]) -> RowLists:
    """Return compressed rows."""
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return RowLists(starts, np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int64))


def relevance_of(shape: Shape, query: np.ndarray, gallery: np.ndarray) -> Relevance:
    """Return the relevance: the gallery images of a query's vehicle are its positives; with the shape's draws."""
    order = np.argsort(gallery, kind="stable")
    edges = np.searchsorted(gallery[order], np.arange(shape.vehicles + 1))
    own = [order[edges[vehicle] : edges[vehicle + 1]] for vehicle in query]
    if not shape.draws:
        return Relevance(len(query), len(gallery), lists(own), lists([own[0][:0]] * len(query)))
    draws = []
    for seed in range(shape.draws):
        drawn = np.random.default_rng(seed).integers(edges[:-1], edges[1:])
        draws.append(Draw(np.setdiff1d(np.arange(len(query)), drawn), drawn))
    positives = lists([np.delete(row, np.searchsorted(row, number)) for number, row in enumerate(own)])
    itself = RowLists(np.arange(len(query) + 1), np.arange(len(query)))
    return Relevance(len(query), len(gallery), positives, itself, draws=tuple(draws))


FIRST_CALL = """
import time
import numpy as np, torch
from harness.kernel.ranking import rank
from harness.tasks.relevance import Relevance, RowLists
rows = np.random.default_rng(0).standard_normal((1000, 512), dtype=np.float32)
each = RowLists(np.arange(1001), (np.arange(1000) + 1) % 1000)
relevance = Relevance(1000, 1000, each, RowLists(np.arange(1001), np.arange(1000)))
start = time.perf_counter()
rank(rows, rows, relevance)
print(time.perf_counter() - start)
"""


def first_call() -> float:
    """Return the seconds of the first call in a fresh process, with numpy and torch imported and the loops compiled."""
    return float(subprocess.run([sys.executable, "-c", FIRST_CALL], check=True, capture_output=True, text=True).stdout)


def timed(runs: dict[str, Callable[[], object]], repeat: int) -> dict[str, tuple[float, float]]:
    """Return the median seconds of each after a warm-up run, and its peak of memory in GB above the common start.

    They run in turns, and each turn starts with another one, since a run influences the time of the next. Memory kept
    by an earlier run counts against the later ones.
    """
    began = reset_peak()
    seconds: dict[str, list[float]] = {what: [] for what in runs}
    memory = dict.fromkeys(runs, 0)
    turn = list(runs.items())
    for number in range(repeat + 1):
        turn.append(turn.pop(0))
        for what, work in turn:
            time.sleep(PAUSE)
            reset_peak()
            start = time.perf_counter()
            work()
            if number:
                seconds[what].append(time.perf_counter() - start)
            memory[what] = max(memory[what], peak() - began)
    return {what: (statistics.median(seconds[what]), memory[what] / 1e9) for what in runs}


def run(name: str, shape: Shape, repeat: int, device: str, folder: Path) -> list[list[object]]:
    """Time one shape and return its rows of the table."""
    rng = np.random.default_rng(7)
    gallery = np.sort(rng.integers(0, shape.vehicles, shape.images))
    gallery[: shape.vehicles] = np.arange(shape.vehicles)
    gallery.sort()
    if shape.streamed:  # each half has the same positives
        gallery = np.tile(gallery[::2], 2)
    fixed = shape.queries == shape.vehicles
    query = gallery if shape.draws else np.arange(shape.vehicles) if fixed else rng.choice(gallery, shape.queries)
    relevance = relevance_of(shape, query, gallery)
    if shape.streamed:
        return streamed(name, shape, query, gallery, repeat=repeat, folder=folder)
    table = features(shape, gallery, rng)
    asked = table if shape.draws else features(shape, query, rng)
    machine = Machine(device)
    found = Scores.of(rank(asked, table, relevance, machine=machine), ["ap"], queries=len(query)).mean["ap"]
    whole = Relevance(relevance.queries, relevance.units, relevance.positives, relevance.ignored)
    runs: dict[str, Callable[[], object]] = {
        BARE: lambda: product(asked, table),
        BY_QUERIES: lambda: product_by_queries(asked, table),
        "kernel": lambda: rank(asked, table, relevance, machine=machine),
    }
    for precision in ("float32", "bfloat16", "int16", "int8") if device == "cpu" else ("float32",):
        tuning = Tuning(precision=precision)
        runs[precision] = lambda tuning=tuning: rank(asked, table, relevance, machine=machine, tuning=tuning)
    if shape.draws:
        runs["the pairs once"] = lambda: rank(asked, table, whole, machine=machine)
    if shape.dense:
        runs["re-ranking"] = lambda: rerank(asked, table, relevance, Reranking())
    answers = timed(runs, repeat)
    bare = answers[BARE][0]
    rows: list[list[object]] = [
        [name, f"{found:.3f}", what, seconds, seconds / bare, memory] for what, (seconds, memory) in answers.items()
    ]
    slow: dict[str, Callable[[], object]] = {}
    if shape.sorts and not shape.draws:
        slow["sorting every row"] = lambda: by_sorting((asked, table), (query, gallery))
    if shape.reranks:
        slow["re-ranking, once"] = lambda: rerank(asked, table, relevance, Reranking())
    if shape.dense:
        slow["dense re-ranking"] = lambda: rerank_densely(asked, table)
    for what, work in slow.items():
        before, start = reset_peak(), time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        rows.append([name, f"{found:.3f}", what, seconds, seconds / bare, (peak() - before) / 1e9])
    return rows


def streamed(
    name: str, shape: Shape, query: np.ndarray, gallery: np.ndarray, *, repeat: int, folder: Path
) -> list[list[object]]:
    """Time a gallery on disk, whole and its first half."""
    rng = np.random.default_rng(8)
    asked = features(shape, query, rng)
    path = folder / "gallery.h5"
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("rows", (shape.images, shape.width), dtype="f4", chunks=(4096, shape.width))
        for first in range(0, shape.images, 65_536):
            rows[first : first + 65_536] = features(shape, gallery[first : first + 65_536], rng)
    answer: list[list[object]] = []
    with h5py.File(path) as file:
        runs: dict[str, Callable[[], object]] = {}
        for what, images in (("half of it", shape.images // 2), ("kernel", shape.images)):
            part = FirstRows(file["rows"], images)
            relevance = relevance_of(shape, query, gallery[:images])
            runs[what] = lambda part=part, relevance=relevance: rank(asked, part, relevance)
        began = reset_peak() / 1e9
        for what, (seconds, memory) in timed(runs, repeat).items():
            answer.append([name, "", f"{what}, GB in all", seconds, None, began + memory])
    return answer


def product_by_queries(queries: np.ndarray, gallery: np.ndarray, block: int = 512) -> None:
    """Multiply in float32 by torch.mm, block of queries by block, and discard the products."""
    right = torch.from_numpy(gallery).T
    for first in range(0, len(queries), block):
        torch.mm(torch.from_numpy(queries[first : first + block]), right)


class FirstRows:
    """The first rows of an HDF5 data set."""

    def __init__(self, rows: h5py.Dataset, count: int) -> None:
        self.rows, self.shape, self.dtype = rows, (count, rows.shape[1]), rows.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return the rows of a slice."""
        return np.asarray(self.rows[rows])


@dataclass(frozen=True)
class Goal:
    """A goal: a ratio of the seconds of two rows of a shape, or the GB of one."""

    shape: str
    what: str
    against: str | None
    bound: str
    number: float

    def row(self, figures: dict[tuple[str, str], list[str]]) -> list[str]:
        """Return its row of the table, from the figures of all rows; empty if a row is missing."""
        rows = [figures.get((self.shape, what)) for what in (self.what, self.against or self.what)]
        if rows[0] is None or rows[1] is None:
            return []
        reached = float(rows[0][3]) / float(rows[1][3]) if self.against else float(rows[0][5])
        met = reached <= self.number if self.bound == "at most" else reached >= self.number
        compared = f"{self.what} / {self.against}" if self.against else f"{self.what}, GB"
        verdict = "met" if met else "missed"
        return [self.shape, compared, f"{self.bound} {self.number:g}", f"{reached:.3f}", verdict]


SORTING, RERANKING = "sorting every row", "re-ranking"
GOALS = (
    Goal("wild-large", "kernel", BARE, "at most", 0.38),
    Goal("wild-large", "kernel", BY_QUERIES, "at most", 0.38),
    Goal("wild-large-hard", "kernel", BARE, "at most", 0.7),
    Goal("wild-large", SORTING, "kernel", "at least", 25),
    Goal("wild-large", "kernel", None, "at most", 1.0),
    *(
        Goal(f"veri776{width}{kind}", "kernel", BARE, "at most", 0.9)
        for width in ("", "-2048")
        for kind in ("", "-easy", "-hard")
    ),
    Goal("veri776", SORTING, "kernel", "at least", 5),
    Goal("veri776-2048", SORTING, "kernel", "at least", 5),
    Goal("veri776", "float32", BARE, "at most", 1.1),
    Goal("wild-large", "float32", BARE, "at most", 1.1),
    Goal("veri776", "dense re-ranking", RERANKING, "at least", 40),
    Goal("streamed", "kernel, GB in all", "half of it, GB in all", "at most", 2.3),
    Goal("streamed", "kernel, GB in all", None, "at most", 1.2),
)


def cells(row: list[object]) -> list[str]:
    """Return a row of the table as it is printed."""
    name, found, what, *figures = row
    digits = [
        f"{figure:.{places}f}" if figure is not None else "" for figure, places in zip(figures, (3, 2, 2), strict=True)
    ]
    return [str(name), str(found), str(what), *digits]


HEAD = ["shape", "mAP", "what", "seconds", "of the bare product", "GB above the features"]


def kept(page: Path, rows: list[list[str]]) -> list[list[str]]:
    """Return the rows of an earlier page, in which the new rows replace those of the same shapes."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    measured = [line for line in lines if line[0] in SHAPES and len(line) == len(HEAD)]  # no goals, no heads
    new = {row[0] for row in rows}
    together = rows + [line for line in measured if line[0] not in new]
    return sorted(together, key=lambda row: list(SHAPES).index(row[0]))


def page(rows: list[list[str]], device: str, repeat: int, first: float) -> str:
    """Return the page for docs/performance.md."""
    right = ("left", "right", "left", "right", "right", "right")
    table = tabulate(rows, HEAD, tablefmt="github", disable_numparse=True, colalign=right)
    machine = f"{device_name(open_fabric(Compute(device=device)))}, {torch.get_num_threads()} threads"
    figures = {(row[0], row[2]): row for row in rows}
    goals = [row for row in (goal.row(figures) for goal in GOALS) if row]
    wanted = tabulate(
        goals, ["shape", "what", "goal", "reached", ""], tablefmt="github", disable_numparse=True, colglobalalign="left"
    )
    return (
        "# Performance of the kernel\n\n"
        "Written by `python benchmarks/kernel.py --write docs/performance.md`: seeded features, all rows of a shape\n"
        "measured in one process, in turns. The bare product is torch.mm in float32 in blocks of 8,192 gallery\n"
        "images, its results discarded; `by blocks of queries` is the same with blocks of 512 queries. `kernel` is\n"
        "`rank` with its own choice of precision; `float32`, `bfloat16`, `int16` and `int8` are fixed: `float32` is\n"
        "what a processor without AVX-512 uses. These, and re-ranking, are medians of "
        f"{repeat} runs after a warm-up;\n"
        "sorting every row and dense re-ranking, written in NumPy from the definitions, ran once, as did\n"
        "`re-ranking, once`.\n"
        "Compare the ratios of a shape, not seconds: the machine is shared.\n\n"
        f"Machine: {machine}, torch {torch.__version__}, NumPy {np.__version__}.\n\n{wanted}\n\n{table}\n\n"
        f"The first call in a fresh process, compiled before, takes {first:.2f} s.\n\n"
        "What the ratios depend on: NumPy 2 sorts with AVX-512, unlike older versions; at VeRi-776's size and 2,048\n"
        "numbers per feature, sorting every row takes less than three bare products, so nothing that multiplies in\n"
        "float32 can be five times faster. On AMD processors torch.mm multiplies with MKL, and the kernel with\n"
        "oneDNN, which is faster there, so `float32` can be below 1. Hard problems have more pairs that the fast pass\n"
        "cannot decide, and each is looked at again. A processor with instructions for whole numbers (AVX512-VNNI)\n"
        "takes `int8`, or `int16` where 8 bits leave too much to a second look. Much of re-ranking at VeRi-776's size\n"
        "is products, too.\n"
        "The streamed gallery has the same images of each vehicle in either half.\n"
    )


def quicker(shape: Shape) -> Shape:
    """Return a shape with an eighth of the queries, without what takes long."""
    few = shape.queries if shape.draws else -(-shape.queries // QUICK)
    return replace(shape, queries=few, sorts=False, reranks=False, dense=False)


def main() -> None:
    """Run the benchmark with the options of the command line."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--shapes", nargs="+", choices=sorted(SHAPES), default=list(SHAPES))
    words.add_argument("--repeat", type=int, default=3)
    words.add_argument("--quick", action="store_true", help=f"ask one query of {QUICK}, once, without what is slow")
    words.add_argument("--device", default="cpu")
    words.add_argument("--write", type=Path, help="the page to write")
    given = words.parse_args()
    if given.quick and given.write:
        words.error("--quick measures too little for a page")
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.shapes:
            shape = quicker(SHAPES[name]) if given.quick else SHAPES[name]
            measured = [cells(row) for row in run(name, shape, given.repeat, given.device, Path(folder))]
            print(tabulate(measured, disable_numparse=True), flush=True)
            rows += measured
    if given.write:
        text = page(kept(given.write, rows), given.device, given.repeat, first_call())
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
