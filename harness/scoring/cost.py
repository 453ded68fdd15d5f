"""The cost of an extraction: measured once, stored beside the feature file and copied into the record.

It is optional provenance that no comparison of results uses.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.basics.digests import canonical_json
from harness.basics.files import cannot_write, replace_file
from harness.basics.host import processor_model
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.errors import BenchError
from harness.features import FeatureFile
from harness.scoring.fields import Cost

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger("bench")

NAME = "cost.json"
MAX_BYTES = 4096
"""The maximum size of the file, which contains three short fields and a digest."""

MAX_MODEL = 150
"""Maximum length of a device model's name, which must fit into a record together with the kind; known names have 50."""


@contextmanager
def measured(features: Path, fabric: Fabric) -> Iterator[None]:
    """Measure the time of an extraction in the block, and write its cost beside the feature file.

    Nothing is written if the block resumes an interrupted extraction or raises an error; only the first process writes.

    Raises:
        RunError: the file cannot be written.
    """
    path, whole = features.with_name(NAME), not features.with_name(features.name + ".partial").exists()
    if fabric.is_global_zero:
        try:
            path.unlink(missing_ok=True)  # left by a deleted feature file
        except OSError as problem:
            raise cannot_write(path, problem) from None
    start = time.monotonic()
    yield
    seconds = time.monotonic() - start
    if fabric.is_global_zero and whole and seconds > 0:
        with FeatureFile.open(features) as file:
            cost = Cost(images=len(file), seconds=seconds, device=device_name(fabric))
            content = {"features": file.digest, **cost.model_dump()}
        with replace_file(path) as out:
            out.write(canonical_json(content) + "\n")


def read_cost(file: FeatureFile) -> Cost | None:
    """Return the cost of the extraction of a feature file, or None if its cost file is missing or invalid."""
    path = file.path.with_name(NAME)
    if not path.exists():
        return None
    try:
        content = read_json(read_whole(path, MAX_BYTES, "the file of costs").decode())
        if content.pop("features") != file.digest:
            raise ValueError("it belongs to other features")
        return Cost.model_validate_json(json.dumps(content), strict=True)
    except (BenchError, ValueError, KeyError, AttributeError, TypeError) as problem:
        log.info("%s is not used: %s", path.name, str(problem).partition("\n")[0])
        return None


def device_name(fabric: Fabric) -> str:
    """Return the kind and model of the devices, and their number if there are several: ``4 x cuda, NVIDIA H200``."""
    kind = fabric.device.type
    model = "".join(character for character in _model(fabric) if character.isprintable())
    name = f"{kind}, {' '.join(model.split())[:MAX_MODEL]}" if model.strip() else kind
    return f"{fabric.world_size} x {name}" if fabric.world_size > 1 else name


def _model(fabric: Fabric) -> str:
    """Return the model of the processor or the GPU, or an empty string if it is unknown."""
    if fabric.device.type == "cuda":
        import torch

        return str(torch.cuda.get_device_name(fabric.device))
    return processor_model() if fabric.device.type == "cpu" else ""
