"""The verb ``bench corrupt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, EVALUATION, METHOD, OUTPUT, command, option
from harness.cli.output import log_to_terminal, own_output, say, show, show_rows

if TYPE_CHECKING:
    from harness.corruptions.suite import Suite
    from harness.registry.registry import Registry
    from harness.runs.corrupt import CorruptedRun

SUITE = shared.together(
    option(
        "--on",
        default="query",
        type=click.Choice(["query", "gallery", "both"]),
        group=EVALUATION,
        help="Which pictures are spoilt. Clean features are used again for the others.",
    ),
    option(
        "--corruptions",
        default="all",
        metavar="NAME[,NAME]",
        group=EVALUATION,
        help="Corruptions, such as rain,fog; see --list.",
    ),
    option(
        "--severities", default="1,2,3,4,5", metavar="N[,N]", group=EVALUATION, help="Severities from 1 to 5: 1,3,5."
    ),
    shared.seed(
        "Seed of everything random in the corruptions; a run with another seed is named by its folder.", EVALUATION
    ),
    option(
        "--plates",
        type=shared.PATH,
        group=DATA,
        help="Boxes of parts for the corruption plates-hidden; default: the method's or the data set's own, else the "
        "lower middle of each picture.",
    ),
)


@command("Get a number")
@click.argument("run", required=False, type=shared.PATH, help="Folder of a run; or name a method with --method.")
@option("--method", metavar="NAME[/VARIANT]", group=METHOD, help="Method in place of a run; trained if it has to be.")
@option("--recipe", group=METHOD, help="Named set of options; default: the one that the protocol proposes.")
@shared.changes
@option("--checkpoint", type=shared.FILE, group=METHOD, help="Checkpoint to use instead of training.")
@shared.plugin_files
@option(
    "--protocol",
    metavar="NAME[/TASK]",
    group=DATA,
    help="Protocol, or one of its tasks; default: the only one that the run has features of.",
)
@shared.data
@option("--boxes", type=shared.PATH, group=DATA, help="Boxes of parts that the method needs: a file or a folder.")
@shared.detector
@shared.follow_links
@shared.skip_broken
@SUITE
@shared.device
@shared.workers
@option("--runs", default="runs", type=shared.DIR, group=OUTPUT, help="Folder of all runs, for --method.")
@option(
    "--keep/--discard",
    default=True,
    group=OUTPUT,
    help="Keep the features of spoilt pictures, from which an interrupted command goes on.",
)
@option("--list", "listed", is_flag=True, group=OUTPUT, help="Only list the corruptions and their severities.")
@shared.as_json
def corrupt(*, listed: bool, json_wanted: bool, plugin: tuple[Path, ...], **words: Any) -> None:
    """See how a method fares on spoilt pictures.

    Pictures are spoilt as they are decoded, at their own size, and none is written: weather, night, blur, noise,
    compression, occlusion, resolution, hidden plates. The same seed gives the same bytes on every machine. Boxes and
    labels stay those of the clean pictures. Writes a result and a page into the folder 'corrupted' beside the clean
    features; these numbers enter no leaderboard.

    \b
    Examples:
      bench corrupt runs/pgan-synthetic-1a2b3c4d5e6f --corruptions rain,fog --severities 1,3,5
      bench corrupt --method colour-histogram --protocol synthetic --on both
    """
    from harness.registry.registry import load

    registry = load(plugin)
    if listed:
        _list(registry, words["corruptions"], json_wanted=json_wanted)
        return
    from harness.basics.files import replace_file
    from leaderboard.robustness.numbers import result_of
    from leaderboard.robustness.page import page_of, text_of
    from leaderboard.robustness.result import write_result

    suite = _suite(registry, words)
    with own_output():
        log_to_terminal()
        run = _opened(registry, suite, words)
        result = result_of(run, run.corrupted())
        path = write_result(run.result_path, result)
        with replace_file(path.with_suffix(".md")) as page:
            page.write(page_of(result))
    show(result.model_dump(mode="json"), json_wanted=json_wanted, text=lambda: text_of(result))
    say(f"result: {path}", err=True)


def _list(registry: Registry, words: str, *, json_wanted: bool) -> None:
    from harness.corruptions.corruption import parameters
    from harness.registry.kinds import CORRUPTION

    about = {name: registry.entry(CORRUPTION, name).about for name in registry.names(CORRUPTION)}
    rows = [
        {
            "corruption": name,
            "severity": severity,
            "parameters": parameters(level),
            "about": about[name] or corruption.about,
        }
        for name, corruption in _chosen(registry, words).items()
        for severity, level in enumerate(corruption.levels, 1)
    ]
    show_rows(rows, json_wanted=json_wanted)


def _chosen(registry: Registry, words: str) -> dict[str, Any]:
    from harness.corruptions.suite import parse_names
    from harness.registry.kinds import CORRUPTION

    return {name: registry.corruption(name) for name in parse_names(words, registry.names(CORRUPTION))}


def _suite(registry: Registry, words: dict[str, Any]) -> Suite:
    from harness.corruptions.suite import Suite, parse_severities

    severities = parse_severities(words.pop("severities"))
    return Suite(_chosen(registry, words.pop("corruptions")), severities, words.pop("on"), words.pop("seed"))


def _opened(registry: Registry, suite: Suite, words: dict[str, Any]) -> CorruptedRun:
    from harness.compute.compute import PROPOSED, Compute
    from harness.errors import UsageError
    from harness.runs.corrupt import Choices, CorruptedRun
    from harness.runs.earlier import plan_of_earlier
    from harness.runs.plan import plan_run
    from harness.runs.request import Request, parse_changes

    folder, method = words.pop("run"), words.pop("method")
    choices = Choices(words.pop("plates"), words.pop("keep"), folder)
    compute = Compute(device=words.pop("device"), workers=words.pop("workers"), precision=PROPOSED)
    own = {name: words.pop(name) for name in ("recipe", "changes", "checkpoint", "runs")}
    protocol = words.pop("protocol")
    if (folder is None) == (method is None):
        raise UsageError(
            "name one run: by its folder, or by its method",
            found="both" if folder is not None else "neither",
            expected="bench corrupt RUN, or bench corrupt --method NAME --protocol NAME",
        )
    if method is None:
        given = [
            f"--{'set' if name == 'changes' else name}" for name in ("recipe", "changes", "checkpoint") if own[name]
        ]
        if given:
            raise UsageError("a run's folder holds its options", found=" ".join(given), next_step="leave them out")
        request = Request(method="", protocol=protocol or "", compute=compute, **words)
        return CorruptedRun(plan_of_earlier(folder, request, registry), suite, choices)
    if protocol is None:
        raise UsageError(
            "the protocol is not given", expected="a protocol beside --method", next_step="--protocol NAME"
        )
    changes = parse_changes(own.pop("changes"))
    request = Request(method=method, protocol=protocol, compute=compute, changes=changes, **own, **words)
    return CorruptedRun(plan_run(request, registry), suite, choices)
