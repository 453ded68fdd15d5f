"""The rows that a matrix is asked for: methods to train, methods that need no training, checkpoints and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import CheckpointError, UsageError
from harness.methods.checkpoint import CHECKPOINT, load_checkpoint
from harness.methods.method import Method, trains
from harness.methods.naming import as_set
from harness.registry.registry import Registry
from harness.sweeps.expand import OPTIONS, Kind
from harness.sweeps.toml_file import Place, Table, check_keys
from leaderboard.across.asked import FIXED, Asked, Source

RUN = "run"
"""The word of a row that names a run's folder, whose checkpoint it takes."""

OF_A_TRAINING = frozenset({"recipe", OPTIONS})
"""Words that a checkpoint answers itself; those that hold for all rows do not hold for it."""


@dataclass(frozen=True)
class Given:
    """A row as it is asked for.

    Attributes:
        name: the method, its variant, recipe and options.
        label: what the checkpoint was trained on, and its file or run: ``vric (mine.safetensors)``; empty without one.
        words: the words of ``bench run``.
        trains: whether a training belongs to it.
        seeds: its seeds; the first alone if nothing is trained.
        place: the table that asks for it.
    """

    name: str
    label: str
    words: Table
    trains: bool
    seeds: tuple[int, ...]
    place: Place


def given_rows(asked: Asked, source: Source, registry: Registry, known: Mapping[str, Kind]) -> list[Given]:
    """Return the rows of a matrix, each once.

    Raises:
        UsageError: an unknown method or word, a row with neither a method nor a checkpoint, or two rows that are equal.
        CheckpointError: a checkpoint is missing, damaged, or of another method than its row.
    """
    allowed = {**{word: kind for word, kind in known.items() if word not in FIXED}, OPTIONS: "value"}
    place = source.place("defaults")
    check_keys(asked.defaults, allowed, place)
    defaults = _plain(asked.defaults, known, place)
    rows: list[Given] = []
    for number, table in enumerate(asked.row, 1):
        place = source.place("row", number)
        check_keys(table, {*allowed, RUN}, place, kind="word of a row")
        row = _given(_plain(table, known, place), defaults, place, registry, asked.seeds)
        if any(row.words == other.words for other in rows):
            raise UsageError("a row is there twice", where=place.at(), found=row.name)
        rows.append(row)
    return rows


def of_words(asked: Asked, registry: Registry) -> Asked:
    """Return what the command line asks for, with its words given to the rows that they are meant for.

    Recipe and options are those of the methods that train, if there are any. Checkpoints stand in place of the training
    of the method named there.

    Raises:
        UsageError: there are checkpoints, and several methods that could be theirs.
    """
    taken = [row for row in asked.row if "method" not in row]
    trained = [row for row in asked.row if "method" in row and trains(_kind(row, registry))]
    others = [row for row in asked.row if row not in taken and row not in trained]
    if trained:
        others = [{word: value for word, value in row.items() if word not in OF_A_TRAINING} for row in others]
    if taken and len(trained) > 1:
        raise UsageError(
            "there are checkpoints, and several methods that could be theirs",
            found=", ".join(row["method"] for row in trained),
            expected="the method of the checkpoints, or none",
            next_step="train some and take checkpoints of others by a file with a table [[row]] for each",
        )
    if taken and trained:
        taken, trained = [{**trained[0], **row} for row in taken], []
    return asked.model_copy(update={"row": [*trained, *others, *taken]})


def _kind(row: Table, registry: Registry) -> type[Method]:
    return registry.method(str(row["method"]).partition("/")[0])


def _given(own: Table, defaults: Table, place: Place, registry: Registry, seeds: list[int]) -> Given:
    path = _checkpoint(own, place)
    if path is not None:
        own = {**{word: value for word, value in own.items() if word != RUN}, "checkpoint": str(path)}
        defaults = {word: value for word, value in defaults.items() if word not in OF_A_TRAINING}
    options = {**defaults.get(OPTIONS, {}), **own.get(OPTIONS, {})}
    words = {**defaults, **own, OPTIONS: options}
    label = ""
    if path is not None:
        info = load_checkpoint(path)[1]
        words.setdefault("method", info.method)
        name = path.parent.name if path.name == CHECKPOINT else path.name
        label = f"{info.train_on} ({name})" if info.train_on else name
    if "method" not in words:
        raise UsageError("a row has no method", where=place.at(), expected='method = "..." or checkpoint = "..."')
    kind = _kind(words, registry)
    if path is not None and not trains(kind):
        raise CheckpointError("the method takes no checkpoint", where=path, found=words["method"])
    trained = path is None and trains(kind)
    return Given(_name(words), label, words, trained, tuple(dict.fromkeys(seeds if trained else seeds[:1])), place)


def _checkpoint(own: Table, place: Place) -> Path | None:
    """Return the checkpoint of a row, of the run that it names if it names one."""
    if RUN not in own:
        return Path(own["checkpoint"]) if "checkpoint" in own else None
    folder = Path(own[RUN])
    if "checkpoint" in own:
        raise UsageError("a row has a run and a checkpoint", where=place.at(), expected="one of them")
    if not folder.is_dir():
        raise UsageError("the run's folder is missing", where=folder)
    if not (folder / CHECKPOINT).is_file():
        raise UsageError(
            "the run has no checkpoint",
            where=folder,
            expected=CHECKPOINT,
            next_step="if its method trains nothing, name the method instead; else let 'bench train' finish the run",
        )
    return folder / CHECKPOINT


def _plain(table: Table, known: Mapping[str, Kind], place: Place) -> Table:
    """Return a table whose options are texts, or raise a UsageError for a list, which would be several runs."""
    found: dict[str, Any] = {}
    for word, value in table.items():
        if word == OPTIONS:
            if not isinstance(value, dict):
                raise UsageError(
                    "the options of the method are no table", where=place.at(OPTIONS), expected="set.epochs = 10"
                )
            found[word] = {name: as_set(name, one) for name, one in value.items()}
        elif isinstance(value, list) and known.get(word) != "many":
            raise UsageError(
                f"'{word}' takes one value",
                where=place.at(word),
                found=repr(value)[:200],
                next_step="write a row for each",
            )
        else:
            found[word] = value if known.get(word) in ("flag", "many") else str(value)
    return found


def _name(words: Table) -> str:
    recipe = f", {words['recipe']}" if words.get("recipe") else ""
    changes = ", ".join(f"{name}={value}" for name, value in words[OPTIONS].items())
    return f"{words['method']}{recipe}" + (f" ({changes})" if changes else "")
