"""From the tables of a sweep's file to the commands of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from harness.errors import UsageError
from harness.features.seen import trained_sets
from harness.methods.naming import as_set
from harness.sweeps.toml_file import Place, SweepFile, Table, check_keys

Kind = Literal["value", "flag", "many"]
"""How a word of ``bench run`` is given: with a value, alone, or with several values."""

OPTIONS = "set"
"""The table of a method's options inside a table of runs."""

MOST = 10_000
"""The most runs of a sweep; more are a mistake in the file."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep.

    Attributes:
        place: the table that asks for it.
        given: its words and their values, with the options of the method in ``set``.
        words: the command, after ``bench``.
    """

    place: Place
    given: Mapping[str, Any]
    words: tuple[str, ...]

    @property
    def method(self) -> str:
        """The method as the file gives it: ``pgan, paper (epochs=3), trained on vric``."""
        recipe = f", {self.given['recipe']}" if self.given.get("recipe") else ""
        changes = ", ".join(f"{name}={as_set(name, value)}" for name, value in self.given.get(OPTIONS, {}).items())
        trained = f", trained on {self.given['train-on']}" if self.given.get("train-on") else ""
        return f"{self.given['method']}{recipe}" + (f" ({changes})" if changes else "") + trained

    @property
    def protocol(self) -> str:
        """The protocol, or its task."""
        return str(self.given["protocol"])

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.given.get("seed", 0))


def expand(file: SweepFile, known: Mapping[str, Kind]) -> list[PlannedRun]:
    """Return the runs of a sweep, in the order of the file, each once.

    Args:
        file: the file.
        known: the words of ``bench run`` that a table may give.

    Raises:
        UsageError: an unknown word, a value of another kind, a run without method or protocol, an ``exclude`` that
            excludes nothing, or no run is left.
    """
    defaults = file.content.defaults
    known = {**known, OPTIONS: "value"}
    check_keys(defaults, known, file.place("defaults"))
    runs: dict[tuple[str, ...], PlannedRun] = {}
    for place, table in file.tables("run"):
        check_keys(table, known, place)
        options = {**_options(defaults, file.place("defaults")), **_options(table, place)}
        whole = {**defaults, **table, OPTIONS: options}
        for word in ("method", "protocol"):
            if word not in whole:
                raise UsageError(f"a run has no {word}", where=place.at(), expected=f'{word} = "..."')
        for given in _each(whole, known, place):
            run = PlannedRun(place, given, _words(file, given, known, place))
            runs.setdefault(run.words, run)
            if len(runs) > MOST:
                raise UsageError("the sweep has too many runs", where=place.at(), expected=f"at most {MOST}")
    return _without(file, list(runs.values()), known)


def _options(table: Table, place: Place) -> Table:
    options = table.get(OPTIONS, {})
    if not isinstance(options, dict):
        raise UsageError(
            "the options of the method are no table",
            where=place.at(OPTIONS),
            found=repr(options),
            expected="set = { epochs = 10 } or set.epochs = 10",
        )
    return options


def _each(whole: Table, known: Mapping[str, Kind], place: Place) -> Iterator[Table]:
    """Yield each combination of the values of a table."""
    choices: dict[str, list[Any]] = {}
    for word, value in whole.items():
        if word != OPTIONS:
            choices[word] = [value] if known[word] == "many" else _listed(word, value, place)
    options = {name: _listed(name, value, place) for name, value in whole[OPTIONS].items()}
    for values in product(*choices.values()):
        for chosen in product(*options.values()):
            yield {**dict(zip(choices, values, strict=True)), OPTIONS: dict(zip(options, chosen, strict=True))}


def _listed(word: str, value: object, place: Place) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise UsageError(f"'{word}' is an empty list", where=place.at(word), expected="a value, or some in a list")
    return values


def _words(file: SweepFile, given: Table, known: Mapping[str, Kind], place: Place) -> tuple[str, ...]:
    """Return the command of one run."""
    words = ["run"]
    for word, value in _with_data(file, given).items():
        kind = known[word]
        if word == OPTIONS:
            for name, chosen in value.items():
                words += ["--set", f"{name}={as_set(name, _plain(name, chosen, place, inner=True))}"]
        elif kind == "flag":
            if not isinstance(value, bool):
                raise UsageError(
                    f"'{word}' is on or off", where=place.at(word), found=repr(value), expected="true or false"
                )
            words += [f"--{word}"] * value
        elif kind == "many":
            for one in value if isinstance(value, list) else [value]:
                words += [f"--{word}", str(_plain(word, one, place))]
        else:
            words += [f"--{word}", str(_plain(word, value, place))]
    for plugin in file.content.plugin:
        words += ["--plugin", plugin]
    return (*words, "--runs", file.content.runs)


def _with_data(file: SweepFile, given: Table) -> Table:
    """Return the words with the folders of the data sets that the table ``data`` names."""
    folders = file.content.data
    found, trained = {}, str(given.get("train-on", ""))
    protocol = str(given["protocol"]).partition("/")[0]
    if protocol in folders:
        found["data"] = folders[protocol]
    if trained in folders:
        found["train-data"] = folders[trained]
    else:
        several = [f"{name}={folders[name]}" for name in trained_sets(trained) if name in folders]
        found.update({"train-data": ",".join(several)} if several else {})
    return {**found, **given}


def _plain(word: str, value: object, place: Place, *, inner: bool = False) -> Any:
    """Return a number, a word or a truth value, or inside an option a list of them; else raise a UsageError."""
    if inner and isinstance(value, list) and all(isinstance(one, int | float | str) for one in value):
        return value
    if isinstance(value, bool) and not inner:
        raise UsageError(f"'{word}' takes a value", where=place.at(word), found=str(value).lower())
    if not isinstance(value, bool | int | float | str):
        raise UsageError(f"'{word}' is neither a number nor a word", where=place.at(word), found=repr(value)[:200])
    return value


def _without(file: SweepFile, runs: Sequence[PlannedRun], known: Mapping[str, Kind]) -> list[PlannedRun]:
    """Return the runs that no table ``exclude`` describes."""
    left = list(runs)
    for place, table in file.tables("exclude"):
        check_keys(table, known, place)
        wanted = {name: _listed(name, value, place) for name, value in _flat(table, place).items()}
        gone = [run for run in left if _agrees(run, wanted)]
        if not gone or not wanted:
            raise UsageError(
                "a table excludes nothing" if wanted else "a table excludes everything",
                where=place.at(),
                found=", ".join(f"{name} = {value}" for name, value in table.items()) or "no key",
                expected="the method, protocol, seed or option of a run that is listed",
            )
        left = [run for run in left if run not in gone]
    if not left:
        raise UsageError("no run is left", where=file.path, next_step="take out a table [[exclude]]")
    return left


def _flat(table: Table, place: Place) -> Table:
    options = {f"{OPTIONS}.{name}": value for name, value in _options(table, place).items()}
    return {**{word: value for word, value in table.items() if word != OPTIONS}, **options}


def _agrees(run: PlannedRun, wanted: Mapping[str, list[Any]]) -> bool:
    own = {"seed": 0, **_flat(dict(run.given), run.place)}
    return all(name in own and own[name] in values for name, values in wanted.items())


def short_name(run: PlannedRun, number: int) -> str:
    """Return a name for a file and a queue: ``003-pgan-veri776-1``."""
    words = f"{run.given['method']}-{Path(run.protocol).stem}-{run.seed}"
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words)
    return f"{number:03d}-{safe[:60]}"
