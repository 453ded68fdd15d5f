"""What the observers of a run are told about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ObservedRun:
    """What an observer is told about a run; changing it changes nothing.

    Attributes:
        name: the name in tables: ``pgan/no-pam (epochs=3)``.
        method: the name of the method.
        variant: the variant that the run is named after; empty for the method as published.
        recipe: the named set of options; empty for the method's defaults.
        options: all options of the method, as JSON values.
        seed: the seed.
        protocol: the name of the protocol.
        tasks: the names of the tasks: ``veri776/image-to-image``.
        train_on: the name of the protocol that is trained on; empty if nothing is trained.
        folder: the run's folder. An observer may write into a folder of its own name in it.
    """

    name: str
    method: str
    variant: str
    recipe: str
    options: Mapping[str, Any]
    seed: int
    protocol: str
    tasks: Sequence[str]
    train_on: str
    folder: Path
