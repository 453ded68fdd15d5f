"""Protocols of a user's own data, from a TOML file that names an image table and defines the tasks.

The shortest file, for a table with the columns path, vehicle, split and camera::

    table = "images.csv"

    [tasks.main]
    ignore = ["same vehicle and camera"]
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set as AbstractSet
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.basics.reading import plain_toml, read_whole
from harness.data.columns import lookalikes
from harness.data.csv_table import ALL, KNOWN, Header, read_header, read_tables
from harness.data.dataset import Dataset
from harness.data.doubts import doubts
from harness.data.encoding import to_utf8
from harness.data.images import NOBODY, UNKNOWN, ImageTable
from harness.data.links import following
from harness.data.lists import refuse_shared_vehicles
from harness.data.values import NOTHING, Words
from harness.errors import DataError, UsageError, first_of, in_one_line, unknown_name
from harness.measures import parse
from harness.tasks.protocol import Protocol
from harness.tasks.task import Draws, Ignored, Rule, Task
from harness.tasks.toml_messages import refusal, step_of

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_BYTES = 1 << 20
"""Size limit of the TOML file."""

SEPARATE = "give every vehicle of a tested split images of that split only"
MEASURES = ("ap", "cmc@1", "cmc@5")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DrawsSettings(_Strict):
    """``draws`` of a task; see ``harness.tasks.task.Draws``."""

    drawn: Literal["gallery", "query"] = "gallery"
    count: int = Field(default=10, ge=1, le=1000)
    seed: int = Field(default=0, ge=0)


class TaskSettings(_Strict):
    """``[tasks.NAME]``; see ``harness.tasks.task.Task`` and ``Rule``."""

    query: str | None = None
    gallery: str | None = None
    unit: Literal["image", "track"] = "image"
    reduce: Literal["maximum", "mean feature"] = "maximum"
    ignore: list[Ignored] | None = None
    draws: DrawsSettings | None = None
    measures: list[str] = Field(default=list(MEASURES), min_length=1)
    about: str = ""
    source: str = ""


class TomlSettings(_Strict):
    """The settings in the TOML file, which docs/own-data.md explains; paths are relative to the file."""

    table: str = Field(min_length=1)
    tasks: dict[str, TaskSettings] = Field(min_length=1)
    name: str = ""
    title: str = ""
    version: int = Field(default=1, ge=1)
    root: str = "."
    columns: dict[Literal[KNOWN], str] = {}  # type: ignore[valid-type]  # names of the table's columns
    delimiter: str = Field(default="", max_length=1)
    encoding: str = "utf-8"
    formats: list[str] = ["JPEG", "PNG"]
    unknown: list[str] = list(NOTHING)
    nobody: list[str] | None = None
    follow_links: bool = False

    @property
    def words(self) -> Words:
        """The words of the table with a meaning of their own."""
        return Words(tuple(self.unknown), tuple(self.nobody or ()))


class TomlProtocol(Protocol):
    """A protocol defined by a TOML file."""

    file: ClassVar[Path]
    settings: ClassVar[TomlSettings]
    unused: ClassVar[tuple[str, ...]]

    def load(self, root: Path) -> Dataset:
        """Read the image table, whose paths are relative to ``root``."""
        settings, notes = self.settings, list[str]()
        table = beside(self.file, settings.table)
        splits = read_tables(table, settings.columns, settings.delimiter, settings.encoding, settings.words, notes)
        splits = {split: _of_vehicles(found, notes) if split == "train" else found for split, found in splits.items()}
        for task in self.tasks:
            for split in (task.query, task.gallery):
                if split not in splits:
                    error = unknown_name(f"split of task '{task.name}'", split, splits, error=DataError)
                    error.where = table
                    error.next_step = f"name splits of the table with query and gallery under [tasks.{task.name}]"
                    raise error
                if "train" in splits and split != "train":
                    train = splits["train"]
                    refuse_shared_vehicles(
                        table, train.vehicle, splits[split].vehicle, train.names.get("vehicle"), SEPARATE
                    )
        if settings.nobody is None:
            _refuse_asking_nobody(table, {"train", *(task.query for task in self.tasks)}, splits)
        notes += _unused_words(settings.nobody or (), splits)
        return Dataset(
            root,
            splits,
            unavailable=_without_cameras(table, self.tasks, splits),
            notes=(*notes, *doubts(splits, self.unused, decided=settings.nobody is not None)),
            formats=tuple(settings.formats),
            follow_links=settings.follow_links or following(),
        )

    @property
    def word(self) -> str:
        """The name of the file, by which the command line names this protocol."""
        return self.file.name

    def default_root(self) -> Path:
        """Return the folder that the file names as ``root``."""
        return beside(self.file, self.settings.root)


def beside(file: Path, text: str) -> Path:
    r"""Return the path that a protocol's file names, relative to it; ``~`` is the home folder, and ``\`` is ``/``."""
    written = Path(text if "/" in text else text.replace("\\", "/"))
    try:
        return file.parent / written.expanduser()
    except RuntimeError:
        raise DataError(
            "the home folder is not known", where=file, found=text, next_step="write the whole path"
        ) from None


