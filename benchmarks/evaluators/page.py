"""The page of the comparison: rows of figures, ratios, and what each evaluator does otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from tabulate import tabulate

OURS = "vehicle-reid-bench"

LEAST = 1e-3
"""GB: memory below it is taken for it, so that ratios have a meaning."""

HEAD = [
    "size", "evaluator", "mAP", "seconds", "of the processor", "GB above the features",
    "from files: seconds", "from files: GB", "mAP differs by",
]  # fmt: skip

RATIOS = ["size", "evaluator", "times faster", "times less memory", "from files: times faster", "times less memory"]

GOAL = 10


@dataclass(frozen=True)
class Peer:
    """One evaluator to compare with.

    Attributes:
        word: its name.
        package: the distribution that it needs, beside those of this project; empty for none.
        about: what is called, and in what it differs from this project, in sentences.
        within: how far its mAP may be from this project's.
        above_zero: whether it leaves out positives whose cosine is 0 or less.
    """

    word: str
    package: str
    about: str
    within: float = 1e-9
    above_zero: bool = False


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
        if self.failure:
            return [self.size, self.who, self.failure, "", "", ""]
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
    """Return one sentence on the largest size: which evaluators are not ten times slower or larger."""
    size = rows[-1].size
    ours = next(row for row in rows if row.size == size and row.who == OURS)
    measured = [(row.who, row.ratios(ours)[2:4]) for row in rows if row.size == size and not row.failure]
    others = [(who, [float(text) for text in ratios]) for who, ratios in measured if who != OURS]
    slow = [who for who, (faster, _) in others if faster < GOAL]
    large = [who for who, (_, smaller) in others if smaller < GOAL]
    parts = [
        f"{what} {', '.join(missed)}" if missed else ""
        for what, missed in (("not ten times faster than", slow), ("not with a tenth of the memory of", large))
    ]
    if not others:
        return ""
    missed = " and ".join(filter(None, parts))
    return f"The goal at {size} is ten times faster than each, with a tenth of the memory above the features: " + (
        f"missed, {missed}.\n\n" if missed else "met.\n\n"
    )


def page(rows: list[Row], peers: list[Peer], machine: str, share: float) -> str:
    """Return the page, in Markdown."""
    ours = {row.size: row for row in rows if row.who == OURS}
    compared = [row.ratios(ours[row.size]) for row in rows if row.who != OURS]
    abouts = "\n".join(f"- **{peer.word}**: {peer.about}" for peer in peers)
    estimates = (
        "Figures with ≈ are extrapolated: the evaluator was given the first "
        f"{share:.0%} of the queries, and {share / 5:.0%} of them, and a line through both was followed to all "
        "queries. What each does per query is the same for all. A memory that is larger than the limit means that it "
        "would not finish in it.\n\n"
        if any(row.estimated for row in rows)
        else ""
    )
    return (
        "# Beside other evaluators\n\n"
        "Written by `python -m benchmarks.peers --write docs/peers.md`, in one run: each evaluator in a fresh process "
        "with the same seeded features and labels, one after the other, once. The features are those of "
        "[Performance](performance.md), on a grid on which float32 adds cosines without rounding, and without ties and "
        "junk images; so whoever keeps the same definition gets the same mAP, to the last digits of float64.\n\n"
        f"{verdict(rows)}{markdown([row.cells() for row in rows], HEAD)}\n\n"
        "The first three columns of figures are of the evaluation alone: libraries imported, features and labels in "
        "memory, and a small problem evaluated before. `from files` is the whole process, from its start: imports, "
        "the feature file, the table of labels, the small problem and the evaluation; for this project, `bench eval` "
        "with warm caches, which also checks what it reads. GB are 1e9 bytes of resident memory at the most.\n\n"
        f"{estimates}How many times faster this project is, and with how many times less memory:\n\n"
        f"{markdown(compared, RATIOS)}\n\n"
        f"What was called, and what differs:\n\n{abouts}\n\n"
        "Where the conventions differ, so does the mAP of real features. This project ranks a positive behind "
        "negatives that tie with it, and knows which images a protocol ignores; of the others only fast-reid and "
        "torchreid ignore images, those of the query's vehicle from its camera, and all rank ties as their sorting "
        "happens to leave them. In float32 similarities of other features are rounded, which swaps close neighbours; "
        "this project decides those in float64.\n\n"
        f"Machine: {machine}.\n"
    )
