"""Options that several verbs share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.tasks.reranking import Reranking

F = TypeVar("F", bound=Callable[..., Any])

plugin_files = click.option(
    "--plugin",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A Python file with hooks, used as if it were installed. Repeatable.",
)
as_json = click.option("--json", "json_wanted", is_flag=True, help="Print JSON instead of a table.")
protocol = click.option(
    "--protocol", required=True, metavar="NAME[/TASK]", help="The protocol, or one task of it: veri776/image-to-image."
)
data = click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="Where the protocol's data set lies on disk."
)
metric = click.option("--metric", type=click.Choice(["cosine", "euclidean"]), help="Default: what the method says.")
rerank = click.option(
    "--rerank",
    is_flag=False,
    flag_value="k1=20,k2=6,lambda=0.3",
    metavar="[NUMBERS]",
    callback=lambda _context, _option, words: None if words is None else Reranking.parse(words),
    help="Re-rank over k-reciprocal neighbours; every number is marked with it. Alone, with the paper's numbers, which "
    "are those of --rerank k1=20,k2=6,lambda=0.3. All features are then in memory at once.",
)
skip_broken = click.option(
    "--skip-broken", is_flag=True, help="Leave out images that cannot be read; the result is then not official."
)
