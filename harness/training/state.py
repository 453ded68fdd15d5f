"""The state of a training run after its last finished epoch, in one file that holds no code."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from harness.basics.files import replace_file
from harness.errors import CheckpointError

NAME = "state.pt"


@dataclass
class State:
    """Where training stands; everything random follows from the seed and these numbers.

    Attributes:
        identity: digest of the configuration that it belongs to.
        stage: the stage in progress, from 0.
        epoch: finished epochs of that stage.
        network: the network's tensors.
        optimiser: the optimiser's.
        schedule: the learning rate's.
        precision: the gradient scaler's, where the precision has one.
        rows: the validation table so far.
    """

    identity: str
    stage: int = 0
    epoch: int = 0
    network: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def save_state(folder: Path, state: State) -> None:
    """Write the state, whole or not at all.

    Raises:
        RunError: the disk refuses; the last epoch's state is unharmed.
    """
    buffer = io.BytesIO()
    torch.save({name: getattr(state, name) for name in asdict(State(""))}, buffer)
    with replace_file(folder / NAME, "wb") as file:
        file.write(buffer.getbuffer())


def load_state(folder: Path, identity: str) -> State | None:
    """Return the state that an interrupted run left, or None.

    Raises:
        CheckpointError: it is damaged, holds code, or is of another configuration.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as problem:  # damaged bytes let the unpickler fail in a dozen ways
        raise CheckpointError(
            "the state of the interrupted training is damaged",
            where=path,
            found=f"{type(problem).__name__}: {problem}".partition("\n")[0],
            next_step="remove it to train from the start",
        ) from None
    if state.identity != identity:
        raise CheckpointError(
            "the state of the interrupted training is of another configuration",
            where=path,
            next_step="give another folder, or remove it to train from the start",
        )
    return state
