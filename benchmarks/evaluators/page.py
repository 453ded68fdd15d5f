"""The page of the comparison: rows of figures, ratios, and what each evaluator does otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

from tabulate import tabulate

OURS = "vehicle-reid-bench"

LEAST = 1e-3
"""GB: memory below it is taken for it, so that ratios have a meaning."""

HEAD = [
    "size", "evaluator", "mAP", "seconds", "of the processor", "GB above the features",
    "from files: seconds", "from files: GB", "mAP differs by",
]  # fmt: skip

RATIOS = ["size", "evaluator", "times faster", "times less memory", "from files: times faster", "times less memory"]

GOAL, GOAL_SIZE = 10, "wild-large"


@dataclass(frozen=True)
class Peer:
    """One evaluator to compare with.

    Attributes:
        word: its name.
        package: the distribution that it needs, beside those of this project; empty for none.
        about: what is called, and in what it differs from this project, in sentences.
        within: how far its mAP may be from this project's.
        above_zero: whether it leaves out positives whose cosine is 0 or less.
        in_blocks: whether its memory is that of a block of queries, however many there are.
    """

    word: str
    package: str
    about: str
    within: float = 1e-9
    above_zero: bool = False
    in_blocks: bool = False


@dataclass(frozen=True)
class Row:
    """The figures of an evaluator on a size; seconds, and GB as 1e9 bytes.

    Attributes:
        size: of the problem.
        who: the evaluator.
        mean: its mAP; None if it has none.
        seconds: of the evaluation of features in memory.
        processor: seconds of the processor for the same.
        above: GB of memory that it needed above the features.
        files: seconds of the whole process.
        whole: GB of memory of the whole process.
        apart: how far its mAP is from that of this project under the same convention.
        failure: why there are no figures.
        estimated: whether they are extrapolated from shares of the queries.
    """

    size: str
    who: str
    mean: float | None = None
    seconds: float = 0
    processor: float = 0
    above: float = 0
    files: float = 0
    whole: float = 0
    apart: float = 0
    failure: str = ""
    estimated: bool = False

    def cells(self) -> list[str]:
        """Return the row as it is printed; figures that are extrapolated have a sign before them."""
        if self.failure:
            return [self.size, self.who, "", self.failure, *[""] * 5]
        figures = [(self.seconds, 2), (self.processor, 2), (self.above, 2), (self.files, 1), (self.whole, 2)]
        sign = "≈ " if self.estimated else ""
        numbers = [f"{sign}{figure:.{places}f}" for figure, places in figures]
        return [self.size, self.who, f"{self.mean:.6f}", *numbers, "" if self.who == OURS else f"{self.apart:.0e}"]

    def ratios(self, ours: Row) -> list[str]:
        """Return how many times faster this project is, with how many times less memory."""
        pairs = [
            (self.seconds, ours.seconds),
            (max(self.above, LEAST), max(ours.above, LEAST)),
            (self.files, ours.files),
            (self.whole, ours.whole),
        ]
        return [self.size, self.who, *(f"{theirs / own:.1f}" for theirs, own in pairs)]


def markdown(rows: list[list[str]], head: list[str]) -> str:
    """Return a table with two columns of words and the others of numbers."""
    sides = ("left", "left", *["right"] * (len(head) - 2))
    return tabulate(rows, head, tablefmt="github", disable_numparse=True, colalign=sides)


def verdict(rows: list[Row]) -> str:
    """Return one sentence on the goal's size, if it was measured: which evaluators this project misses it against."""
    ours = next((row for row in rows if row.size == GOAL_SIZE and row.who == OURS), None)
    others = [row for row in rows if row.size == GOAL_SIZE and row.who != OURS and not row.failure]
    if ours is None or not others:
        return ""
    slow = [row.who for row in others if float(row.ratios(ours)[2]) < GOAL]
    large = [row.who for row in others if float(row.ratios(ours)[3]) < GOAL]
    missed = [f"not ten times faster than {', '.join(slow)}"] if slow else []
    missed += [f"not with a tenth of the memory of {', '.join(large)}"] if large else []
    reached = f"missed, {' and '.join(missed)}" if missed else "met"
    goal = f"The goal at {GOAL_SIZE} is ten times faster than each, with a tenth of its memory above the features"
    return f"{goal}: {reached}."


def estimates(rows: list[Row], share: float, memory: float) -> str:
    """Return what the sign of extrapolated figures means, and who would need more memory than the limit."""
    extended = [row for row in rows if row.estimated]
    if not extended:
        return ""
    words = (
        f"Figures with ≈ are extrapolated: the evaluator was given the first {share:.0%} of the queries, and "
        f"{share / 5:.1%} of them, and a line through both was followed to all queries, since each costs alike. The "
        "mAP is that of the queries that it was given, and was compared with this project's of the same."
    )
    large = [f"{row.who} at {row.size}" for row in extended if row.whole > memory]
    return words + (
        f" Given all queries, these would not finish in {memory:.3g} GB: {', '.join(large)}." if large else ""
    )


def page(rows: list[Row], peers: list[Peer], machine: str, share: float, limits: tuple[float, float]) -> str:
    """Return the page, in Markdown; the limits are in seconds and GB."""
    ours = {row.size: row for row in rows if row.who == OURS}
    compared = [row.ratios(ours[row.size]) for row in rows if row.who != OURS and not row.failure]
    parts = [
        "# Beside other evaluators",
        "Written by `python -m benchmarks.peers --write docs/peers.md` in one run: each evaluator in a fresh process, "
        f"with the same seeded features and labels, at most {limits[0]:g} s and {limits[1]:.3g} GB, one after the "
        "other. The features are those of [Performance](performance.md) on a grid on which float32 adds cosines "
        "without rounding, and no positive ties with a negative; so whoever keeps the same definition gets the same "
        "mAP, to the last digits of float64.",
        verdict(rows),
        markdown([row.cells() for row in rows], HEAD),
        "`seconds`, `of the processor` and `GB above the features` are of the evaluation alone: libraries imported, "
        "features and labels in memory, and a small problem evaluated before; the smallest of three times, if it is "
        "quick. `from files` is the whole process: imports, the feature file, the table of labels, the small problem "
        "and the evaluation. For this project it is `bench eval` with warm caches, the quicker of two, "
        "which also checks what it reads. "
        "GB are 1e9 bytes of resident memory at the most.",
        estimates(rows, share, limits[1]),
        "How many times faster this project is, and with how many times less memory:",
        markdown(compared, RATIOS),
        "What was called, and what differs:",
        "\n".join(wrapped(f"- **{peer.word}**: {peer.about}") for peer in peers),
        "Of real features the mAP differs where conventions do. This project ranks a positive behind the negatives "
        "that tie with it, and the others in the order in which their sorting happens to leave them. Images that a "
        "protocol ignores are known to this project, and those of the query's vehicle from its camera to fast-reid "
        "and torchreid; the problems here have none. Similarities of other features are rounded in float32, which "
        "swaps close neighbours; this project decides them in float64.",
        f"Machine: {machine}.",
    ]
    return "\n\n".join(wrapped(part) for part in parts if part) + "\n"


def wrapped(part: str) -> str:
    """Return a paragraph in lines of at most 120 characters; tables, heads and lists stay as they are."""
    if part.startswith(("|", "#")) or "\n" in part:
        return part
    indent = "  " if part.startswith("- ") else ""
    return fill(part, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
