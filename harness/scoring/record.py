"""The record of one task of one run: all that is needed to repeat it and to show it on the leaderboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from harness.basics.digests import canonical_json, digest
from harness.basics.files import replace_file
from harness.errors import RecordError, UsageError
from harness.tasks.reranking import FIELDS, Reranking

if TYPE_CHECKING:
    from harness.scoring.scores import Scores

SCHEMA = 1
MAX_BYTES = 16 << 20
"""A record of 100 draws and 20 measures takes 60 kB; what is larger than this is no record."""

LATER = {"rerank", "boxes", "train_boxes"}
"""The fields that came after the first records; a record that has no use for one does not write it."""

OUTCOME = {"measures", "deviations", "per_draw", "per_query", "cost", "versions", "ties", "ignored_queries"}
"""The fields that do not say what was run, but what came of it."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PerQueryFile(_Part):
    """The file of per-query values that lies beside a record.

    Attributes:
        name: of the file, in the record's own folder.
        digest: of its content, as ``harness.scoring.per_query`` computes it.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$", max_length=200)]
    digest: Digest


class Cost(_Part):
    """What the extraction took, as measured once; it is shown and never compared.

    Attributes:
        images: number of images.
        seconds: wall time of reading, decoding and embedding them.
        device: its kind and model, never a host's name.
    """

    images: Annotated[int, Field(gt=0)]
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    device: Word


def _read_reranking(value: object) -> Reranking | None:
    """Return a record's re-ranking; its numbers are checked where they are defined."""
    if value is None or isinstance(value, Reranking):
        return value
    if not isinstance(value, dict) or set(value) != set(FIELDS):
        raise ValueError(f"it must name {', '.join(FIELDS)} and nothing else")
    try:
        return Reranking(**{FIELDS[word]: number for word, number in value.items()})
    except UsageError as problem:
        raise ValueError(f"{problem.what}: {problem.found}") from None


def _write_reranking(value: Reranking | None) -> dict[str, int | float] | None:
    return None if value is None else value.values


Asked = Annotated[Reranking | None, PlainValidator(_read_reranking), PlainSerializer(_write_reranking)]


