"""The state of a training run after its last finished epoch, in one file that cannot execute code."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from harness.basics.files import replace_file
from harness.errors import CheckpointError

NAME = "state.pt"


@dataclass
class State:
    """The progress of a training run; all further random numbers derive from it and the seed.

    Attributes:
        identity: the digest of the configuration.
        stage: the number of the current stage, from 0.
        epoch: the number of finished epochs of this stage.
        step: the number of finished iterations of this stage.
        precision: the state of the gradient scaler, if the precision uses one.
    """

    identity: str
    stage: int = 0
    epoch: int = 0
    step: int = 0
    network: dict[str, Any] = field(default_factory=dict)
    optimisers: list[dict[str, Any]] = field(default_factory=list)
    schedule: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def save_state(folder: Path, state: State) -> None:
    """Write the state atomically, or raise a RunError and keep the state of the previous epoch."""
    buffer = io.BytesIO()
    torch.save(vars(state), buffer)
    with replace_file(folder / NAME, "wb") as file:
        file.write(buffer.getbuffer())


def state_bytes(state: State) -> int:
    """Return the size of the state's tensors in bytes."""
    found = 0
    left: list[object] = [state.network, *state.optimisers]
    while left:
        value = left.pop()
        if isinstance(value, torch.Tensor):
            found += value.nbytes
        elif isinstance(value, dict):
            left += value.values()
    return found


def load_state(folder: Path, identity: str) -> State | None:
    """Return the state of an interrupted run, or None.

    Raises:
        CheckpointError: the state is damaged, contains code, or belongs to another configuration.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as problem:  # the unpickler raises many kinds of exception for damaged bytes
        raise CheckpointError(
            "the state of the interrupted training is damaged",
            where=path,
            found=f"{type(problem).__name__}: {problem}".partition("\n")[0],
            next_step="remove the file to train from the start",
        ) from None
    if state.identity != identity:
        raise CheckpointError(
            "the state of the interrupted training belongs to another configuration",
            where=path,
            next_step="use another folder, or remove the state to train from the start",
        )
    return state
