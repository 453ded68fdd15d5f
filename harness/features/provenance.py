"""The provenance of features: one chain of facts, to which checkpoint, feature file and record each add their own."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Origin(BaseModel):
    """A method and its training: the facts that a checkpoint, a feature file and a record share.

    Attributes:
        method: its name.
        variant: empty for the method as published.
        recipe: the named set of options; empty for the defaults.
        options: all options, as resolved.
        seed: of the run, or None for features from elsewhere.
        code: digest of the method's source, or None.
        train_on: the protocol trained on, or None.
        train_data: digest of the training lists, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    variant: str = ""
    recipe: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    code: str | None = None
    train_on: str | None = None
    train_data: str | None = None


class Embedding(Origin):
    """How features were made: the facts that a feature file and a record share.

    Attributes:
        checkpoint: SHA-256 of the checkpoint file, or None.
        input_size: height and width in pixels, or None.
        parameters: number of trainable parameters of the network, or None.
        control: whether the method is kept only for comparison.
        needs: labels and boxes, besides the vehicle, that training used.
        test_needs: inputs of the method besides the images.
        boxes: digest of the boxes that the method received, by kind.
        train_boxes: digest of the boxes that training used, by kind.
    """

    checkpoint: str | None = None
    input_size: tuple[int, int] | None = None
    parameters: int | None = None
    control: bool = False
    needs: tuple[str, ...] = ()
    test_needs: tuple[str, ...] = ()
    boxes: dict[str, str] = Field(default_factory=dict)
    train_boxes: dict[str, str] = Field(default_factory=dict)


class Provenance(Embedding):
    """Where the features of a file come from; only the method and the data set must be known.

    Attributes:
        dataset: the protocol's name.
        images: digest of the images' names and sizes, or None.
        metric: the metric that the method proposes, or None.
        precision: as in lightning-fabric, or None.
        device: its kind: ``cpu``, ``cuda``, or None.
        versions: of Python and packages.
    """

    dataset: str
    images: str | None = None
    metric: str | None = None
    precision: str | None = None
    device: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)


def facts(described: BaseModel, of: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a description that belong to one link of the chain."""
    return {name: getattr(described, name) for name in of.model_fields}