class Record(_Part):
    """What one run measured on one task.

    Attributes:
        protocol: its word; ``version`` is its version.
        version: of the protocol.
        task: the part after the protocol's.
        convention: another than the task's own rule that was asked for; None for the rule itself.
        fingerprint: of all that decides a number but the features.
        official: whether the data set agrees with the released lists; ``differences`` says why not.
        differences: one sentence each.
        method: its word, or what a feature file says of itself.
        variant: of the method, empty for the method as published.
        recipe: the named set of options, empty for the defaults.
        options: all options as resolved.
        seed: of the run, None where features came from elsewhere.
        code: digest of the method's source, or None.
        train_on: the protocol trained on, None where nothing was trained.
        train_data: digest of the training lists, or None.
        checkpoint: SHA-256 of the checkpoint file, or None.
        features: digest of the features' keys and values.
        width: numbers a feature.
        dtype: ``float32`` or ``float16``.
        metric: how features were compared.
        rerank: what was done to the ranking of the features; None for nothing, and then no word of the file.
        input_size: height and width in pixels, or None.
        parameters: trainable numbers of the network, or None.
        control: whether the method is kept only to hold others against.
        needs: labels and boxes beyond the vehicle that training used.
        test_needs: what the method was given beside the images at test time.
        boxes: of each kind of boxes among them, the digest of the boxes; no word of the file where there are none.
        train_boxes: likewise of those that training used.
        queries: number of queries in the lists.
        ignored_queries: those without a positive, which are in no mean.
        ties: pairs of a positive and a negative that could not be told apart.
        draws: number of random draws, 0 where the lists are fixed.
        ranked_by: the measure that tables are sorted by.
        measures: by its word, 0 to 1, unrounded.
        deviations: over the draws; empty without draws.
        per_draw: one value a draw; empty without draws.
        per_query: the file beside the record, or None.
        cost: of the extraction, or None.
        versions: of Python and packages; provenance, never compared.
    """

    protocol: Word
    version: Annotated[int, Field(ge=1)]
    task: Word
    convention: Word | None = None
    fingerprint: Digest
    official: bool
    differences: tuple[str, ...] = ()
    method: Annotated[Word, Field(min_length=1)]
    variant: Word = ""
    recipe: Word = ""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int | None = None
    code: Digest | None = None
    train_on: Word | None = None
    train_data: Digest | None = None
    checkpoint: Digest | None = None
    features: Digest
    width: Annotated[int, Field(ge=1)]
    dtype: Word
    metric: Word
    rerank: Asked = None
    input_size: tuple[Count, Count] | None = None
    parameters: Count | None = None
    control: bool = False
    needs: tuple[str, ...] = ()
    test_needs: tuple[str, ...] = ()
    boxes: dict[Word, Digest] = Field(default_factory=dict)
    train_boxes: dict[Word, Digest] = Field(default_factory=dict)
    queries: Count
    ignored_queries: Count = 0
    ties: Count = 0
    draws: Count = 0
    ranked_by: Word
    measures: Annotated[dict[str, Share], Field(min_length=1)]
    deviations: dict[str, Deviation] = Field(default_factory=dict)
    per_draw: dict[str, tuple[Share, ...]] = Field(default_factory=dict)
    per_query: PerQueryFile | None = None
    cost: Cost | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Record:
        if self.ranked_by not in self.measures:
            raise ValueError(f"'{self.ranked_by}' is none of its measures")
        if self.ignored_queries > self.queries:
            raise ValueError("more queries are ignored than there are")
        if self.official and (self.differences or self.convention is not None):
            raise ValueError("an official result has no differences and no convention of its own")
        wanted = set(self.measures) if self.draws else set()
        if set(self.deviations) != wanted or set(self.per_draw) != wanted:
            raise ValueError("with draws, deviations and per_draw name all measures; without, none")
        if any(len(values) != self.draws for values in self.per_draw.values()):
            raise ValueError(f"per_draw must hold {self.draws} values a measure")
        return self

    @classmethod
    def from_scores(cls, scores: Scores, **about: Any) -> Record:
        """Return the record of a task's scores.

        Args:
            scores: as ``harness.evaluate`` returns them.
            about: every other field: ``version``, ``method``, ``features``, ``width``, ...

        Raises:
            RecordError: a field is missing, unknown or does not fit.
        """
        protocol, _, word = scores.task.partition("/")
        task, _, convention = word.partition("+")
        about = {name: value.model_dump() if isinstance(value, _Part) else value for name, value in about.items()}
        measures = {word: float(value) for word, value in scores.mean.items()}
        per_draw = {word: tuple(float(value) for value in values) for word, values in scores.per_draw.items()}
        fields = {
            "protocol": protocol,
            "task": task,
            "convention": convention or None,
            "fingerprint": scores.fingerprint,
            "official": scores.official,
            "metric": scores.metric,
            "rerank": _write_reranking(scores.rerank),
            "queries": scores.queries,
            "ignored_queries": scores.ignored_queries,
            "ties": scores.ties,
            "draws": len(next(iter(per_draw.values()), ())),
            "ranked_by": next(iter(measures), ""),
            "measures": measures,
            "deviations": {word: float(value) for word, value in scores.deviation.items()},
            "per_draw": per_draw,
            **about,
        }
        return _validated(fields, where=scores.task)

    @property
    def name(self) -> str:
        """The task's word on the command line: ``veri776/image-to-image``, ``veri776/image-to-image+trapezoid-ap``."""
        return f"{self.protocol}/{self.task}" + ("" if self.convention is None else f"+{self.convention}")

    @property
    def method_name(self) -> str:
        """The method, its variant and the mark of a re-ranking: ``pgan/no-pam``, ``pgan + re-ranking (20, 6, 0.3)``."""
        name = f"{self.method}/{self.variant}" if self.variant else self.method
        return name if self.rerank is None else f"{name} + {self.rerank}"

    @property
    def values(self) -> dict[str, Any]:
        """All fields in JSON's own types, in the order of the class."""
        fields = self.model_dump(mode="json")
        # Words that came later stand only where they say something, so that older records keep their digests and runs.
        return {word: value for word, value in fields.items() if value or word not in LATER}

    @property
    def digest(self) -> str:
        """The SHA-256 of the schema number and all fields as canonical JSON."""
        return digest({"schema": SCHEMA, **self.values})

    @property
    def run(self) -> str:
        """A digest of what was run, without what came out of it and without provenance: one run, one word."""
        return digest({name: value for name, value in self.values.items() if name not in OUTCOME})


Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: Mapping[int, Migration] = {}
"""For an older schema, what turns its content into that of the next one; empty while there is only one."""


