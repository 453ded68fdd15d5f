"""Results and the leaderboard as pandas DataFrames, computed by the package of the leaderboard."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


def results(*folders: str | Path) -> DataFrame:
    """Return a table of results, one row per record.

    Each measure is a float64 column of fractions of 1, named by its word. ``ap_low`` and ``ap_high`` are the ends of
    the 95 % interval over vehicles and draws, NaN without per-query values; ``ap_deviation`` is the standard deviation
    over draws, NaN without draws. ``post`` names the post-processing and ``chosen`` says how its parameters were
    chosen. Missing numbers are NA, missing words empty.

    Args:
        folders: folders of runs or filed records, read from all files ``record-*.json`` in them; default: ``runs``.

    Returns:
        The rows, sorted by task, method and seed. A run that is found twice is one row.

    Raises:
        RecordError: a folder is missing, a file is damaged, or two records of one run contradict each other.
    """
    return _table("results", folders)


def leaderboard(*folders: str | Path, shipped: bool = True) -> DataFrame:
    """Return the leaderboard as a table, one row per method of each board.

    Each measure is a float64 column of fractions of 1, the mean over the runs of the row. ``ap_low`` and ``ap_high``
    are the ends of the 95 % interval over vehicles, seeds and draws; ``ap_deviation`` is the standard deviation over
    draws. All of these are NaN if the page has none. ``best_rank`` and ``worst_rank`` are NA for a row without a rank.

    Args:
        folders: folders of runs or filed records.
        shipped: whether to add them to the records that come with the package, or to show them alone.

    Returns:
        The rows in the order of the page: official boards first, then by task; in each board the best method first.

    Raises:
        RecordError: a folder is missing, a file is damaged, or two records of one run contradict each other.
    """
    return _table("leaderboard", folders, shipped=shipped)


def _table(name: str, folders: tuple[str | Path, ...], **words: bool) -> DataFrame:
    """Call a function of the entry-point group ``bench.tables``, since harness imports no other package."""
    (found,) = entry_points(group="bench.tables", name=name)
    frame: DataFrame = found.load()(*folders, **words)
    return frame
