"""Checkpoints: a method's tensors and what they belong to, in a safetensors file that executes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.basics.files import replace_file
from harness.errors import CheckpointError

if TYPE_CHECKING:
    from harness.methods.method import State

SCHEMA = 1


class CheckpointInfo(BaseModel):
    """What the tensors of a checkpoint belong to.

    Attributes:
        method: its name.
        variant: empty for the method as published.
        options: the options' values by name, as JSON has them.
        classes: for each label the number of classes it was trained with.
        code: the digest of the method's source.
        recipe: the set of options it was trained with.
        seed: of the training.
        train_on: the protocol whose training images were used.
        train_data: digest of its training lists.
        boxes: for each kind of boxes that it trained with, the digest of their content.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    variant: str = ""
    options: Mapping[str, Any] = {}
    classes: Mapping[str, int] = {}
    code: str = ""
    recipe: str = ""
    seed: int = 0
    train_on: str = ""
    train_data: str = ""
    boxes: Mapping[str, str] = {}


def save_checkpoint(path: Path, state: State, info: CheckpointInfo) -> Path:
    """Write the tensors and their description, whole or not at all; the same input gives the same bytes.

    Raises:
        RunError: the disk refuses.
    """
    from safetensors.torch import save

    tensors = {name: state[name].detach().cpu().contiguous().clone() for name in sorted(state)}
    about = {"schema": SCHEMA, "info": info.model_dump(mode="json")}
    # One word of metadata: safetensors writes several in an order that changes from process to process.
    content = save(tensors, {"bench": json.dumps(about, sort_keys=True)})
    with replace_file(path, "wb") as file:
        file.write(content)
    return path


def load_checkpoint(path: Path) -> tuple[State, CheckpointInfo]:
    """Return the tensors, on the processor, and what they belong to.

    Raises:
        CheckpointError: no such file, damaged, a pickle, or of a newer schema.
    """
    from safetensors import SafetensorError, safe_open

    _refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, OSError) as problem:
        raise CheckpointError(
            "the checkpoint is damaged", where=path, found=problem, next_step="train again, or copy it again"
        ) from None
    return state, _read_info(path, metadata)


def check_belongs(path: Path, info: CheckpointInfo, expected: CheckpointInfo) -> None:
    """Refuse the checkpoint of another method, variant or set of options.

    Classes are compared where both sides name them; the code's digest and the training data are the
    caller's to judge.

    Raises:
        CheckpointError: the first thing that differs, with both values.
    """
    for what in ("method", "variant"):
        found, wanted = getattr(info, what), getattr(expected, what)
        if found != wanted:
            raise CheckpointError(
                f"the checkpoint is of another {what}",
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
    """Refuse the checkpoint whose options, classes or tensors the method does not take, as the block finds.

    Args:
        path: of the checkpoint.
        what: takes it up, for the message: ``the method 'ram'``.

    Raises:
        CheckpointError: the block met an option or a value that is not known, a label without classes, or tensors
            that are not the network's.
    """
    try:
        yield
    except (ValidationError, RuntimeError, KeyError) as problem:
        raise CheckpointError(
            f"the checkpoint is of another form of {what}",
            where=path,
            found=_misfit(problem),
            next_step="train it again with this version",
        ) from None


def _misfit(problem: ValidationError | RuntimeError | KeyError) -> str:
    """Return what does not fit, in one line."""
    if isinstance(problem, ValidationError):
        first = problem.errors()[0]
        option = ".".join(map(str, first["loc"]))
        return f"option '{option}': {first['msg']}" if option else first["msg"]
    return f"no {problem}" if isinstance(problem, KeyError) else " ".join(str(problem).split())[:300]


def _refuse_pickle(path: Path) -> None:
    """Raise for what is missing, or is a pickle or a torch archive, by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as problem:
        raise CheckpointError("no checkpoint can be read here", where=path, found=problem.strerror) from None
    # A safetensors file starts with the length of its header, eight bytes that may be any, and then the header.
    if head[8:] != b"{" and (head[:2] == b"PK" or head[:1] == b"\x80"):
        raise CheckpointError(
            "this is a pickle or a torch archive, which can execute code when it is opened",
            where=path,
            expected="a safetensors file written by 'bench train'",
            next_step="load weights from elsewhere through the method's own option for them",
        )


def _read_info(path: Path, metadata: Mapping[str, str]) -> CheckpointInfo:
    try:
        about = json.loads(metadata["bench"])
        schema = about["schema"]
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(
            "the file is no checkpoint of bench", where=path, next_step="give a file written by 'bench train'"
        ) from None
    if schema != SCHEMA:
        raise CheckpointError(
            "the checkpoint is of another schema",
            where=path,
            found=schema,
            expected=SCHEMA,
            next_step="train again with this version, or use the version that wrote it",
        )
    try:
        return CheckpointInfo.model_validate(about.get("info"))
    except ValidationError as problem:
        raise CheckpointError("the checkpoint's description is damaged", where=path, found=problem) from None
