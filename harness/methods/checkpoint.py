"""Checkpoints: a method's tensors and their description, in a safetensors file, which cannot execute code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from harness.basics.files import replace_file
from harness.basics.foreign import AGAIN, HEAD, Foreign, foreign_start, foreign_text
from harness.basics.plain_json import read_json
from harness.basics.reading import check_regular
from harness.errors import CheckpointError, first_of, wanted
from harness.features.named import OptionalPart, PartName
from harness.features.provenance import Origin
from harness.methods.method import Method, State

SCHEMA = 1

AGAIN_TRAIN = "train again, or copy it again"

LONGEST_DESCRIPTION = 1 << 20
"""Limit of the description in characters."""

MOST_CLASSES = 1 << 17
"""The most classes of a label that a checkpoint may name if it holds fewer numbers than that; a network of them has
at least one number for each, and is built before its numbers are compared with those of the file."""

CHECKPOINT = "checkpoint.safetensors"
"""The name of the checkpoint in the folder of a run."""


class CheckpointInfo(Origin):
    """The description of a checkpoint: the method, its training and the classes it was trained with.

    The names become parts of paths, so that other ones are refused.

    Attributes:
        classes: the number of classes of each label during training.
        boxes: the digest of the boxes of each kind used for training.
    """

    method: PartName
    variant: OptionalPart = ""
    aliases: tuple[OptionalPart, ...] = ()
    recipe: OptionalPart = ""
    train_on: PartName | None = None
    classes: dict[PartName, Annotated[int, Field(ge=1, lt=2**31)]] = Field(default_factory=dict)
    boxes: dict[PartName, str] = Field(default_factory=dict)


def save_checkpoint(path: Path, state: State, info: CheckpointInfo) -> Path:
    """Write the tensors and their description atomically, or raise a RunError; equal input gives equal bytes."""
    from safetensors.torch import save

    tensors = {name: state[name].detach().cpu().contiguous().clone() for name in sorted(state)}
    about = {"schema": SCHEMA, "info": info.model_dump(mode="json")}
    # A single metadata entry, since safetensors writes several in an order that varies between processes.
    content = save(tensors, {"bench": json.dumps(about, sort_keys=True)})
    with replace_file(path, "wb") as file:
        file.write(content)
    return path


def load_checkpoint(path: Path) -> tuple[State, CheckpointInfo]:
    """Return the tensors, on the processor, and their description.

    Raises:
        CheckpointError: the file is missing, no regular file, damaged, a pickle, of another schema, or holds NaN.
    """
    from safetensors import SafetensorError, safe_open

    _refuse_foreign(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            info = _read_info(path, metadata)
            state = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError) as problem:
        raise CheckpointError("the checkpoint is damaged", where=path, found=problem, next_step=AGAIN_TRAIN) from None
    bad = [name for name, tensor in state.items() if tensor.is_floating_point() and bool(tensor.isnan().any())]
    if bad:
        raise CheckpointError(
            "the checkpoint's numbers are not all numbers",
            where=path,
            found=f"NaN in {first_of(bad, 3)}",
            next_step="a training that diverged leaves such a file: train again with a lower learning rate",
        )
    _check_classes(path, state, info)
    return state, info


def _check_classes(path: Path, state: State, info: CheckpointInfo) -> None:
    """Refuse more classes than a network with these numbers can have, before one is built for them."""
    most = max(MOST_CLASSES, sum(tensor.numel() for tensor in state.values()))
    wrong = {label: number for label, number in sorted(info.classes.items()) if number > most}
    if wrong:
        raise CheckpointError(
            "the checkpoint's description is damaged",
            where=path,
            found=first_of(f"{number} classes of '{label}'" for label, number in wrong.items()),
            expected=f"at most {most}, as many as the file can have numbers for",
            next_step="copy it again from where it comes from, or train again",
        )


def check_known(path: Path, info: CheckpointInfo, method: type[Method]) -> None:
    """Refuse a checkpoint that names a variant or an option which its method does not have.

    A recipe, and a variant under one that the method has no more, are only held against their form: such a checkpoint
    can still be evaluated, and keeps its name.

    Raises:
        CheckpointError: the message names the first such word and those that the method has.
    """
    kept = info.recipe in ("", *method.recipes)
    variants = [word for word in (info.variant, *info.aliases) if word and kept]
    for kind, found, known in (
        ("a variant", variants, method.variants),
        ("an option", list(info.options), method.Options.model_fields),
    ):
        for word in found:
            if word not in known:
                raise CheckpointError(
                    f"the checkpoint names {kind} that method '{info.method}' does not have",
                    where=path,
                    found=word[:100],
                    expected=", ".join(known) or "none",
                    next_step="train it again with this version",
                )


def check_belongs(path: Path, info: CheckpointInfo, expected: CheckpointInfo) -> None:
    """Refuse the checkpoint of another method, variant or set of options.

    Class numbers are compared for labels that both descriptions contain. The digest of the code and the training data
    are not compared.

    Raises:
        CheckpointError: they differ; the message names the first difference with both values.
    """
    for what in ("method", "variant"):
        found, wanted = getattr(info, what), getattr(expected, what)
        if found != wanted:
            raise CheckpointError(
                f"the checkpoint belongs to another {what}",
                where=path,
                found=found or "none",
                expected=wanted or "none",
                next_step=f"run it with --method {'/'.join(filter(None, (info.method, info.variant)))}",
            )
    for what, found, wanted in (
        ("option", info.options, expected.options),
        ("number of classes", info.classes, expected.classes),
    ):
        for name in sorted(found.keys() & wanted.keys() if what != "option" else found.keys() | wanted.keys()):
            if found.get(name) != wanted.get(name):
                raise CheckpointError(
                    f"the checkpoint has another {what}: {name}",
                    where=path,
                    found=found.get(name),
                    expected=wanted.get(name),
                )


@contextmanager
def same_form(path: Path, what: str) -> Iterator[None]:
    """Turn the errors of a block that restores a checkpoint into a CheckpointError, which names what was restored.

    Raises:
        CheckpointError: the block met an unknown option or value, a label without classes, or tensors that do not fit
            the network.
    """
    try:
        yield
    except (ValidationError, RuntimeError, KeyError) as problem:
        raise CheckpointError(
            f"the checkpoint does not fit {what}",
            where=path,
            found=_misfit(problem),
            next_step="train it again with this version",
        ) from None


def _misfit(problem: ValidationError | RuntimeError | KeyError) -> str:
    if isinstance(problem, ValidationError):
        first = problem.errors()[0]
        option = ".".join(map(str, first["loc"]))
        return f"option '{option}': {wanted(first)}" if option else wanted(first)
    return f"no {problem}" if isinstance(problem, KeyError) else " ".join(str(problem).split())[:300]


def _refuse_foreign(path: Path) -> None:
    """Raise an error if the file is missing, no regular one, or by its first bytes something else than a checkpoint."""
    size = check_regular(
        path, "the checkpoint", error=CheckpointError, next_step="give a file written by 'bench train'"
    )
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as problem:
        raise CheckpointError("the checkpoint cannot be read", where=path, found=problem.strerror) from None
    # A safetensors file starts with eight arbitrary bytes, the length of its header, followed by the header.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size:
        return
    if head[:2] == b"PK" or head[:1] == b"\x80":
        raise CheckpointError(
            "the file is a pickle or a torch archive, which can execute code when it is opened",
            where=path,
            expected="a safetensors file written by 'bench train'",
            next_step="load other weights through an option of the method",
        )
    foreign = foreign_start(head) or foreign_text(head) if head else Foreign("empty", AGAIN)
    if foreign is not None:
        raise CheckpointError(
            f"the file is {foreign.what}",
            where=path,
            expected="a safetensors file written by 'bench train'",
            next_step=foreign.next_step,
        )


def _read_info(path: Path, metadata: Mapping[str, str]) -> CheckpointInfo:
    text = metadata.get("bench", "")
    if len(text) > LONGEST_DESCRIPTION:
        raise CheckpointError(
            "the checkpoint's description is too long", where=path, expected=f"at most {LONGEST_DESCRIPTION} characters"
        )
    try:
        about = read_json(text)
        schema = about["schema"]
    except (KeyError, TypeError, ValueError) as problem:
        raise CheckpointError(
            "the file is not a checkpoint of bench",
            where=path,
            found=f"a description that cannot be read: {problem}"[:200] if text else None,
            next_step="give a file written by 'bench train'",
        ) from None
    if type(schema) is not int or schema != SCHEMA:
        raise CheckpointError(
            "the checkpoint has another schema",
            where=path,
            found=schema,
            expected=SCHEMA,
            next_step="train again with this version, or use the version that wrote it",
        )
    try:
        return CheckpointInfo.model_validate(about.get("info"))
    except ValidationError as problem:
        first = problem.errors()[0]
        raise CheckpointError(
            "the checkpoint's description is damaged",
            where=path,
            found=f"{'.'.join(map(str, first['loc']))[:80] or 'info'}: {str(first.get('input'))[:80]!r}",
            expected=wanted(first),
            next_step="copy it again from where it comes from, or train again",
        ) from None
