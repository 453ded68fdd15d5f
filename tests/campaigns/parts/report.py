"""The end of a campaign: its table, its seed and its seconds on standard output, its faults on standard error."""

import sys
import time

from tabulate import tabulate


def finish(heads, rows, *, seed, begun, notes):
    """Print what a campaign that began at ``time.monotonic() == begun`` has found; return 1 if there are notes."""
    print(tabulate(rows, heads, tablefmt="github"))  # noqa: T201 - the table is what a campaign is for
    print(f"seed {seed}, {time.monotonic() - begun:.0f} seconds")  # noqa: T201
    for note in notes:
        print(note, file=sys.stderr)  # noqa: T201
    return int(bool(notes))
