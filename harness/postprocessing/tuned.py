"""The file of ``bench tune``: a chain whose parameters were chosen on held-out training vehicles, and how.

It is TOML, with a digest of everything it says: a file that was changed by hand cannot be used, since a record that
names it says that nobody looked at the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.basics.digests import digest
from harness.basics.files import replace_file
from harness.basics.reading import plain_toml, read_whole
from harness.errors import UsageError, in_one_line, wanted
from harness.features.named import PartName, ShownName, Whole
from harness.features.provenance import Embedding
from harness.steps.chain import Chain, Find

SCHEMA = 1

MAX_BYTES = 1 << 20
"""The largest file, in bytes; one of a thousand settings takes 100 kB."""

AGAIN = "choose the settings once more with 'bench tune'"

IDENTITY = (
    "method", "options", "files", "seed", "train_on", "train_data", "checkpoint", "weights", "source", "input_size",
)  # fmt: skip
"""The facts on features that tell one set of weights from another."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Value = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TunedStep(_Part):
    """One step of the chosen chain, with all its options."""

    step: PartName
    options: dict[PartName, bool | int | float | str] = Field(default_factory=dict)


class HeldOutVehicles(_Part):
    """The data that the settings were chosen on.

    Attributes:
        split: the split of the data set that the images are from.
        vehicles: the number of its vehicles that were used.
        queries: the number of queries, one image of each vehicle and camera.
        gallery: the number of gallery images.
        rule: what is ignored for a query, and how queries were drawn, in words.
        how: how the vehicles were chosen: held out of the training, or a seeded share.
        seen: whether the weights were trained with these vehicles; ``unknown`` where nobody says.
        digest: of the lists with all their labels.
    """

    split: PartName
    vehicles: Whole
    queries: Whole
    gallery: Whole
    rule: ShownName
    how: ShownName
    seen: Literal["no", "yes", "unknown"]
    digest: Digest


class Tried(_Part):
    """One setting that was tried: its chain as written after ``--post``, and its value by the search."""

    chain: list[ShownName]
    value: Value


class Tuned(_Part):
    """What a file of ``bench tune`` says.

    Attributes:
        protocol: the name of the data set's protocol.
        task: the name of its task whose rule was used.
        method: the name of the method with its variant and options.
        weights: the digest of the facts that tell the features' weights from others.
        width: of a feature.
        metric: how features were compared.
        measure: the word of the measure that chose.
        seed: of the share of vehicles, the queries and the settings.
        nearest: the length of the lists that the search looked at.
        without: the value of the measure without post-processing, exactly.
        value: the value of the chosen chain, exactly.
        held_out: the data that it was chosen on.
        chain: the chosen steps, in order.
        tried: all settings, the best first.
    """

    protocol: PartName
    task: PartName
    method: ShownName
    weights: Digest
    width: Annotated[int, Field(ge=1, lt=2**63)]
    metric: Literal["cosine", "euclidean"]
    measure: ShownName
    seed: Whole
    nearest: Whole
    without: Value
    value: Value
    held_out: HeldOutVehicles
    chain: Annotated[list[TunedStep], Field(min_length=1, max_length=100)]
    tried: list[Tried]

    @property
    def digest(self) -> str:
        """The SHA-256 of the schema and of everything that the file says."""
        return digest({"schema": SCHEMA, **self.model_dump(mode="json")})

    @property
    def words(self) -> tuple[str, ...]:
        """The chain as it is written after ``--post``, one text a step."""
        return tuple(step_word(step.step, step.options) for step in self.chain)

    def refuse_other(self, path: Path, about: Embedding, *, protocol: str, metric: str, width: int) -> None:
        """Refuse features that the settings were not chosen for.

        Args:
            path: the file, for the message.
            about: how the features were made.
            protocol: the name of the protocol that is evaluated.
            metric: how the features are compared.
            width: of a feature.

        Raises:
            UsageError: they are of another model, data set or metric.
        """
        pairs = [
            ("another data set", "data set", self.protocol, protocol),
            ("another metric", "metric", self.metric, metric),
            ("features of another width", "width", self.width, width),
            ("another method", "method", self.method, about.run_name),
            ("other weights of this method", "weights", self.weights[:12], weights_digest(about)[:12]),
        ]
        for other, word, chosen, found in pairs:
            if chosen != found:
                raise UsageError(
                    f"these settings were chosen for {other}",
                    where=path,
                    found=f"{word} {found}",
                    expected=f"{word} {chosen}, as the file of bench tune says",
                    next_step="choose settings for these features with 'bench tune'",
                )