def _of_vehicles(table: ImageTable, notes: list[str]) -> ImageTable:
    """Return the training images without those of no known vehicle, and note their number."""
    nobody = table.vehicle >= NOBODY
    if not nobody.any():
        return table
    notes.append(f"{int(nobody.sum())} images of 'train' show no known vehicle and are not trained on")
    return table.take(~nobody)


def _refuse_asking_nobody(table: Path, asking: AbstractSet[str], splits: Mapping[str, ImageTable]) -> None:
    """Raise a DataError if images whose vehicle seems unknown ask or are trained on, as if they were one vehicle."""
    total = Counter(number for one in splits.values() for number in one.vehicle.tolist())
    for split in sorted(asking & splits.keys()):
        names = splits[split].names.get("vehicle", {})
        counts = Counter(splits[split].vehicle.tolist())
        found = {
            names[number]: count
            for number, count in sorted(counts.items())
            if total[number] > 1 and names.get(number, "").casefold() in NOTHING
        }
        if found:
            listed = ", ".join(f'"{word}"' for word in found)
            raise DataError(
                "images of unknown vehicles would count as one vehicle",
                where=table,
                found=f"{sum(found.values())} images of '{split}' whose vehicle is {listed}",
                expected="the vehicle of each image",
                next_step=f"write nobody = [{listed}] in the protocol's file: each of these images is then its own; "
                "write nobody = [] if it is a vehicle's name",
            )


def _unused_words(nobody: Sequence[str], splits: Mapping[str, ImageTable]) -> list[str]:
    """Return a note on the words for nobody that no row of the table has."""
    found = {text for table in splits.values() for text in table.names.get("vehicle", {}).values()}
    lost = [word for word in nobody if (word or "nobody") not in found]
    return [f"no image's vehicle is {first_of(map(repr, lost))}, which 'nobody' names"] if lost else []


def _without_cameras(table: Path, tasks: Sequence[Task], splits: Mapping[str, ImageTable]) -> dict[str, DataError]:
    """Return an error for each task that ignores by camera, if the cameras of some of its images are unknown."""
    found = {}
    for task in tasks:
        for split in (task.query, task.gallery) if any("camera" in word for word in task.rule.ignore) else ():
            camera = splits[split].camera
            unknown = len(splits[split]) if camera is None else int((camera == UNKNOWN).sum())
            if unknown:
                found[task.name] = DataError(
                    f"the rule of '{task.name}' ignores by camera, and cameras are unknown",
                    where=table,
                    found=f"{unknown} images of '{split}' without a camera",
                    expected="a camera for every image",
                    next_step=f'fill the column, or write ignore = ["same image"] under [tasks.{task.name}]; do not '
                    "invent camera numbers",
                )
    return found


def open_protocol(path: Path, taken: Collection[str] = ()) -> Protocol:
    """Return the protocol that a TOML file defines, without loading its image table.

    A file that states no name gives the protocol its own, with ``own-`` before it if that name is taken.

    Raises:
        UsageError: the file cannot be read.
        DataError: the file or the table's header is invalid.
    """
    settings = _read(path)
    name = settings.name or name_of(path)
    if not settings.name and name in taken:
        name = f"own-{name}"
    if not NAME.fullmatch(name):
        raise DataError(
            "the protocol has an invalid name",
            where=path,
            found=name,
            expected="lower-case letters, digits, hyphens",
            next_step=f'write name = "{as_name(name)}" in the file',
        )
    formats = _formats(path, settings)
    table = beside(path, settings.table)
    header = read_header(table, settings.columns, settings.delimiter, settings.encoding, settings.words)
    _refuse_unused_split(path, settings, header)
    tasks = tuple(_task(path, task, described, header) for task, described in settings.tasks.items())
    attributes = {
        "__doc__": f"The protocol of {path.name}.",
        "file": path,
        "settings": settings.model_copy(update={"formats": formats}),
        "unused": header.unused,
        "name": name,
        "title": settings.title or name,
        "version": settings.version,
        "tasks": tasks,
    }
    described: type[TomlProtocol] = type("TomlProtocol", (TomlProtocol,), attributes)
    return described()


