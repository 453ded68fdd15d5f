"""The verb ``bench data``: describe a user's own data, draw a data set, or check one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import options as shared
from harness.cli.grouped import COMPUTE, DATA, OUTPUT, GroupedGroup, option
from harness.cli.output import say, show

if TYPE_CHECKING:
    from harness.data.own.found import Notes
    from harness.registry.registry import Registry
    from harness.tasks.check import CopyReport

UNUSABLE = 2
"""The status of a report on data that cannot be used; ``harness.tasks.check`` is imported late."""


@click.group(cls=GroupedGroup, section="Prepare data and boxes")
def data() -> None:
    """Describe your own images, draw a data set, or check one."""


@data.command()
@click.argument("layout", help="Name of a protocol whose layout is drawn: synthetic, veri776, veriwild, ...")
@click.argument("out", type=shared.PATH, help="Folder to draw into, new or empty.")
@option("--vehicles", type=click.IntRange(4), group=DATA, help="Number of vehicles, for training and test.")
@option("--cameras", type=click.IntRange(2), group=DATA, help="Number of cameras.")
@option("--image-size", type=click.IntRange(32, 1024), group=DATA, help="Longer side of the images in pixels.")
@option("--seed", type=click.IntRange(0, 2**31 - 1), group=DATA, help="Seed; the same seed draws the same bytes.")
@option(
    "--release",
    metavar="YEAR",
    group=DATA,
    help="Release whose lists are written, for a layout with several: 2019 or 2020 of veriwild.",
)
@option("--workers", type=click.IntRange(1), group=COMPUTE, help="Number of drawing processes; default: one per core.")
@shared.plugin_files
def make(*, layout: str, out: Path, release: str | None, plugin: tuple[Path, ...], **choices: int | None) -> None:
    """Draw synthetic vehicles in the layout of a data set.

    \b
    Examples:
      bench data make synthetic drawn/
      bench data make veriwild drawn/ --vehicles 60 --release 2020
    """
    from harness.basics.progress import progress
    from harness.errors import unknown_name
    from harness.registry.registry import load

    chosen = load(plugin).layout(layout)
    if release is not None and release not in chosen.releases:
        raise unknown_name(f"release of {layout}", release, chosen.releases)
    given: dict[str, Any] = {k: value for k, value in {**choices, "release": release}.items() if value is not None}
    with progress("drawing") as advance:
        say(chosen.make(out, progress=advance, **given))


@data.command()
@click.argument("name", help="Name of a protocol, or a TOML file of your own.")
@shared.data
@shared.follow_links
@option("--all", "every_image", is_flag=True, group=DATA, help="Decode every image instead of a sample.")
@shared.plugin_files
@shared.as_json
@click.pass_context
def check(ctx: click.Context, /, *, name: str, data: Path | None, plugin: tuple[Path, ...], **flags: bool) -> None:
    """Compare a copy with its release, or check your own data.

    The exit status is 0 if results will be official, or if nothing is wrong with your own data, 1 if the copy is usable
    but differs or is incomplete, 2 if it cannot be used.

    \b
    Example:
      bench data check veri776 --data VeRi/
    """
    from harness.basics.progress import progress
    from harness.registry.registry import load
    from harness.tasks.check import check_copy, text
    from harness.tasks.opening import find_root

    protocol, _ = load(plugin).tasks(name)
    with progress("decoding") as advance:
        root = find_root(protocol, data)
        report = check_copy(protocol, root, every_image=flags["every_image"], progress=advance)
    show(asdict(report), json_wanted=flags["json_wanted"], text=lambda: text(report))
    ctx.exit(report.status)


@data.command()
@click.argument("folder", required=False, type=shared.DIR, help="Folder of the images; default: that of the table.")
@option(
    "--table",
    "tables",
    multiple=True,
    type=shared.FILE,
    group=DATA,
    help="Table with a row for each image, or a list of file names, one in each line. Lists are repeatable.",
)
@option(
    "--names",
    metavar="PATTERN",
    group=DATA,
    help="Pattern of the images' names, without ending, such as '{vehicle}_c{camera}_{rest}'; default: found.",
)
@option("--out", type=shared.FILE, group=OUTPUT, help="File to write; default: the folder's name with .toml, here.")
@option("--yes", is_flag=True, group=OUTPUT, help="Ask nothing, and take what seems right.")
@shared.force
@shared.plugin_files
@shared.as_json
@click.pass_context
def init(
    ctx: click.Context,
    /,
    *,
    folder: Path | None,
    tables: tuple[Path, ...],
    names: str | None,
    out: Path | None,
    plugin: tuple[Path, ...],
    **flags: bool,
) -> None:
    """Describe your own images in a file that --protocol takes.

    The file names of the images, the folders that they are in or the columns of a table say what the vehicles and the
    cameras are. What was taken for what is shown and stated in the file. In a terminal, what is uncertain is asked.

    \b
    Examples:
      bench data init photographs/
      bench data init photographs/ --table list.csv --out cars.toml
      bench data init photographs/ --names '{vehicle}/{camera}_{rest}'
    """
    from harness.basics.files import refuse_existing
    from harness.data.own.found import Notes, first
    from harness.data.own.look import look
    from harness.data.own.names import parse_pattern
    from harness.data.own.writing import files_of, write
    from harness.errors import BenchError
    from harness.registry.kinds import PROTOCOL
    from harness.registry.registry import load

    registry = load(plugin)
    notes = Notes(first if flags["yes"] or flags["json_wanted"] or not _in_terminal() else _ask)
    out, name = _file_and_name(out, tables[0] if folder is None and tables else folder, registry.names(PROTOCOL))
    refuse_existing(out, force=flags["force"])
    released = [] if folder is None else list(_released(registry, folder))
    notes.open += released
    try:
        found = look(folder, tables, None if names is None else parse_pattern(names), notes)
    except BenchError as problem:
        problem.next_step = released[0] if released else problem.next_step
        raise
    refuse_existing(files_of(out, found)[-1], force=flags["force"])
    files = write(out, name, found, notes.taken)
    report = _try(registry, out)
    command = _next(out, report)
    shown = {
        "files": [str(path) for path in files],
        "taken": [{"what": what, "from": told} for what, told in notes.taken],
        "open": notes.open,
        "check": asdict(report),
        "next": None if report.status == UNUSABLE else command,
    }
    show(shown, json_wanted=flags["json_wanted"], text=lambda: _told(files, notes, report, command))
    ctx.exit(UNUSABLE if report.status == UNUSABLE else 0)


def _in_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(question: str, answers: Sequence[str]) -> int:
    """Ask in the terminal and return the number of the answer; the first is the default."""
    say(question, err=True)
    for number, answer in enumerate(answers, 1):
        say(f"  {number}  {answer}", err=True)
    chosen: int = click.prompt("Number", type=click.IntRange(1, len(answers)), default=1, err=True)
    return chosen - 1


def _file_and_name(out: Path | None, source: Path | None, taken: Sequence[str]) -> tuple[Path, str]:
    """Return the file to write, and the protocol's name if it is not the file's own."""
    from harness.errors import UsageError
    from harness.tasks.toml_protocol import as_name, name_of

    if out is not None and out.suffix != ".toml":
        raise UsageError("a protocol's file must end in .toml", found=out)
    if source is None:
        raise UsageError("neither a folder nor a table is given", expected="bench data init FOLDER, or --table FILE")
    name = as_name(source.resolve().stem if out is None else out.stem)
    name = f"my-{name}" if name in taken else name
    path = Path(f"{name}.toml") if out is None else out
    return path, "" if name_of(path) == name else name


def _released(registry: Registry, folder: Path) -> Iterator[str]:
    """Yield a sentence for each protocol whose released lists are in the folder."""
    from harness.errors import BenchError
    from harness.registry.kinds import PROTOCOL

    for name in registry.names(PROTOCOL):
        try:
            registry.protocol(name).load(folder)
        except BenchError:
            continue
        yield f"This folder has the lists of {name}; for its official tasks use --protocol {name} --data {folder}."


def _try(registry: Registry, out: Path) -> CopyReport:
    """Return the report on the described data, as ``bench data check`` makes it."""
    from harness.basics.progress import progress
    from harness.errors import BenchError
    from harness.tasks.check import CopyReport, check_copy
    from harness.tasks.opening import find_root

    try:
        protocol = registry.protocol(str(out))
        with progress("decoding") as advance:
            return check_copy(protocol, find_root(protocol, None), progress=advance)
    except BenchError as problem:
        return CopyReport(str(out), "", problem=str(problem), verdict=f"unusable: {problem.what}", status=UNUSABLE)


def _next(out: Path, report: CopyReport) -> str:
    """Return the command that gives a first number."""
    if not report.decoded:
        return f"bench eval FEATURES.h5 --protocol {out}"
    return f"bench run --method colour-histogram --protocol {out}"


def _told(files: Sequence[Path], notes: Notes, report: CopyReport, command: str) -> str:
    """Return what was found out as text for a terminal."""
    from harness.tasks.check import text

    width = max((len(what) for what, _ in notes.taken), default=0)
    lines = ["Taken:", *(f"  {what:{width}}  {told}" for what, told in notes.taken)]
    lines += ["Not certain:", *(f"  - {sentence}" for sentence in notes.open)] if notes.open else []
    lines += ["", f"Written: {', '.join(map(str, files))}", text(report), ""]
    if report.status == UNUSABLE:
        lines.append("This cannot be used yet: correct the table or the file, and try it with 'bench data check'.")
    else:
        lines.append(f"Next: {command}")
    return "\n".join(lines)
