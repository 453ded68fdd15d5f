"""The fields of a record: what each may hold, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from harness.errors import UsageError
from harness.features.named import PartName
from harness.steps.stated import CHOSEN, RERANK, Chosen, StatedChain, StepUse
from harness.tasks.reranking import FIELDS, Reranking

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


Finite = Annotated[float, Field(allow_inf_nan=False)]

MOST_OPTIONS = 50
"""Parameters of a step in a record."""


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


class PostStep(RecordModel):
    """One step of post-processing, with all of its parameters."""

    step: PartName
    options: Annotated[dict[Word, bool | int | Finite | Word], Field(max_length=MOST_OPTIONS)] = Field(
        default_factory=dict
    )


def chain_fields(chain: StatedChain) -> dict[str, object]:
    """Return the fields of a record that state a chain.

    Re-ranking alone has had the field ``rerank`` from the beginning, whose numbers say whether they are the paper's.
    """
    alone = chain.rerank is not None and chain.chosen != "held-out"
    return {
        "rerank": None if chain.rerank is None else chain.rerank.values,
        "post": [] if chain.rerank is not None else chain.values,
        "chosen": "" if alone or not chain else chain.chosen,
        "tuned": chain.tuned or None,
    }


def chain_of(rerank: Reranking | None, post: Sequence[PostStep], chosen: str, tuned: str | None) -> StatedChain:
    """Return the chain that the fields of a record state.

    Raises:
        ValueError: they contradict each other.
    """
    uses = [StepUse.of(step.step, step.options) for step in post]
    if rerank is not None:
        if uses:
            raise ValueError("re-ranking stands beside the steps of post-processing, not among them")
        if chosen not in ("", "held-out"):
            raise ValueError("of re-ranking alone, the numbers say how they were chosen")
        uses, chosen = [StepUse.of(RERANK, rerank.values)], chosen or ("paper" if rerank == Reranking() else "test")
    elif len(uses) == 1 and uses[0].reranking is not None:
        raise ValueError("re-ranking alone belongs into the field 'rerank'")
    if not uses:
        if chosen or tuned:
            raise ValueError("nothing was chosen: the record has no steps of post-processing")
        return StatedChain()
    if (chosen == "held-out") != (tuned is not None):
        raise ValueError("parameters are held-out if and only if the record has the digest of the file they are from")
    if chosen not in CHOSEN:
        raise ValueError("it does not say how the parameters of post-processing were chosen")
    return StatedChain(tuple(uses), cast("Chosen", chosen), tuned or "")


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
