"""The fields of a record: what each may hold, and its parts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from harness.errors import UsageError
from harness.tasks.reranking import FIELDS, Reranking

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class RecordModel(BaseModel):
    """A part of a record: it cannot be changed, and has no other fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PerQueryFile(RecordModel):
    """The file of per-query values beside a record, and the ``PerQuery.digest`` of its content."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$", max_length=200)]
    digest: Digest


class FurtherMeasure(RecordModel):
    """A measure that a user asked for besides those of the task; it is not part of the fingerprint.

    Attributes:
        value: the mean over the queries, 0 to 1; with draws, the mean over the draws.
        deviation: the sample standard deviation over the draws, or None without draws.
    """

    value: Share
    deviation: Deviation | None = None


class DistractorsField(RecordModel):
    """The images that were added to the gallery.

    Attributes:
        count: their number.
        images: the digest of their keys, which is part of the fingerprint.
        features: the digests of their feature files, sorted.
    """

    count: Annotated[int, Field(gt=0, lt=2**63)]
    images: Digest
    features: Annotated[tuple[Digest, ...], Field(min_length=1)]


class Cost(RecordModel):
    """The measured cost of an extraction, for information only.

    Attributes:
        images: the number of images.
        seconds: the wall time of reading, decoding and embedding them.
        device: the kind and model of the device, without a host name.
    """

    images: Annotated[int, Field(gt=0, lt=2**63)]
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    device: Word


def _read_reranking(value: object) -> Reranking | None:
    """Return the re-ranking of a record; ``Reranking`` checks its numbers."""
    if value is None or isinstance(value, Reranking):
        return value
    if not isinstance(value, dict) or set(value) != set(FIELDS):
        raise ValueError(f"it must have the fields {', '.join(FIELDS)} and no others")
    try:
        return Reranking(**{FIELDS[word]: number for word, number in value.items()})
    except UsageError as problem:
        raise ValueError(f"{problem.what}: {problem.found}") from None


def _write_reranking(value: Reranking | None) -> dict[str, int | float] | None:
    return None if value is None else value.values


RerankingField = Annotated[Reranking | None, PlainValidator(_read_reranking), PlainSerializer(_write_reranking)]