def write_record(path: str | Path, record: Record) -> None:
    """Write a record as JSON with its digest; what stood there before is replaced in one step.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    content = {"schema": SCHEMA, "digest": record.digest, **record.values}
    with replace_file(path) as file:
        file.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_record(path: str | Path, *, migrations: Mapping[int, Migration] = MIGRATIONS, schema: int = SCHEMA) -> Record:
    """Return a record, checked: its schema, its digest, every field.

    Args:
        path: of the JSON file.
        migrations: for older schemas.
        schema: the newest one that is understood.

    Raises:
        RecordError: the file is missing, is no record, was edited by hand, or is of a newer schema.
    """
    path = Path(path)
    content = _parsed(path)
    number, stored = content.pop("schema", None), content.pop("digest", None)
    if type(number) is not int or not isinstance(stored, str):
        raise RecordError(
            "the file is no record",
            where=path,
            expected="JSON with a schema number and a digest, as bench writes it",
        )
    if number > schema:
        raise RecordError(
            "the record is of a newer schema",
            where=path,
            found=number,
            expected=f"at most {schema}",
            next_step="update vehicle-reid-bench",
        )
    if digest({"schema": number, **content}) != stored:
        raise RecordError(
            "the record was changed after it was written",
            where=path,
            found="its content does not give its digest",
            next_step="repeat the run, or take the record from where it came from once more",
        )
    while number < schema:
        if number not in migrations:
            raise RecordError("the record is of an unknown schema", where=path, found=number, expected=schema)
        content, number = migrations[number](content), number + 1
    return _validated(content, where=path)


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that digits may depend on, importing none of them."""
    import platform

    found = {"python": platform.python_version()}
    for package in ("vehicle-reid-bench", "torch", "torchvision", "numpy", "pillow"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _parsed(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file: no NaN, no name twice, no more than a record may take."""
    if not path.is_file():
        raise RecordError("the record is missing", where=path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise RecordError("the record cannot be read", where=path, found=problem.strerror) from None
    if len(raw) > MAX_BYTES:
        raise RecordError("the file is too large for a record", where=path, expected=f"at most {MAX_BYTES} bytes")
    try:
        content = json.loads(raw.decode(), parse_constant=_refuse_constant, object_pairs_hook=_once)
        digest(content)  # an infinity such as 1e999 has no canonical form
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair has no UTF-8
    except (ValueError, RecursionError) as problem:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise RecordError(
            "the record is no JSON that bench could have written",
            where=path,
            found=str(problem) or "too deeply nested",
        ) from None
    if not isinstance(content, dict):
        raise RecordError("the file is no record", where=path, found=type(content).__name__, expected="a JSON object")
    return content


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return content


def _validated(content: Mapping[str, Any], *, where: object) -> Record:
    try:
        return Record.model_validate_json(canonical_json(content), strict=True)
    except (TypeError, ValueError) as problem:
        if not isinstance(problem, ValidationError):  # from canonical_json: a path, an array, a NaN
            raise RecordError("a field of the record cannot be written down", where=where, found=problem) from None
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"field '{field}' of the record does not fit" if field else "the record does not agree with itself",
            where=where,
            found=repr(first.get("input"))[:200] if field else None,
            expected=first["msg"],
        ) from None
