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
from harness.basics.reading import check_regular, plain_json
from harness.errors import CheckpointError, first_of, in_one_line
from harness.features.provenance import Origin
from harness.methods.method import State

SCHEMA = 1

AGAIN_TRAIN = "train again, or copy it again"

CHECKPOINT = "checkpoint.safetensors"
"""The name of the checkpoint in the folder of a run."""


MOST_CLASSES = 100_000_000
"""Limit of the classes of a label."""


class CheckpointInfo(Origin):
    """The description of a checkpoint: the method, its training and the classes it was trained with.

    Attributes:
        classes: the number of classes of each label during training.
        boxes: the digest of the boxes of each kind used for training.
    """

    classes: dict[str, Annotated[int, Field(ge=0, le=MOST_CLASSES)]] = Field(default_factory=dict)
    boxes: dict[str, str] = Field(default_factory=dict)


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
    return state, _read_info(path, metadata)


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
        return f"option '{option}': {first['msg']}" if option else first["msg"]
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
    try:
        about = plain_json(metadata["bench"])
        schema = about["schema"]
    except (KeyError, TypeError, ValueError) as problem:
        raise CheckpointError(
            "the file is not a checkpoint of bench",
            where=path,
            found=in_one_line(problem) if isinstance(problem, ValueError) else None,
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
            where=f"{path}: {'.'.join(map(str, first['loc']))}",
            found=in_one_line(repr(first["input"]), 100),
            expected=first["msg"],
            next_step=AGAIN_TRAIN,
        ) from None
