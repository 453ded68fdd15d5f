"""The provenance of features: one chain of facts, to which checkpoint, feature file and record each add their own."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from harness.features.named import Int64, ShownName, Side, Whole

LONGEST_CHANGES = 100
"""The length of the changes in a name, in characters; those beyond it are counted."""

OMITTED = frozenset({"files", "trained_on", "resizing", "weights", "source", "mirrored", "corruption"})
"""Fields that are left out of a checkpoint and of a feature file where they are empty."""


class Origin(BaseModel):
    """A method and its training: the facts that a checkpoint, a feature file and a record share.

    Attributes:
        method: its name.
        variant: empty for the method as published; the one from which the fewest of the run's options differ.
        changes: these options, as written after ``--set``, a path without its folders; older files have none.
        aliases: other variants with the same options under the recipe, empty for the method as published.
        recipe: the named set of options; empty for the defaults.
        options: all options, as resolved; of a file only its base name.
        files: the SHA-256 of each file that an option names, by the option, and of files beside these, such as
            ``beside:opts``; left out if there is none.
        trained_on: the data that the given weights have seen, protocols by their names, as the user or the file says;
            left out if nobody says so.
        seed: of the run, or None for features from elsewhere.
        code: digest of the method's source, or None.
        train_on: the protocol trained on, or None.
        train_data: digest of the training lists, or None.
        threads: the number of threads that torch used in training, or None if nothing was trained or it is unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: ShownName
    variant: ShownName = ""
    changes: dict[ShownName, str] = Field(default_factory=dict)
    aliases: tuple[ShownName, ...] = ()
    recipe: ShownName = ""
    options: dict[ShownName, Any] = Field(default_factory=dict)
    files: dict[ShownName, str] = Field(default_factory=dict)
    trained_on: tuple[ShownName, ...] = ()
    seed: Int64 | None = None
    code: str | None = None
    train_on: ShownName | None = None
    train_data: str | None = None
    threads: Whole | None = None

    @model_serializer(mode="wrap")
    def _without_empty(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the later fields where they are empty, so that files without them stay the same bytes."""
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if value or name not in OMITTED}

    @property
    def run_name(self) -> str:
        """The method with its variant and what differs from it: ``pgan``, ``pgan/no-pam (epochs=3, p=8)``."""
        name = f"{self.method}/{self.variant}" if self.variant else self.method
        return f"{name} ({self.changes_text})" if self.changes else name

    @property
    def alias_names(self) -> tuple[str, ...]:
        """The names of its aliases: ``strong-baseline``, ``strong-baseline/no-erasing``."""
        return tuple(f"{self.method}/{variant}" if variant else self.method for variant in self.aliases)

    @property
    def changes_text(self) -> str:
        """What differs from the variant, in at most about 100 characters: ``epochs=3, p=8``."""
        changes = [f"{option}={value}" for option, value in sorted(self.changes.items())]
        lengths = accumulate(map(len, changes))
        shown = [change for change, length in zip(changes, lengths, strict=True) if length <= LONGEST_CHANGES]
        if len(shown) < len(changes):
            shown.append(f"{len(changes) - len(shown)} more")
        return ", ".join(shown)


class Embedding(Origin):
    """How features were made: the facts that a feature file and a record share.

    Attributes:
        checkpoint: SHA-256 of the checkpoint file, or None.
        input_size: height and width in pixels, or None.
        resizing: the way to this size in words; empty for the default, stretched bilinearly.
        parameters: number of trainable parameters of the network, or None.
        weights: digest of the weights that a method brought along rather than trained; left out if there are none.
        source: where these come from, if no option names their file: ``hf-hub:timm/resnet50.a1_in1k``; else left out.
        precision: the network's, as in lightning-fabric, with whatever else moves last digits, or None.
        control: whether the method is kept only for comparison.
        needs: labels and boxes, besides the vehicle, that training used.
        test_needs: inputs of the method besides the images.
        boxes: digest of the boxes that the method received, by kind.
        train_boxes: digest of the boxes that training used, by kind.
    """

    checkpoint: str | None = None
    input_size: tuple[Side, Side] | None = None
    resizing: str = ""
    parameters: Whole | None = None
    weights: str | None = None
    source: str = ""
    precision: str | None = None
    control: bool = False
    needs: tuple[ShownName, ...] = ()
    test_needs: tuple[ShownName, ...] = ()
    boxes: dict[ShownName, str] = Field(default_factory=dict)
    train_boxes: dict[ShownName, str] = Field(default_factory=dict)

    @property
    def extra_labels(self) -> tuple[str, ...]:
        """The labels and boxes besides vehicles and images that training or a test used, sorted."""
        return tuple(sorted({*self.needs, *self.test_needs}))

    @property
    def size_text(self) -> str:
        """The input size as ``256x128``, height first; empty if it is unknown."""
        return "x".join(map(str, self.input_size or ()))


class Provenance(Embedding):
    """Where the features of a file come from; only the method and the data set must be known.

    Attributes:
        dataset: the protocol's name.
        images: digest of the images' names and sizes, or None.
        corruption: what spoilt the images before they were embedded, such as ``rain 3, seed 0``; left out for images as
            they are. No record is made of such features.
        metric: the metric that the method proposes, or None.
        mirrored: whether the file also holds the features of the mirrored pictures; left out if not.
        device: its kind: ``cpu``, ``cuda``, or None.
        versions: of Python and packages.
    """

    dataset: ShownName
    images: str | None = None
    corruption: ShownName = ""
    metric: str | None = None
    mirrored: bool = False
    device: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)


def facts(described: BaseModel, of: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a description that belong to one link of the chain."""
    return {name: getattr(described, name) for name in of.model_fields}
