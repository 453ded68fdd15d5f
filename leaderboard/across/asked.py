"""What a matrix is asked for: the data sets, the rows and the words of their runs, from a TOML file or from words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.basics.reading import read_toml
from harness.errors import UsageError, unknown_name, wanted
from harness.sweeps.toml_file import MAX_BYTES, NAME, Place, Table

FIXED = frozenset({"protocol", "data", "train-on", "train-data", "seed", "devices", "nodes"})
"""Words of ``bench run`` that the matrix itself gives, or that leave a run's folder to be told by several processes."""

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Asked(BaseModel):
    """What a matrix is asked for; the keys of its file.

    Attributes:
        on: the data sets to test on, protocols or tasks.
        train_on: the data sets to train on, ``A+B`` for several together; None for all to test on, each alone.
        leave_one_out: whether to train on all others together for each data set, too.
        seeds: the seeds of each training.
        name: the name of the matrix's folder in ``runs``; empty for one of its own.
        runs: the folder of all runs.
        plugin: Python files with plugin hooks.
        data: the folder of each data set, by its protocol.
        defaults: words of ``bench run`` for all rows.
        row: the methods, checkpoints and runs, each a table of words of ``bench run``; ``run`` is a run's folder.
        engine: the options of engines, by the engine's name.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-")
    )

    on: Annotated[list[str], Field(min_length=1)]
    train_on: list[str] | None = None
    leave_one_out: bool = False
    seeds: Annotated[list[Seed], Field(min_length=1)] = [0]
    name: Annotated[str, Field(pattern=NAME)] | None = None
    runs: str = "runs"
    plugin: list[str] = []
    data: dict[str, str] = {}
    defaults: Table = {}
    row: Annotated[list[Table], Field(min_length=1)]
    engine: dict[str, Table] = {}


@dataclass(frozen=True)
class Source:
    """Where it is asked: a file with its lines, or the command line.

    Attributes:
        path: the file, or None.
        lines: its lines.
    """

    path: Path | None = None
    lines: Sequence[str] = ()

    def place(self, table: str, number: int = 0) -> Place:
        """Return a table of the file, for messages."""
        return Place(self.path or Path("the command line"), self.lines, table, number)


def read_asked(path: Path) -> tuple[Asked, Source]:
    """Return what a TOML file asks for.

    Raises:
        UsageError: the file is missing, is not TOML, or has an unknown key or a value of another kind.
    """
    values, lines = read_toml(path, MAX_BYTES, "the matrix's file")
    return checked(values, where=path), Source(path, lines)


def checked(values: Mapping[str, Any], *, where: object = None) -> Asked:
    """Return what some keys and their values ask for, or raise a UsageError for the first that does not fit."""
    known = [str(field.alias) for field in Asked.model_fields.values()]
    for word in values:
        if word not in known:
            error = unknown_name("key of a matrix", word, known)
            error.where = where
            raise error
    try:
        return Asked.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        word = ".".join(str(part) for part in first["loc"])
        if word == "row":
            raise UsageError(
                "the matrix has no method", where=where, expected='a table [[row]] with method = "..."'
            ) from None
        if word == "on":
            raise UsageError(
                "the matrix has no data set", where=where, expected='on = ["veri776", "vric"], the sets to test on'
            ) from None
        raise UsageError(
            f"'{word}' of the matrix does not fit",
            where=where,
            found=repr(first.get("input"))[:200],
            expected=wanted(first),
        ) from None


def named_folders(words: str) -> tuple[list[str], dict[str, str]]:
    """Return the names of ``veri776=VeRi,vric/main=VRIC,synthetic``, and the folders by the names' protocols.

    Raises:
        UsageError: a name or a folder is missing.

    Example:
        >>> named_folders("veri776=VeRi,synthetic")
        (['veri776', 'synthetic'], {'veri776': 'VeRi'})
    """
    names, folders = list[str](), dict[str, str]()
    for part in words.split(","):
        name, equals, folder = (piece.strip() for piece in part.partition("="))
        if not name or (equals and not folder):
            raise UsageError(
                "a data set has no name" if not name else f"the folder of '{name}' is missing",
                found=words,
                expected="names with commas between them, each with its folder: veri776=VeRi,vric=VRIC",
            )
        names.append(name)
        if folder:
            known = folders.setdefault(protocol_word(name), folder)
            if known != folder:
                raise UsageError(
                    f"'{protocol_word(name)}' has two folders", found=f"{known} and {folder}", expected="one"
                )
    return names, folders


def protocol_word(word: str) -> str:
    """Return the protocol's part of a task's name.

    Example:
        >>> protocol_word("vehicleid/small"), protocol_word("lists/my.toml/main")
        ('vehicleid', 'lists/my.toml')
    """
    file, own, _ = word.rpartition(".toml")
    return f"{file}.toml" if own else word.partition("/")[0]