def _read(path: Path) -> TomlSettings:
    content = read_whole(path, MAX_BYTES, "the protocol's file", error=UsageError)
    text = to_utf8(path, content, kind="protocol's file").decode()
    try:
        values = plain_toml(text)
    except ValueError as problem:
        raise DataError(
            "the protocol's file is not valid TOML",
            where=path,
            found=in_one_line(problem),
            next_step=step_of(str(problem), text),
        ) from None
    try:
        return TomlSettings.model_validate(values)
    except ValidationError as problem:
        found = sorted(problem.errors(), key=lambda one: one["type"] != "extra_forbidden")
        models: dict[str, type[BaseModel]] = {"file": TomlSettings, "task": TaskSettings, "draws": DrawsSettings}
        raise refusal(path, found[0], models) from None


def name_of(path: Path) -> str:
    """Return the name of a protocol whose file gives none."""
    return path.stem.lower().replace("_", "-")


def as_name(text: str) -> str:
    """Return a text as the name of a protocol: lower-case letters, digits and hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower())) or "my-data"


def _formats(path: Path, settings: TomlSettings) -> list[str]:
    """Return the formats as Pillow writes them; it would take an unknown one for a damaged image."""
    from PIL import Image

    Image.init()
    known = {name.upper(): name for name in Image.OPEN}
    usual = {"JPG": "JPEG", "TIF": "TIFF", "JPE": "JPEG"}
    for name in settings.formats:
        if name.upper() not in {*known, *usual}:
            raise DataError(
                f"unknown image format '{name}'",
                where=f"{path}: formats",
                found=name,
                expected="JPEG, PNG, BMP, WEBP, TIFF or another that Pillow reads here",
            )
    return [known[usual.get(name.upper(), name.upper())] for name in settings.formats]


def _refuse_unused_split(path: Path, settings: TomlSettings, header: Header) -> None:
    """Raise a DataError if every image would ask all others, though a column seems to divide them."""
    like = [] if "split" in header.places else lookalikes(header.unused, "split")
    if like and any(task.query is None or task.gallery is None for task in settings.tasks.values()):
        raise DataError(
            f"the table has no column 'split', but '{like[0]}'",
            where=path.parent / settings.table,
            next_step=f'write split = "{like[0]}" under [columns] in {path.name}; if it is none, write query = "{ALL}" '
            f'and gallery = "{ALL}" under the task: then every image asks all others',
        )


def _task(path: Path, name: str, settings: TaskSettings, header: Header) -> Task:
    """Return one task of the file.

    By default, queries ask the gallery; in a table without splits, every image asks all others.

    By default a query ignores its own image and, if the table has cameras, images of its vehicle from its camera. A
    task with draws ignores nothing by default.
    """
    if not NAME.fullmatch(name):
        raise DataError(
            f"task '{name}' has an invalid name",
            where=path,
            expected="lower-case letters, digits, hyphens",
            next_step=f"write [tasks.{as_name(name)}]",
        )
    columns = header.places
    query, gallery = settings.query or ("query" if "split" in columns else ALL), settings.gallery
    gallery = gallery or ("gallery" if "split" in columns else ALL)
    for word in settings.measures:
        try:
            parse(word)
        except UsageError as problem:
            problem.where = f"{path}: tasks.{name}.measures"
            raise
    ignore = settings.ignore
    if ignore is None:
        ignore = [] if settings.draws is not None else ["same image"]
        if "camera" in columns and settings.draws is None:
            ignore = ["same image", "same vehicle and camera"]
    for column, wanted in (("camera", any("camera" in word for word in ignore)), ("track", settings.unit == "track")):
        if wanted and column not in columns:
            raise DataError(
                f"the rule of task '{name}' needs a column '{column}', which the table lacks or leaves empty",
                where=path,
                next_step=f"add the column, or use a rule without {column}s; do not invent {column} numbers",
            )
    if settings.draws is not None and (query != gallery or settings.unit != "image"):
        raise DataError(f"task '{name}' has draws, which need single images of one split", where=path)
    draws = None if settings.draws is None else Draws(**settings.draws.model_dump())
    return Task(
        name,
        Rule(settings.unit, settings.reduce, tuple(ignore), draws),
        tuple(settings.measures),
        query=query,
        gallery=gallery,
        about=settings.about,
        source=settings.source or path.name,
    )
