"""A method under trial: set up, with a few images, and embedded through the path of every extraction."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric

from harness.authoring.finding import Skipped
from harness.basics.seeds import derive, generators_at
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.data.dataset import Dataset
from harness.describe.method import CLASSES
from harness.errors import DataError
from harness.extraction.alone import TRIED
from harness.extraction.embed import Features, launch, ready
from harness.extraction.samples import BatchRequest, Samples
from harness.extraction.subjects import Subjects, subjects_of
from harness.methods.method import Method, Options, complete, create, resolve_options, trains
from harness.methods.network import NetworkMethod
from harness.registry.registry import Registry, load
from harness.tasks.opening import find_root
from harness.tasks.protocol import Protocol


@dataclass(frozen=True)
class Asked:
    """A method to check, as its author names it.

    Attributes:
        method: ``name`` or ``name/variant``, or the class.
        changes: options by name, as after ``--set``.
        recipe: None for the one that the protocol proposes, if the method has it.
        protocol: where the images come from.
        data: folder of the protocol's data set, or None for its default.
        plugins: files with hooks.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    method: str | type
    changes: Mapping[str, Any] = field(default_factory=dict)
    recipe: str | None = None
    protocol: str = "synthetic"
    data: str | Path | None = None
    plugins: Sequence[str | Path] = ()
    device: str = "auto"

    @property
    def name(self) -> str:
        """The method's name, or that of its class."""
        return self.method.partition("/")[0] if isinstance(self.method, str) else self.method.__name__

    @property
    def variant(self) -> str:
        """The variant after the name; empty for the method as published."""
        return self.method.partition("/")[2] if isinstance(self.method, str) else ""


class Trial:
    """A method under trial; each part is made when it is first used.

    Attributes:
        printed: what the method has printed to standard output.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.printed = io.StringIO()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep what the block prints."""
        with redirect_stdout(self.printed):
            yield

    @cached_property
    def registry(self) -> Registry:
        """Everything installed, and the given files."""
        return load(self.asked.plugins)

    @cached_property
    def kind(self) -> type[Method]:
        """The class."""
        given = self.asked.method
        return self.registry.method(self.asked.name) if isinstance(given, str) else complete(given)

    @cached_property
    def protocol(self) -> Protocol:
        """The protocol that the images are of."""
        return self.registry.tasks(self.asked.protocol)[0]

    @cached_property
    def recipe(self) -> str:
        """The recipe of the options; empty for the defaults."""
        if self.asked.recipe is not None:
            return self.asked.recipe
        proposed = self.protocol.recipe
        return proposed * (proposed in self.kind.recipes)

    @cached_property
    def options(self) -> Options:
        """The options."""
        return self.with_options({})

    def with_options(self, changes: Mapping[str, Any]) -> Options:
        """Return the options with further changes."""
        asked = self.asked
        changed = {**asked.changes, **changes}
        return resolve_options(asked.name, self.kind, variant=asked.variant, recipe=self.recipe, changes=changed)

    @cached_property
    def fabric(self) -> Fabric:
        """The device."""
        return open_fabric(Compute(device=self.asked.device, workers=0))

    def made(self, options: Options | None = None) -> Method:
        """Return the method set up anew, its network untrained, ready to embed."""
        method = create(self.kind, self.options if options is None else options)
        if isinstance(method, NetworkMethod):
            with generators_at(derive(0, "network")):
                method.model = method.architecture(CLASSES)
        ready(method, self.fabric)
        return method

    @cached_property
    def method(self) -> Method:
        """The method that most properties are checked on."""
        return self.made()

    @cached_property
    def dataset(self) -> Dataset:
        """The protocol's data set."""
        data = self.asked.data
        return self.protocol.load(find_root(self.protocol, None if data is None else Path(data)))

    @cached_property
    def subjects(self) -> Subjects:
        """A few images of the protocol's queries and gallery, at the method's size."""
        return self.subjects_for(self.method)

    def subjects_for(self, method: Method) -> Subjects:
        """Return the same images for a method of other options."""
        task = self.registry.tasks(self.asked.protocol)[1][0]
        tables = [self.dataset.split(name) for name in (task.query, task.gallery)]
        found = subjects_of(self.dataset, tables, method.input_size, method)
        count = len(found.pictures)
        if not count:
            raise DataError("the data set has no image to try", where=self.dataset.root)
        return found.take(np.unique(np.linspace(0, count - 1, TRIED).astype(np.int64)))

    @property
    def rows(self) -> list[int]:
        """The rows of all subjects."""
        return list(range(len(self.subjects.pictures)))

    def features(self, rows: Sequence[int], method: Method | None = None, subjects: Subjects | None = None) -> Features:
        """Return the (n, d) float32 features of some rows, embedded together.

        Raises:
            Skipped: the method trains by itself, and cannot embed before.
        """
        used, images = method or self.method, subjects or self.subjects
        batch = Samples(images.pictures, images.boxes)[BatchRequest(np.asarray(rows, np.int64))]
        for problem in batch.broken.values():
            raise problem
        try:
            return launch(used, images, batch, self.fabric)()
        except Exception as problem:
            if trains(self.kind) and not isinstance(used, NetworkMethod):
                raise Skipped(f"the method trains by itself, and cannot embed before ({problem})") from problem
            raise

    @contextmanager
    def watching(self, seen: Callable[[Any], None]) -> Iterator[None]:
        """Call a function with whatever ``embed`` returns in the block, as it returns it."""
        method = self.method
        embed = method.embed

        def watched(*words: Any, **needed: Any) -> Any:
            returned = embed(*words, **needed)
            seen(returned)
            return returned

        vars(method)["embed"] = watched
        try:
            yield
        finally:
            del vars(method)["embed"]
