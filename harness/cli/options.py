"""The options that several verbs share, each written once, in the groups that the help shows."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.basics.shown import visible
from harness.cli.grouped import COMPUTE, DATA, EVALUATION, METHOD, OUTPUT, TRAINING, option
from harness.compute.compute import SILENT
from harness.errors import UsageError, in_one_line
from harness.tasks.reranking import Reranking

F = TypeVar("F", bound=Callable[..., Any])


class Place(click.Path):
    """A path that the help shows as FILE or DIR; it is checked when it is read."""

    def __init__(self, name: str) -> None:
        super().__init__(path_type=Path)
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail if no file of this system can have such a name."""
        try:
            os.stat(value)  # noqa: PTH116 - a Path says of such a name that it does not exist
        except (OSError, ValueError) as problem:
            if isinstance(problem, OSError) and problem.errno not in (errno.ENAMETOOLONG, errno.EINVAL):
                return super().convert(value, param, ctx)
            why = problem.strerror if isinstance(problem, OSError) else str(problem)
            shown = visible(in_one_line(value, 80), keep="")
            raise UsageError("no file can have this name", found=f"{shown} ({why})") from None
        return super().convert(value, param, ctx)


PATH, FILE, DIR = Place("path"), Place("file"), Place("dir")

plugin_files = option(
    "--plugin",
    multiple=True,
    type=FILE,
    group=METHOD,
    help="Python file with plugin hooks, used as if it were installed. Repeatable.",
)
changes = option(
    "--set",
    "changes",
    multiple=True,
    metavar="OPTION=VALUE",
    group=METHOD,
    help="Set one option of the method. Repeatable.",
)
protocol = option(
    "--protocol",
    required=True,
    metavar="NAME[/TASK]",
    group=DATA,
    help="Protocol, or one of its tasks: veri776/image-to-image.",
)
data = option("--data", type=DIR, group=DATA, help="Folder of the data set.")


def _follow(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    from harness.data.links import follow_links

    context.with_resource(follow_links(wanted or None))


follow_links = option(
    "--follow-links",
    is_flag=True,
    expose_value=False,
    callback=_follow,
    group=DATA,
    help="Read images outside of the data set's folder, to which links in it lead.",
)
detector = option("--detector", type=FILE, group=DATA, help="Checkpoint of a detector, used when no boxes are given.")
skip_broken = option(
    "--skip-broken",
    is_flag=True,
    group=DATA,
    help="Leave out images that cannot be read; the result is then not official.",
)
skip_missing = option(
    "--skip-missing",
    is_flag=True,
    group=DATA,
    help="Leave out images that have no feature; the result is then not official.",
)
engine = option(
    "--engine",
    default="local",
    metavar="NAME",
    group=COMPUTE,
    help="Where to compute: local, slurm, dask, or an engine of a plugin.",
)
jobs = option(
    "--jobs",
    type=click.IntRange(1),
    group=COMPUTE,
    help="Runs at once; default: one on this machine, all that fit on a cluster.",
)
device = option("--device", default="auto", group=COMPUTE, help="Device: auto, cpu, cuda or mps.")
workers = option(
    "--workers",
    type=click.IntRange(0),
    group=COMPUTE,
    help="Number of processes that decode images; default: chosen by the number of cores.",
)
memory = option(
    "--memory",
    type=click.IntRange(1),
    metavar="MIB",
    group=COMPUTE,
    callback=lambda _context, _option, mebibytes: None if mebibytes is None else mebibytes << 20,
    help="Memory that the evaluation may use; default: a quarter of the free memory, at most 1024.",
)
timeout = option(
    "--timeout",
    default=SILENT,
    type=click.FloatRange(1),
    metavar="SECONDS",
    group=COMPUTE,
    help="Of several processes, give up one that gives no sign of life for so long.",
)
metric = option(
    "--metric",
    type=click.Choice(["cosine", "euclidean"]),
    group=EVALUATION,
    help="How features are compared; default: the method's own metric.",
)
measures = option(
    "--measure",
    "measures",
    multiple=True,
    metavar="WORD",
    group=EVALUATION,
    help="Compute this measure besides those of the task, such as cmc@20 or minp. Repeatable.",
)
rerank = option(
    "--rerank",
    is_flag=False,
    flag_value="k1=20,k2=6,lambda=0.3",
    metavar="[NUMBERS]",
    group=EVALUATION,
    callback=lambda _context, _option, words: None if words is None else Reranking.parse(words),
    help="Re-rank by k-reciprocal neighbours, and mark the result: short for --post rerank. Without numbers: "
    "k1=20,k2=6,lambda=0.3, as in the paper. Keeps all features in memory.",
)
post = option(
    "--post",
    multiple=True,
    metavar="STEP[:NAME=VALUE,...]",
    group=EVALUATION,
    help="Do this to the features before they are ranked, and mark the result: flip, camera-mean, track-mean, dba, qe, "
    "alpha-qe:k=10,alpha=3, rerank or another registered step. Repeatable: the steps are done in the order given.",
)
distractors = option(
    "--distractors",
    multiple=True,
    type=FILE,
    group=DATA,
    help="Feature file whose images are added to the gallery and are right for no query; the result is then not "
    "official. Repeatable.",
)
post_from = option(
    "--post-from",
    type=FILE,
    group=EVALUATION,
    help="Do the steps of a file of 'bench tune', whose parameters were chosen without the test. Features of another "
    "model, data set or metric are refused.",
)
force = option("--force", is_flag=True, group=OUTPUT, help="Replace existing files.")
as_json = option("--json", "json_wanted", is_flag=True, group=OUTPUT, help="Print JSON instead of a table.")


def seed(text: str, group: str = TRAINING) -> Callable[[F], F]:
    """Return the option ``--seed`` with this help, in a group of it."""
    return option("--seed", default=0, type=click.IntRange(0, 2**31 - 1), group=group, help=text)


def together(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return one decorator that applies several, in the order in which the help lists them."""
    return lambda command: reduce(lambda decorated, decorator: decorator(decorated), reversed(decorators), command)