@dataclass(frozen=True, eq=False)
class TunedFile:
    """A file of ``bench tune`` that was read."""

    path: Path
    tuned: Tuned

    @classmethod
    def read(cls, path: Path) -> TunedFile:
        """Read the file; see ``read_tuned``."""
        return cls(path, read_tuned(path))

    def chain(self, find: Find) -> Chain:
        """Return the chosen chain; this is the only way to one whose parameters count as chosen without the test.

        Args:
            find: returns the class of a step by its name.

        Raises:
            UsageError: a step is not installed, or cannot have these parameters here.
        """
        uses = [(step.step, step.options) for step in self.tuned.chain]
        return Chain.of(uses, find, tuned=self.tuned.digest)

    def refuse_other(self, about: Embedding, *, protocol: str, metric: str, width: int) -> None:
        """Refuse features that the chain was not chosen for; see ``Tuned.refuse_other``."""
        self.tuned.refuse_other(self.path, about, protocol=protocol, metric=metric, width=width)


def weights_digest(about: Embedding) -> str:
    """Return the digest of the facts that tell the weights of some features from others, whatever images they embed."""
    facts = about.model_dump(mode="json", include=set(IDENTITY))
    return digest({word: value for word, value in facts.items() if value})


def step_word(step: str, options: Mapping[str, object]) -> str:
    """Return a step as it is written after ``--post``.

    Example:
        >>> step_word("rerank", {"k1": 20, "lambda": 0.3})
        'rerank:k1=20,lambda=0.3'
    """
    values = ",".join(f"{name}={_shown(value)}" for name, value in options.items())
    return f"{step}:{values}" if values else step


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def write_tuned(path: Path, tuned: Tuned) -> None:
    """Write the file, atomically; equal content gives equal bytes.

    Raises:
        RunError: it cannot be written.
    """
    content = tuned.model_dump(mode="json")
    tables = {name: content.pop(name) for name in ("held_out", "chain", "tried")}
    lines = ["# Written by bench tune; used with --post-from FILE. A file that was changed by hand is refused.", ""]
    lines += _settings({"schema": SCHEMA, "digest": tuned.digest, **content})
    lines += ["", "[held_out]", *_settings(tables["held_out"])]
    for name in ("chain", "tried"):
        for table in tables[name]:
            lines += ["", f"[[{name}]]", *_settings(table)]
    with replace_file(path) as file:
        file.write("\n".join(lines) + "\n")


def _settings(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items()]


def _toml(value: Any) -> str:
    """Return a value in TOML, whose texts have the escapes of JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def read_tuned(path: Path) -> Tuned:
    """Read a file that ``bench tune`` has written.

    Raises:
        UsageError: the file is missing, is none of ``bench tune``, of a newer version, or was changed by hand.
    """
    raw = read_whole(path, MAX_BYTES, "the file of chosen settings", error=UsageError, next_step=AGAIN)
    try:
        content = plain_toml(raw.decode())
    except ValueError as problem:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise _no_file(path, in_one_line(problem)) from None
    schema, stored = content.pop("schema", None), content.pop("digest", None)
    if type(schema) is not int or not isinstance(stored, str):
        raise _no_file(path, "neither a schema nor a digest")
    if schema > SCHEMA:
        raise UsageError(
            "the file of chosen settings has a newer schema",
            where=path,
            found=schema,
            expected=f"at most {SCHEMA}",
            next_step="update vehicle-reid-bench",
        )
    try:
        tuned = Tuned.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise _no_file(path, f"{'.'.join(map(str, first['loc']))}: {wanted(first)}") from None
    if tuned.digest != stored:
        raise UsageError(
            "the file of chosen settings was changed after it was written",
            where=path,
            found="its content does not match its digest",
            next_step=f"{AGAIN}, or give a chain of your own with --post; it then counts as chosen on the test",
        )
    return tuned


def _no_file(path: Path, found: str) -> UsageError:
    return UsageError(
        "the file was not written by bench tune",
        where=path,
        found=found,
        expected="the file that 'bench tune --save FILE' writes",
        next_step=AGAIN,
    )
