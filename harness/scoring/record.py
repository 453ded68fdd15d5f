"""The record of one task of one run: everything needed to repeat it and to show it on the leaderboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError, model_validator

from harness.basics.digests import canonical_json, digest
from harness.basics.files import replace_file
from harness.basics.plain_json import read_json
from harness.errors import RecordError, in_one_line
from harness.features.named import PartName, Side
from harness.features.provenance import OMITTED, Embedding
from harness.postprocessing.claims import check_chosen
from harness.scoring.fields import (
    Cost,
    Count,
    Deviation,
    Digest,
    FurtherMeasure,
    PerQueryFile,
    PostStep,
    RecordModel,
    RerankingField,
    Share,
    Word,
    chain_fields,
    chain_of,
)
from harness.scoring.scores import Scores
from harness.steps.stated import MOST, StatedChain

SCHEMA = 1
GIVEN = {False: "given distances", True: "given similarities"}
"""The ``metric`` of a record that was ranked by a finished matrix; by whether the greater number is the nearer."""

MAX_BYTES = 16 << 20
"""The maximum size of a record file; a record of 100 draws and 20 measures takes 60 kB."""

LATER = {
    "rerank", "post", "chosen", "tuned", "boxes", "train_boxes", "further", "changes", "aliases", "threads",
    "precision", "content", *OMITTED,
}  # fmt: skip
"""Fields added after the first records; they are omitted from the file if empty."""

OUTCOME = {
    "measures", "deviations", "per_draw", "further", "per_query", "cost", "versions", "threads", "ties",
    "ignored_queries", "aliases", "content",
}  # fmt: skip
"""Fields that describe the results of a run and its environment rather than its configuration.

