"""python -m tests.campaigns.verification [--seed 1] [--count 10000]."""

from __future__ import annotations

import sys
import time

import click

from tests.campaigns.verification.problems import campaign


@click.command()
@click.option("--seed", default=1, show_default=True, help="Seed of all problems.")
@click.option("--count", default=10_000, show_default=True, help="Problems of all kinds together.")
def main(seed, count):
    """Hold every measure of random problems with ties against the literal reference."""
    start = time.process_time()
    ties, faults = campaign(seed, count)
    seconds = time.process_time() - start
    click.echo(f"seed {seed}: {count} problems, {ties} ties of a positive and a negative")
    click.echo(f"{len(faults)} faults, {seconds:.0f} s of one processor")
    for fault in faults[:10]:
        click.echo(fault, err=True)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
