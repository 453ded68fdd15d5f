"""The verb ``bench growth``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.basics.files import refuse_existing, replace_file
from harness.cli import options as shared
from harness.cli.grouped import COMPUTE, DATA, EVALUATION, OUTPUT, GroupedGroup, option
from harness.cli.output import say, show_json

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.scoring.growth.curve import Curve
    from harness.scoring.growth.tasks import OpenTask
    from harness.scoring.settings import ScoringSettings

features = click.argument("features", type=shared.PATH, help="Feature file, or a folder with one, such as a run's.")
skip_missing = option("--skip-missing", is_flag=True, group=DATA, help="Leave out images that have no feature.")
device = option("--device", default="cpu", group=COMPUTE, help="Device that ranks the gallery: cpu, cuda or auto.")
where = shared.together(features, shared.protocol, shared.data, skip_missing, shared.plugin_files)
how = shared.together(device, shared.memory, shared.metric)


@click.group(cls=GroupedGroup, section="Compare numbers")
def growth() -> None:
    """Score larger galleries, smaller features, faster search.

    \b
    Example:
      bench growth curve f.h5 --protocol veri776 --data VeRi/ --distractors other.h5 --sizes 1000,10000
    """


@growth.command()
@where
@shared.distractors
@option(
    "--sizes",
    default="",
    metavar="N,N,...",
    show_default=False,
    group=EVALUATION,
    help="Numbers of distractors, or shares of them such as 0.1, or 'all'; without distractors, of units of the "
    "gallery itself. Default: all, a half, a quarter and so on.",
)
@option(
    "--repeats",
    default=5,
    type=click.IntRange(1, 100),
    group=EVALUATION,
    help="Number of subsets of each size, whose spread gives the intervals.",
)
@option("--seed", default=0, type=click.IntRange(0), group=EVALUATION, help="Seed of the subsets.")
@how
@shared.measures
@option("--picture", type=shared.FILE, group=OUTPUT, help="SVG file to draw the curves of a single task into.")
@shared.force
@shared.as_json
def curve(
    *, features: Path, picture: Path | None, force: bool, sizes: str, repeats: int, seed: int, **words: Any
) -> None:
    """Score a task at several sizes of its gallery.

    All sizes are counted in one pass, with the integers of a separate evaluation of each. Smaller galleries are parts
    of larger ones. The right answers of a query always stay.

    \b
    Examples:
      bench growth curve f.h5 --protocol veri776/image-to-image --data VeRi/ --distractors other.h5
      bench growth curve f.h5 --protocol veri776/image-to-image --data VeRi/ --sizes 1000,0.5,all
    """
    from harness.registry.registry import load
    from harness.scoring.growth.curve import Steps, curves_of
    from leaderboard.growth.curves import curve_json, curve_text

    if picture is not None:
        refuse_existing(picture, force=force)
    registry = load(words["plugin"])
    steps, settings = Steps(sizes, repeats, seed), _settings(words, registry)
    found = curves_of(features, words["protocol"], steps, settings, registry=registry, data=words["data"])
    if picture is not None:
        _draw(found, picture)
    if words["json_wanted"]:
        show_json([curve_json(one) for one in found])
    else:
        say("\n\n".join(map(curve_text, found)))


def _draw(curves: list[Curve], picture: Path) -> None:
    from harness.errors import UsageError
    from leaderboard.growth.curves import draw_curve

    if len(curves) > 1:
        raise UsageError(
            "a picture shows one task",
            found=", ".join(one.task for one in curves),
            next_step=f"name one: --protocol {curves[0].task}",
        )
    with replace_file(picture, "wb") as file:
        file.write(draw_curve(curves[0]))


@growth.command("bytes")
@where
@option(
    "--pq",
    default="",
    metavar="N,N,...",
    show_default=False,
    callback=lambda _context, _option, text: _numbers(text, "--pq"),
    group=EVALUATION,
    help="Also product codes of so many bytes, made by faiss.",
)
@option(
    "--learn-from",
    type=shared.FILE,
    group=DATA,
    help="Feature file of other images that product codes are learned from; default: the gallery itself.",
)
@how
@shared.as_json
def bytes_(*, features: Path, pq: tuple[int, ...], learn_from: Path | None, **words: Any) -> None:
    """Score features in smaller types.

    The features of float32 or float16 are scored as they are, in each smaller type and as product codes, with paired
    differences. All are ranked exactly as they are stored.

    \b
    Example:
      bench growth bytes f.h5 --protocol veri776/image-to-image --data VeRi/ --pq 8,16,32
    """
    from leaderboard.growth.storage import Codes, storages_json, storages_of, storages_text

    codes = Codes(pq, learn_from)
    with _opened(features, words) as opened:
        found = [storages_of(one, codes) for one in opened]
    if words["json_wanted"]:
        show_json([storages_json(one) for one in found])
    else:
        say("\n\n".join(map(storages_text, found)))


@growth.command("index")
@where
@option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["ivf", "hnsw"]),
    group=EVALUATION,
    help="Kind of index of faiss; default: both. Repeatable.",
)
@option(
    "--k",
    "ks",
    default="1,10,100",
    metavar="N,N,...",
    callback=lambda _context, _option, text: _numbers(text, "--k"),
    group=EVALUATION,
    help="Lengths of the lists that are compared.",
)
@how
@shared.as_json
def index_(*, features: Path, kinds: tuple[str, ...], ks: tuple[int, ...], **words: Any) -> None:
    """Compare approximate search with exact lists.

    Each index of faiss searches the whole gallery of a task for the nearest images of each query, at several efforts.

    \b
    Example:
      bench growth index f.h5 --protocol veri776/image-to-image --data VeRi/ --k 1,10,100
    """
    from leaderboard.growth.index import recalls_json, recalls_of, recalls_text

    show = recalls_json if words["json_wanted"] else recalls_text
    with _opened(features, words) as opened:
        found = [
            show(one.name, one.method, list(recalls_of(*one.rows, ks, kinds or ("ivf", "hnsw"), one.kernel)))
            for one in opened
        ]
    if words["json_wanted"]:
        show_json(found)
    else:
        say("\n\n".join(map(str, found)))


def _numbers(text: str, option: str) -> tuple[int, ...]:
    """Return the numbers of an option, each once, ascending."""
    from harness.errors import UsageError

    words = [word.strip() for word in text.split(",")] if text.strip() else []
    wrong = [word for word in words if not (word.isascii() and word.isdigit() and int(word[:9]) >= 1 and len(word) < 9)]
    if wrong:
        raise UsageError("these are no whole numbers from 1", found=f"{option} {wrong[0][:40]}", expected="8,16,32")
    return tuple(sorted(set(map(int, words))))


def _opened(features: Path, words: dict[str, Any]) -> AbstractContextManager[list[OpenTask]]:
    from harness.registry.registry import load
    from harness.scoring.growth.tasks import open_tasks

    registry = load(words["plugin"])
    settings = _settings(words, registry)
    return open_tasks(features, words["protocol"], settings, registry=registry, data=words["data"])


def _settings(words: dict[str, Any], registry: Registry) -> ScoringSettings:
    from harness.compute.machine import Machine
    from harness.scoring.settings import ScoringSettings

    return ScoringSettings(
        words["metric"],
        measures=tuple(map(registry.measure, words.get("measures", ()))),
        skip_missing=words["skip_missing"],
        distractor_files=words.get("distractors", ()),
        machine=Machine.here(words["device"], words["memory"]),
    )