Another number of threads may move the last digits of a training, as another version of torch does. The features state
that; a run is neither another one nor on another row of the leaderboard for it. Nor is it another one if its method has
got a variant that is an alias of it."""


class Record(Embedding):
    """The result of one run on one task, in addition to how its features were made.

    Attributes:
        protocol: the name of the protocol.
        version: the version of the protocol.
        task: the part of the task's name after the protocol.
        convention: the name of the convention, or None for the task's own rule.
        fingerprint: the digest of everything that decides the scores except the features.
        official: whether the data set agrees with the released lists.
        differences: one sentence for each difference from the released lists.
        content: of an official result, what is known of the content of the lists beyond their counts; empty and
            omitted from the file if they are those of a known copy, and in older records.
        features: the digest of the keys and values of the features; of the matrix's numbers if it was given.
        width: the width of a feature, or of the matrix.
        dtype: ``float32``, ``float16``, ``int8`` or ``binary``; of a matrix, its numbers' type.
        metric: how features were compared; ``given distances`` or ``given similarities`` if a finished matrix ranked.
        rerank: the re-ranking, if it is the only step of post-processing, or None; omitted from the file if None.
        post: the steps of any other post-processing, in order; omitted from the file if empty.
        chosen: how the parameters of ``post`` were chosen, see ``StatedChain``; of ``rerank`` alone its numbers say it,
            unless they are ``held-out``; omitted from the file if empty.
        tuned: of ``held-out`` parameters the digest of the file of ``bench tune``; omitted from the file if None.
        queries: the number of queries in the lists.
        ignored_queries: the number of queries without a positive, which are excluded from every mean.
        ties: the number of tied pairs of a positive and a negative.
        draws: the number of random draws, 0 for fixed lists.
        ranked_by: the measure that tables are sorted by.
        measures: the value of each measure, 0 to 1, unrounded.
        deviations: the standard deviation of each measure over the draws; empty without draws.
        per_draw: the values of each measure, one per draw; empty without draws.
        further: additional measures that are not the task's own, by word; omitted from the file if empty.
        per_query: the file of per-query values, or None.
        cost: the cost of the extraction, or None.
        versions: the versions of Python and of packages, for information only.
    """

    method: Annotated[Word, Field(min_length=1)]
    variant: Word = ""
    changes: dict[Word, Word] = Field(default_factory=dict)
    aliases: tuple[Word, ...] = ()
    recipe: Word = ""
    options: dict[str, JsonValue] = Field(default_factory=dict)
    files: dict[Word, Digest] = Field(default_factory=dict)
    trained_on: tuple[Word, ...] = ()
    code: Digest | None = None
    train_on: Word | None = None
    train_data: Digest | None = None
    precision: Word | None = None
    threads: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    checkpoint: Digest | None = None
    input_size: tuple[Side, Side] | None = None
    resizing: Word = ""
    parameters: Count | None = None
    weights: Digest | None = None
    source: Word = ""
    boxes: dict[Word, Digest] = Field(default_factory=dict)
    train_boxes: dict[Word, Digest] = Field(default_factory=dict)
    protocol: PartName
    version: Annotated[int, Field(ge=1, lt=2**63)]
    task: PartName
    convention: PartName | None = None
    fingerprint: Digest
    official: bool
    differences: tuple[str, ...] = ()
    content: Word = ""
    features: Digest
    width: Annotated[int, Field(ge=1, lt=2**63)]
    dtype: Word
    metric: Word
    rerank: RerankingField = None
    post: Annotated[tuple[PostStep, ...], Field(max_length=MOST)] = ()
    chosen: Literal["", "paper", "held-out", "test"] = ""
    tuned: Digest | None = None
    queries: Count
    ignored_queries: Count = 0
    ties: Count = 0
    draws: Count = 0
    ranked_by: Word
    measures: Annotated[dict[str, Share], Field(min_length=1)]
    deviations: dict[str, Deviation] = Field(default_factory=dict)
    per_draw: dict[str, tuple[Share, ...]] = Field(default_factory=dict)
    further: dict[Word, FurtherMeasure] = Field(default_factory=dict)
    per_query: PerQueryFile | None = None
    cost: Cost | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Record:
        if self.chain and self.given:
            raise ValueError("a finished matrix has no features, so that nothing was done to them")
        if self.ranked_by not in self.measures:
            raise ValueError(f"'{self.ranked_by}' is not one of its measures")
        if not self.changes.keys() <= self.options.keys():
            raise ValueError("what differs from the variant is none of the run's options")
        if self.further.keys() & self.measures.keys():
            raise ValueError("a further measure is one of the task's own")
        if self.ignored_queries > self.queries:
            raise ValueError("more queries are ignored than exist")
        if self.official and (self.differences or self.convention is not None):
            raise ValueError("an official result has no differences and no convention")
        wanted = set(self.measures) if self.draws else set()
        if set(self.deviations) != wanted or set(self.per_draw) != wanted:
            raise ValueError("deviations and per_draw must name all measures with draws, and none without draws")
        if any(len(values) != self.draws for values in self.per_draw.values()):
            raise ValueError(f"per_draw must have {self.draws} values for each measure")
        return self

    @classmethod
    def from_scores(cls, scores: Scores, **about: Any) -> Record:
        """Return the record of the scores on one task.

        Args:
            scores: the result of ``harness.evaluate``.
            about: all other fields: ``version``, ``method``, ``features``, ``width``, ...

        Raises:
            RecordError: a field is missing, unknown or invalid.
        """
        protocol, _, word = scores.task.partition("/")
        task, _, convention = word.partition("+")
        about = {name: value.model_dump() if isinstance(value, RecordModel) else value for name, value in about.items()}
        own = [word for word in scores.mean if word not in scores.further]
        per_draw = {word: tuple(map(float, scores.per_draw[word])) for word in own if word in scores.per_draw}
        further = {
            word: {"value": float(scores.mean[word]), "deviation": scores.deviation.get(word)}
            for word in scores.further
        }
        fields = {
            "protocol": protocol,
            "task": task,
            "convention": convention or None,
            "fingerprint": scores.fingerprint,
            "official": scores.official,
            "metric": scores.metric,
            **chain_fields(scores.post),
            "queries": scores.queries,
            "ignored_queries": scores.ignored_queries,
            "ties": scores.ties,
            "draws": len(next(iter(per_draw.values()), ())),
            "ranked_by": next(iter(own), ""),
            "measures": {word: float(scores.mean[word]) for word in own},
            "deviations": {word: float(scores.deviation[word]) for word in own if word in scores.deviation},
            "per_draw": per_draw,
            "further": further,
            **about,
        }
        return _validated(fields, where=scores.task)

    @property
    def name(self) -> str:
        """The task on the command line: ``veri776/image-to-image``, ``veri776/image-to-image+trapezoid-ap``."""
        return f"{self.protocol}/{self.task}" + ("" if self.convention is None else f"+{self.convention}")

    @property
    def given(self) -> bool:
        """Whether a finished matrix of distances or similarities ranked, whose features nobody has seen."""
        return self.metric in GIVEN.values()

    @property
    def chain(self) -> StatedChain:
        """The post-processing, re-ranking included; false if there is none."""
        return chain_of(self.rerank, self.post, self.chosen, self.tuned)

    @property
    def plain(self) -> bool:
        """Whether the features alone ranked: neither post-processing nor a finished matrix."""
        return not self.chain and not self.given

    @property
    def method_name(self) -> str:
        """The name of the run and its ranking: ``pgan/no-pam (epochs=3)``, ``pgan + re-ranking (20, 6, 0.3)``."""
        if self.given:
            return f"{self.run_name} + {self.metric}"
        return f"{self.run_name} + {self.chain}" if self.chain else self.run_name

    @property
    def values(self) -> dict[str, Any]:
        """All fields as JSON values, in the order of the class."""
        fields = self.model_dump(mode="json")
        # Later fields are omitted if empty, so that the digests and runs of older records stay the same.
        return {word: value for word, value in fields.items() if value or word not in LATER}

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON of the schema number and all fields."""
        return digest({"schema": SCHEMA, **self.values})

    @property
    def run(self) -> str:
        """The digest of the configuration of the run, without its results and environment."""
        return digest({name: value for name, value in self.values.items() if name not in OUTCOME})


Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: Mapping[int, Migration] = {}
"""The function that converts the content of an older schema to the next one; empty while there is only one schema."""


