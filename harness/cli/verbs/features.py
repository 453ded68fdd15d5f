"""The verb ``bench features``: feature files from and for other programs, and from each other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.basics.files import refuse_existing
from harness.cli import options as shared
from harness.cli.grouped import DATA, OUTPUT, TRAINING, GroupedGroup, option
from harness.cli.origin import method, origin_of
from harness.cli.output import say, show

if TYPE_CHECKING:
    from harness.exchange.importing import ImportReport
    from harness.features import FeatureFile

SPLIT_WORDS = {
    "callback": lambda _context, _option, words: tuple(word.strip() for word in words.split(",")) if words else (),
    "default": "",
    "show_default": False,
}
"""How an option with several words, parted by commas, is read."""

out = shared.together(
    option("--out", type=shared.FILE, required=True, group=OUTPUT, help="File to write."),
    shared.force,
)


@click.group(cls=GroupedGroup, section="Prepare data and boxes")
def features() -> None:
    """Import, export, check and change feature files.

    \b
    Example:
      bench features import result.mat --order query,gallery --protocol veri776 --data VeRi/ --method mine --out f.h5
    """


@features.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=shared.PATH,
    metavar="FILE...",
    help="Files of features: .npy, .npz, .mat, .csv, .parquet, .pt, .pth or HDF5. Several are parts of one whole.",
)
@shared.protocol
@shared.data
@option(
    "--keys",
    "lists",
    multiple=True,
    type=shared.FILE,
    group=DATA,
    help="List of names, one a line for each row of a file without names. Repeatable, one for each file.",
)
@option(
    "--order",
    metavar="LIST,LIST",
    group=DATA,
    help="Lists that the files or rows belong to, in this order: query,gallery. Rows without names are in the order "
    "that 'bench protocols keys' prints.",
    **SPLIT_WORDS,
)
@option(
    "--features-name",
    "features_names",
    metavar="NAME,...",
    group=DATA,
    help="Name of the array of features in the file; of two, that of the queries first.",
    **SPLIT_WORDS,
)
@option(
    "--keys-name",
    "keys_names",
    metavar="NAME,...",
    group=DATA,
    help="Name of the list of keys in the file; of two, that of the queries first.",
    **SPLIT_WORDS,
)
@option(
    "--images-in",
    "orientation",
    type=click.Choice(["rows", "columns"]),
    group=DATA,
    help="Whether an image is a row or a column; default: as the number of images tells.",
)
@option(
    "--skip-missing",
    is_flag=True,
    group=DATA,
    help="Import what there is even if images have no feature; the result is then not official.",
)
@method
@option("--seed", type=click.IntRange(0, 2**31 - 1), group=TRAINING, help="Seed of the training, if known.")
@shared.metric
@out
@shared.plugin_files
@shared.as_json
def import_(
    *, files: tuple[Path, ...], protocol: str, data: Path | None, out: Path, plugin: tuple[Path, ...], **words: Any
) -> None:
    """Make a feature file of another program's features.

    Keys are matched with the images of the protocol by relative path, absolute path, file name or stem: the first of
    these under which every image has one row. The order of rows without names is checked by the labels and cameras in
    the file, if it has any.

    \b
    Examples:
      bench features import f.npy --keys names.txt --protocol veri776 --data VeRi/ --method mine --out f.h5
      bench features import x.mat --order query,gallery --protocol veri776 --data VeRi/ --method mine --out f.h5
    """
    from harness.exchange.importing import ImportRequest, import_features
    from harness.exchange.selecting import Names
    from harness.features import Provenance
    from harness.features.provenance import Embedding, facts
    from harness.registry.registry import load
    from harness.tasks.opening import find_root

    refuse_existing(out, force=words["force"])
    chosen, tasks = load(plugin).tasks(protocol)
    origin = origin_of(words["method"], words["seed"])
    names = Names(words["features_names"], words["keys_names"], words["orientation"] or "")
    request = ImportRequest(files, words["lists"], words["order"], names, words["skip_missing"])
    dataset = chosen.load(find_root(chosen, data))
    about = Provenance(**facts(origin, Embedding), dataset=chosen.name, metric=words["metric"])
    report = import_features(request, tasks, dataset, out, about)
    show(asdict(report), json_wanted=words["json_wanted"], text=lambda: _text(report))


def _text(report: ImportReport) -> str:
    lines = [
        f"{report.path}: {report.images:,} features of {report.width} numbers, {report.storage}",
        *(f"- matched {words}" for words in report.matched),
        *(f"- {note}" for note in report.notes),
    ]
    if report.missing:
        lines.append(f"- {report.missing:,} images of the protocol have no feature; results will not be official")
    return "\n".join(lines)


@features.command()
@click.argument("file", type=shared.PATH, help="Feature file, or a folder with one.")
@shared.as_json
def info(file: Path, json_wanted: bool) -> None:
    """Show what a feature file holds and where it comes from.

    \b
    Example:
      bench features info features.h5
    """
    from harness.features import FeatureFile
    from harness.features.finding import find_features

    with FeatureFile.open(find_features(file)) as opened:
        described = _described(opened)
    show(
        described,
        json_wanted=json_wanted,
        text=lambda: "\n".join(
            f"{word}: {', '.join(value) if isinstance(value, list) else value}"
            for word, value in described.items()
            if value not in (None, "", [], {})
        ),
    )


def _described(file: FeatureFile) -> dict[str, Any]:
    from harness.features.provenance import Embedding, facts

    storage, about = file.storage, file.provenance
    return {
        "file": str(file.path),
        "features": len(file),
        "width": storage.width,
        "type": storage.word,
        "scale": storage.scale if storage.word == "int8" else None,
        "note": storage.note,
        "schema": storage.schema,
        "digest": file.digest,
        "data set": about.dataset,
        "metric": about.metric,
        "mirrored pictures": about.mirrored or None,
        "first keys": list(file.stored_keys.texts(0, 3)),
        **{
            word.replace("_", " "): value
            for word, value in about.model_dump(mode="json").items()
            if word in facts(about, Embedding)
        },
    }


@features.command()
@click.argument("file", type=shared.PATH, help="Feature file, or a folder with one.")
@shared.as_json
def verify(file: Path, json_wanted: bool) -> None:
    """Read a whole feature file and compare it with its checksums.

    The exit status is 0 if every number is as it was written, else 2.

    \b
    Example:
      bench features verify features.h5
    """
    from harness.features import FeatureFile
    from harness.features.changing import verify as verified
    from harness.features.finding import find_features

    with FeatureFile.open(find_features(file)) as opened:
        count = verified(opened)
        digest = opened.digest
    show(
        {"file": str(file), "features": count, "digest": digest},
        json_wanted=json_wanted,
        text=lambda: f"{file}: {count:,} features are as they were written, digest {digest}",
    )


@features.command()
@click.argument("file", type=shared.PATH, help="Feature file, or a folder with one.")
@option(
    "--to",
    "target",
    type=click.Choice(["npy", "npz", "csv", "parquet", "mat"]),
    required=True,
    group=OUTPUT,
    help="Format; with npy, the keys are written into a list beside the file.",
)
@out
def export(file: Path, target: str, out: Path, *, force: bool) -> None:
    """Write features and keys for another program.

    \b
    Example:
      bench features export features.h5 --to npz --out features.npz
    """
    from harness.exchange.exporting import export as exported, files_of
    from harness.features import FeatureFile
    from harness.features.finding import find_features

    refuse_existing(*files_of(target, out), force=force)
    with FeatureFile.open(find_features(file)) as opened:
        for path in exported(opened, target, out):
            say(path)


@features.command()
@click.argument("files", nargs=-1, required=True, type=shared.PATH, metavar="FILE...", help="Feature files.")
@out
def merge(files: tuple[Path, ...], out: Path, *, force: bool) -> None:
    """Join several feature files of one method.

    \b
    Example:
      bench features merge query.h5 gallery.h5 --out features.h5
    """
    from harness.features.changing import merge as merged

    refuse_existing(out, force=force)
    images, again = merged(files, out)
    several = f", {again:,} of them more than once, with equal features" if again else ""
    say(f"{out}: {images:,} features of {len(files)} files{several}")


@features.command()
@click.argument("file", type=shared.PATH, help="Feature file of float32 or float16, or a folder with one.")
@option(
    "--to",
    "word",
    type=click.Choice(["float16", "int8", "binary"]),
    required=True,
    group=OUTPUT,
    help="Type: float16, int8 with one scale for the file, or one bit a number that says whether it is above 0.",
)
@option(
    "--scale-of",
    type=shared.PATH,
    group=OUTPUT,
    help="Feature file of int8 whose scale the new file has, so that both can be compared, as distractors are with a "
    "test; default: the scale that fits the file.",
)
@out
def quantise(file: Path, word: str, scale_of: Path | None, out: Path, *, force: bool) -> None:
    """Write features in a smaller type.

    The measures of the new file are those of the stored numbers. Those of int8 and of bits are ranked exactly: int8 as
    integers, bits by their Hamming distance.

    \b
    Example:
      bench features quantise features.h5 --to int8 --out small.h5
      bench features quantise other-city.h5 --to int8 --scale-of small.h5 --out small-other-city.h5
    """
    from harness.features import FeatureFile
    from harness.features.changing import quantise as quantised
    from harness.features.finding import find_features

    if scale_of is not None and word != "int8":
        raise click.UsageError(f"--scale-of is for --to int8; {word} has no scale")
    refuse_existing(out, force=force)
    scale = None if scale_of is None else _scale_of(find_features(scale_of))
    with FeatureFile.open(find_features(file)) as opened:
        storage, share = quantised(opened, word, out, scale)
    lines = [f"{out}: {storage.width} numbers a feature, {storage.word}"]
    if storage.word == "binary":
        lines.append(f"- {100 * share:.1f} % of the bits are 1; codes tell most apart at 50 %")
    if storage.word == "int8" and share:
        lines.append(f"- {100 * share:.4f} % of the numbers are beyond this scale and were cut off")
    lines.append(f"- {storage.note or 'Ranks are those of the rounded numbers.'}")
    lines.append("- Measures of this file are those of the stored numbers, not of the ones before.")
    say("\n".join(lines))


def _scale_of(path: Path) -> float:
    """Return the scale of a file of int8."""
    from harness.errors import FeatureError
    from harness.features import FeatureFile

    with FeatureFile.open(path) as opened:
        if opened.storage.word != "int8":
            raise FeatureError(
                "this file has no scale",
                where=path,
                found=f"features of {opened.storage.word}",
                expected="features of int8",
                next_step="make it one with 'bench features quantise --to int8', or leave out --scale-of",
            )
        return opened.storage.scale
