"""The label that says what kind a vehicle is: its model, or its type where a data set knows no models."""

from __future__ import annotations

from collections.abc import Container, Mapping

from harness.errors import DataError

KIND = "model|type"
"""The need of either."""


def kind_among(labels: Container[str]) -> str:
    """Return ``model``, or ``type`` where no model is labelled."""
    return "model" if "model" in labels else "type"


def require_labels(classes: Mapping[str, int], needed: tuple[str, ...], *, purpose: str, next_step: str) -> None:
    """Refuse to train without labels.

    Args:
        classes: number of classes of each label that the training images have.
        needed: the labels; ``type`` stands for either kind.
        purpose: what trains with them.
        next_step: what to do without.

    Raises:
        DataError: the labels that no training image has.
    """
    missing = [name for name in needed if name not in classes]
    if missing:
        raise DataError(
            f"{purpose} trains with labels that no training image has: {', '.join(missing)}",
            found=", ".join(sorted(classes)),
            expected=" and ".join("model or type" if name == "type" else name for name in needed),
            next_step=next_step,
        )
