"""The answer to "same vehicle or not?" of one task as a file: measures, thresholds, calibration, and their origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from harness.basics.digests import canonical_json, digest
from harness.basics.files import replace_file
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.errors import RecordError, in_one_line, wanted
from harness.scoring.fields import Count, Deviation, Digest, RecordModel, Share, Word

SCHEMA = 1
KIND = "same or not"
MAX_BYTES = 4 << 20

THE_TEST = "the test itself"
HELD_OUT = "held-out training vehicles"

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Value(RecordModel):
    """A measure's value; with draws their mean, and the sample standard deviation over them, else None."""

    value: Share
    deviation: Deviation | None = None


class Point(RecordModel):
    """What a threshold does; with draws the means over them.

    Attributes:
        name: what it was chosen by: ``far=0.001``, ``eer``, ``f1`` or ``fpir=0.01``.
        chosen_on: the vehicles that it was chosen on, in words.
        threshold: a pair is accepted if its similarity is at least this; None if each draw has its own.
        accepted: positive pairs accepted, in all draws together.
        mistaken: negative pairs accepted, in all draws together.
        tar: the true accept rate, or recall.
        far: the false accept rate.
        tnr: the true negative rate.
        precision: the share of positive pairs among those accepted.
        f1: the harmonic mean of precision and recall.
        fpir: of the open-set question, if one was asked.
        fnir: likewise.
    """

    name: Word
    chosen_on: Word
    threshold: Finite | None
    accepted: Count
    mistaken: Count
    tar: Share
    far: Share
    tnr: Share
    precision: Share
    f1: Share
    fpir: Share | None = None
    fnir: Share | None = None


class OpenSetAnswer(RecordModel):
    """The answer to an open-set question.

    Attributes:
        left_out: the share of the vehicles that was left out of the gallery; None if the task's own queries without a
            right answer were asked.
        seed: of the vehicles left out.
        known: queries whose vehicle is in the gallery, in all draws together.
        unknown: queries whose vehicle is not, likewise.
        measures: FNIR at each FPIR.
    """

    left_out: Share | None
    seed: Count
    known: Count
    unknown: Count
    measures: dict[Word, Value]


class Curve(RecordModel):
    """The probability of one vehicle at a cosine s: 1 / (1 + exp(-(slope s + offset)))."""

    slope: Finite
    offset: Finite


class Bin(RecordModel):
    """Pairs of about the same probability: their mean one, the share of one vehicle, their weight and numbers."""

    probability: Share
    same: Share
    weight: Deviation
    positives: Count
    negatives: Count


class Calibration(RecordModel):
    """How well a curve's probabilities hold.

    Attributes:
        curve: the curve.
        fitted_on: the vehicles that it was fitted on, in words.
        error: the expected calibration error.
        bins: for the reliability picture; empty bins are left out.
    """

    curve: Curve
    fitted_on: Word
    error: Share
    bins: Annotated[tuple[Bin, ...], Field(max_length=100)]


class HeldOutVehicles(RecordModel):
    """The training vehicles that were asked instead of the task's: their share of all, the seed and their number."""

    share: Share
    seed: Count
    vehicles: Count


class Verification(RecordModel):
    """The answer of some features on one task.

    Attributes:
        task: ``protocol/task``.
        fingerprint: the digest of everything that decides the numbers except the features.
        official: whether the data set agrees with the released lists.
        held_out: the training vehicles that were asked instead of the task's, or None.
        features: the digest of the features.
        dtype: how they are stored.
        width: numbers a feature.
        metric: how they are compared.
        origin: how they were made, as a feature file says it.
        queries: the number of queries.
        draws: the number of draws, 0 without.
        positives: positive pairs, in all draws together.
        negatives: negative pairs, likewise.
        measures: each measure of verification by its word.
        points: what thresholds do, those that were given first.
        thresholds_from: the digest of the file that gave thresholds, or None.
        open_set: the answer to the open-set question, or None.
        calibration: or None.
        notes: what a reader has to know, one sentence each.
    """

    task: Word
    fingerprint: Digest
    official: bool
    held_out: HeldOutVehicles | None = None
    features: Digest
    dtype: Word
    width: Annotated[int, Field(ge=1, lt=2**63)]
    metric: Literal["cosine", "euclidean"]
    origin: dict[str, JsonValue]
    queries: Count
    draws: Count = 0
    positives: Count
    negatives: Count
    measures: dict[Word, Value]
    points: Annotated[tuple[Point, ...], Field(max_length=200)] = ()
    thresholds_from: Digest | None = None
    open_set: OpenSetAnswer | None = None
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """All fields as JSON values, in the order of the class."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON of the kind, the schema and all fields."""
        return digest({"kind": KIND, "schema": SCHEMA, **self.values})

    @property
    def method(self) -> str:
        """The name of the method and its variant."""
        return "/".join(str(self.origin[word]) for word in ("method", "variant") if self.origin.get(word))

    def write(self, path: str | Path) -> None:
        """Write the answer as JSON with its digest, atomically.

        Raises:
            RunError: the file cannot be written.
        """
        content = {"kind": KIND, "schema": SCHEMA, "digest": self.digest, **self.values}
        with replace_file(path) as file:
            file.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_result(path: Path) -> Verification:
    """Read a result, and check its schema, its digest and every field.

    Raises:
        RecordError: the file is missing, is no such result, was edited by hand, or has a newer schema.
    """
    raw = read_whole(path, MAX_BYTES, "the file of thresholds", error=RecordError)
    try:
        content = read_json(raw.decode())
    except ValueError as problem:
        raise _no_result(path, in_one_line(problem)) from None
    if not isinstance(content, dict) or content.pop("kind", None) != KIND:
        raise _no_result(path, "another kind of file")
    number, stored = content.pop("schema", None), content.pop("digest", None)
    if number != SCHEMA:
        raise RecordError(
            "the result has another schema",
            where=path,
            found=in_one_line(number, 40),
            expected=SCHEMA,
            next_step="update vehicle-reid-bench, or ask 'bench same' once more",
        )
    if digest({"kind": KIND, "schema": SCHEMA, **content}) != stored:
        raise RecordError(
            "the result was changed after it was written",
            where=path,
            found="its content does not match its digest",
            next_step="ask 'bench same' once more",
        )
    try:
        return Verification.model_validate_json(canonical_json(content), strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise RecordError(f"field '{field}' of the result is invalid", where=path, expected=wanted(first)) from None


def _no_result(path: Path, found: str) -> RecordError:
    return RecordError(
        "the file is no result of 'bench same'",
        where=path,
        found=found,
        expected="JSON as 'bench same --out FILE' writes it",
    )
