"""Time the kernel against a bare float32 product and against sorting every row, and write docs/performance.md.

    python benchmarks/kernel.py [--shapes veri776 wild-large] [--repeat 3] [--quick] [--device cuda] [--write PAGE]

The problems are those of ``shapes.py``, and the galleries on disk those of ``streaming.py``.
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

import numpy as np
import torch
from tabulate import tabulate

from benchmarks.evaluators.memory import peak, reset_peak
from benchmarks.shapes import SHAPES, Shape, features, relevance_of
from benchmarks.streaming import MORE, SAME, SIZES, costs, streamed, what_of
from benchmarks.yardsticks import by_sorting, product, rerank_densely
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.compute.machine import Machine
from harness.kernel.ranking import rank
from harness.kernel.rerank import rerank
from harness.kernel.settings import Tuning
from harness.scoring.cost import device_name
from harness.scoring.scores import Scores
from harness.tasks.relevance import Relevance
from harness.tasks.reranking import Reranking

BARE, BY_QUERIES = "bare product", "by blocks of queries"
"""torch.mm over blocks of the gallery, the yardstick, and over blocks of queries, which some processors do slower."""

QUICK = 8
"""Of so many queries ``--quick`` asks one; the gallery keeps its shape."""

PAUSE = 0.5
"""Seconds between two runs: for 0.2 s the threads of torch.mm look for more work, on cores that the next one needs."""


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
    if shape.streamed:
        return streamed(name, shape, folder)
    rng = np.random.default_rng(7)
    gallery = np.sort(rng.integers(0, shape.vehicles, shape.images))
    gallery[: shape.vehicles] = np.arange(shape.vehicles)
    gallery.sort()
    fixed = shape.queries == shape.vehicles
    query = gallery if shape.draws else np.arange(shape.vehicles) if fixed else rng.choice(gallery, shape.queries)
    relevance = relevance_of(shape, query, gallery)
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


def product_by_queries(queries: np.ndarray, gallery: np.ndarray, block: int = 512) -> None:
    """Multiply in float32 by torch.mm, block of queries by block, and discard the products."""
    right = torch.from_numpy(gallery).T
    for first in range(0, len(queries), block):
        torch.mm(torch.from_numpy(queries[first : first + block]), right)


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
    Goal("streamed", what_of(SIZES[-1], SAME), what_of(SIZES[-2], SAME), "at most", 2.1),
    Goal("streamed", what_of(SIZES[-1], MORE), None, "at most", 1.2),
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
        "cannot decide, and each is looked at again; VeRi-776's queries have 58 positives each, and where many\n"
        "negatives lie between them, counting these for each takes longer than the products. A processor with\n"
        "instructions for whole numbers (AVX512-VNNI) takes `int8`, or `int16` where 8 bits leave too much to\n"
        "a second look. Of re-ranking at VeRi-776's size, the products of all pairs take two fifths even as bytes.\n"
        f"{_growth(figures)}"
    )


def _growth(figures: dict[tuple[str, str], list[str]]) -> str:
    """Return what the galleries on disk cost, if they were measured."""
    seconds = {what: float(row[3]) for (shape, what), row in figures.items() if shape == "streamed"}
    if what_of(SIZES[-1], MORE) not in seconds:
        return ""
    pair, each = costs(seconds, SHAPES["streamed"])
    return (
        "\nThe streamed galleries are read from disk, and their GB are those of the whole process. A query has ten\n"
        "positives in the first 250,000 images; in a larger gallery it has the same ten, or as many times more as the\n"
        f"gallery is larger. A pair of a query and an image costs {pair:.1f} ns, and {each:.3f} ns more for each\n"
        "positive of the query: seconds grow with the gallery, and only with gallery times positives where both grow.\n"
        "[Beside other evaluators](peers.md) compares with other programs.\n"
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
