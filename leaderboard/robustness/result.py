"""The result of ``bench corrupt``: a file with a schema of its own, which is no record and enters no board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from harness.basics.digests import canonical_json, digest
from harness.basics.files import replace_file
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.errors import RecordError, in_one_line
from harness.features.named import ShownName
from harness.scoring.fields import Count, Digest, RecordModel, Share, Word

SCHEMA: Literal[1] = 1
KIND: Literal["corruptions"] = "corruptions"
MOST_BYTES = 16 << 20
"""The largest file that is read; one of 11 corruptions and two tasks has 150 kB."""

Change = Annotated[float, Field(le=1.0, allow_inf_nan=False)]


class Value(RecordModel):
    """A mean over the queries with the ends of its 95 % interval over vehicles, as fractions of 1."""

    value: Share
    low: Share
    high: Share


class Drop(RecordModel):
    """What is lost relative to clean pictures, as a fraction of the clean value, with its 95 % interval.

    Negative if spoilt pictures are ranked better.
    """

    value: Change
    low: Change
    high: Change


class Outcome(RecordModel):
    """How one measure turns out, over one severity or several.

    Attributes:
        mean: the value on spoilt pictures.
        drop: what is lost relative to clean pictures; None where the clean value is 0.
    """

    mean: Value
    drop: Drop | None


class Level(RecordModel):
    """One corruption at one severity.

    Attributes:
        severity: 1 to 5.
        parameters: in words.
        probe: the SHA-256 of the fixed picture as it is spoilt: equal digests spoil all pictures alike.
        measures: the outcome of each measure.
    """

    severity: Annotated[int, Field(ge=1, le=5)]
    parameters: Word
    probe: Digest
    measures: dict[ShownName, Outcome]


class Corrupted(RecordModel):
    """One corruption.

    Attributes:
        name: as it is registered.
        source: what it follows.
        levels: by severity, ascending.
        measures: the outcome of each measure over all these severities: of the mean of each query's values.
    """

    name: ShownName
    source: ShownName
    levels: tuple[Level, ...]
    measures: dict[ShownName, Outcome]


class TaskResult(RecordModel):
    """One task.

    Attributes:
        task: the part of its name after the protocol.
        fingerprint: of the task on this data set with clean pictures.
        queries: in the lists.
        metric: how features were compared.
        ranked_by: the measure that tables show first.
        clean: the value of each measure on clean pictures.
        corruptions: in the order of tables.
        measures: the outcome of each measure over all corruptions and severities, each counted once.
    """

    task: Word
    fingerprint: Word
    queries: Count
    metric: Word
    ranked_by: Word
    clean: dict[ShownName, Value]
    corruptions: tuple[Corrupted, ...]
    measures: dict[ShownName, Outcome]


class Result(RecordModel):
    """How one run fares on spoilt pictures.

    Attributes:
        kind: always ``corruptions``, which no record is.
        schema_number: of this form.
        method: its name in tables, with what differs from it.
        trained_on: what its weights have seen, as far as it is known.
        seed: of the run.
        protocol: its name.
        version: of the protocol.
        features: the digest of the clean features.
        on: which images were spoilt.
        corruption_seed: of everything random in the corruptions.
        severities: ascending.
        boxes: whether the method received boxes, which are those of the clean pictures.
        plates: where plates were looked for: in words.
        tasks: one for each that the data set serves.
    """

    kind: Literal["corruptions"] = KIND
    schema_number: Literal[1] = SCHEMA
    method: ShownName
    trained_on: tuple[ShownName, ...]
    seed: int | None
    protocol: ShownName
    version: Count
    features: Digest
    on: Literal["query", "gallery", "both"]
    corruption_seed: Count
    severities: tuple[int, ...]
    boxes: bool
    plates: Word
    tasks: tuple[TaskResult, ...]

    @property
    def text(self) -> str:
        """The file's content: canonical JSON with its own digest."""
        content = self.model_dump(mode="json")
        return canonical_json({**content, "digest": digest(content)}) + "\n"


def write_result(path: Path, result: Result) -> Path:
    """Write a result completely or not at all, or raise a RunError; equal results give equal bytes."""
    with replace_file(path) as file:
        file.write(result.text)
    return path


def read_result(path: Path) -> Result:
    """Read a result.

    Raises:
        RecordError: it is missing, too large, of another kind or schema, damaged, or was edited.
    """
    content = read_whole(path, MOST_BYTES, "the result", error=RecordError)
    try:
        found = read_json(content.decode())
        if not isinstance(found, dict) or found.get("kind") != KIND:
            raise ValueError("it is no result of 'bench corrupt'")
        stated = found.pop("digest", None)
        result = Result.model_validate_json(canonical_json(found))
    except (ValueError, ValidationError) as problem:
        raise RecordError("the result cannot be read", where=path, found=in_one_line(problem)) from None
    if stated != digest(result.model_dump(mode="json")):
        raise RecordError(
            "the result was changed after it was written",
            where=path,
            expected=f"digest {stated}",
            next_step="repeat 'bench corrupt', which writes it again",
        )
    return result
