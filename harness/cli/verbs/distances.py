"""The verb ``bench distances``: evaluate a finished matrix of distances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, OUTPUT, TRAINING, GroupedGroup, option
from harness.cli.origin import method, origin_of
from harness.cli.output import say, show_records


@click.group(cls=GroupedGroup, section="Get a number")
def distances() -> None:
    """Evaluate a finished matrix of distances or similarities.

    \b
    Example:
      bench distances import distmat.npy --protocol veri776/image-to-image --data VeRi/ --method mine
    """


@distances.command("import")
@click.argument("file", type=shared.PATH, help="Matrix of queries by gallery: .npy, .npz, .mat, .pt or HDF5.")
@shared.protocol
@shared.data
@option("--name", default="", show_default=False, metavar="NAME", group=DATA, help="Name of the matrix in the file.")
@option(
    "--query-keys",
    type=shared.FILE,
    group=DATA,
    help="List of the rows' names, one a line; default: the rows are in the order of the protocol's list.",
)
@option("--gallery-keys", type=shared.FILE, group=DATA, help="List of the columns' names, likewise.")
@option(
    "--similarities/--distances",
    "similar",
    default=None,
    show_default=False,
    group=DATA,
    help="Whether the greater number is the nearer; default: as the matrix's name says, else distances.",
)
@method
@option("--seed", type=click.IntRange(0, 2**31 - 1), group=TRAINING, help="Seed of the training, if known.")
@shared.plugin_files
@shared.measures
@option("--record", type=shared.DIR, group=OUTPUT, help="Folder to write the records into.")
@shared.as_json
def import_(
    *, file: Path, query_keys: Path | None, gallery_keys: Path | None, name: str, similar: bool | None, **words: Any
) -> None:
    """Rank by a finished matrix, and mark the result.

    Positives, ignored images, tracks and ties are counted as for features; numbers tie if they are equal. The record
    holds the digest of the matrix, since nobody has seen the features.

    \b
    Examples:
      bench distances import distmat.npy --protocol veri776/image-to-image --data VeRi/ --method mine
      bench distances import result.mat --name distmat --protocol veri776 --data VeRi/ --method mine --record out/
    """
    from harness.exchange.matrix import MatrixRequest
    from harness.registry.registry import load
    from harness.scoring.given import evaluate_matrix
    from harness.scoring.settings import ScoringSettings

    registry = load(words["plugin"])
    further = tuple(map(registry.measure, words["measures"]))
    lists = tuple((role, path) for role, path in (("query", query_keys), ("gallery", gallery_keys)) if path is not None)
    result = evaluate_matrix(
        MatrixRequest(file, name, lists, similar),
        words["protocol"],
        origin_of(words["method"], words["seed"]),
        ScoringSettings(measures=further),
        registry=registry,
        data=words["data"],
        folder=words["record"],
    )
    show_records(list(result.records), further, json_wanted=words["json_wanted"])
    if not words["json_wanted"]:
        for note in result.notes:
            say(f"- {note}")