def record_text(record: Record) -> str:
    """Return the content of a record's file: JSON with its schema and its digest."""
    content = {"schema": SCHEMA, "digest": record.digest, **record.values}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def write_record(path: str | Path, record: Record) -> None:
    """Write a record as JSON with its digest, atomically, or raise a RunError."""
    with replace_file(path) as file:
        file.write(record_text(record))


def read_record(path: str | Path, *, migrations: Mapping[int, Migration] = MIGRATIONS, schema: int = SCHEMA) -> Record:
    """Read a record, and check its schema, its digest and every field.

    Raises:
        RecordError: the file is missing, is not a record, was edited by hand, has a newer schema, or says that
            the parameters of its post-processing are those of the sources, which they are not.
    """
    path = Path(path)
    content = _parsed(path)
    number, stored = content.pop("schema", None), content.pop("digest", None)
    if type(number) is not int or not isinstance(stored, str):
        raise RecordError(
            "the file is not a record",
            where=path,
            expected="JSON with a schema number and a digest, as written by bench",
        )
    if number > schema:
        raise RecordError(
            "the record has a newer schema",
            where=path,
            found=number,
            expected=f"at most {schema}",
            next_step="update vehicle-reid-bench",
        )
    if digest({"schema": number, **content}) != stored:
        raise RecordError(
            "the record was changed after it was written",
            where=path,
            found="its content does not match its digest",
            next_step="repeat the run, or copy the record again from its source",
        )
    while number < schema:
        if number not in migrations:
            raise RecordError(
                "the record has an unknown schema",
                where=path,
                found=number,
                expected=f"{schema}, or an older one from 1 on",
                next_step="score the features once more",
            )
        content, number = migrations[number](content), number + 1
    record = _validated(content, where=path)
    check_chosen(record.chain, where=path)
    return record


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that can affect digits, without importing them."""
    import platform

    found = {"python": platform.python_version()}
    for package in ("vehicle-reid-bench", "torch", "torchvision", "numpy", "pillow"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _parsed(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, without NaN, duplicate names or excessive size."""
    if not path.is_file():
        what = "is no regular file" if path.exists() and not path.is_dir() else "is missing"
        raise RecordError(f"the record {what}", where=path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise RecordError("the record cannot be read", where=path, found=problem.strerror) from None
    if len(raw) > MAX_BYTES:
        raise RecordError("the file is too large for a record", where=path, expected=f"at most {MAX_BYTES} bytes")
    try:
        content = read_json(raw.decode())
    except ValueError as problem:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise RecordError(
            "the record is not JSON as written by bench",
            where=path,
            found=in_one_line(problem),
            next_step="copy the record again from its source, or score the features once more",
        ) from None
    if not isinstance(content, dict):
        raise RecordError(
            "the file is not a record", where=path, found=type(content).__name__, expected="a JSON object"
        )
    return content


def _validated(content: Mapping[str, Any], *, where: object) -> Record:
    try:
        return Record.model_validate_json(canonical_json(content), strict=True)
    except (TypeError, ValueError) as problem:
        if not isinstance(problem, ValidationError):  # from canonical_json: a path, an array, a NaN
            raise RecordError("a field of the record cannot be written as JSON", where=where, found=problem) from None
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"field '{field}' of the record is invalid" if field else "the record is inconsistent",
            where=where,
            found=repr(first.get("input"))[:200] if field else None,
            expected=first["msg"],
        ) from None
