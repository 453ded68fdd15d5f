"""Labels that methods need for training, and the kind of a vehicle: its model, or its type if there are no models."""

from __future__ import annotations

from collections.abc import Container, Mapping

from harness.errors import DataError

KIND = "model|type"
"""The need of a model or a type."""


def kind_among(labels: Container[str]) -> str:
    """Return ``model``, or ``type`` if there are no labels of models."""
    return "model" if "model" in labels else "type"


def require_labels(classes: Mapping[str, int], needed: tuple[str, ...], *, purpose: str, next_step: str) -> None:
    """Check that the training images have the needed labels.

    Raises:
        DataError: no training image has one of the labels.
    """
    missing = [name for name in needed if name not in classes]
    if missing:
        raise DataError(
            f"{purpose} trains with labels that no training image has: {', '.join(missing)}",
            found=", ".join(sorted(classes)),
            expected=" and ".join("model or type" if name == "type" else name for name in needed),
            next_step=next_step,
        )
