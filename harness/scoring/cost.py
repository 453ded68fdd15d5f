"""What an extraction took: measured once, written beside the feature file, read into the record.

It is provenance: no number is compared by it, and a file without it is as good.
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
from harness.features import FeatureFile
from harness.scoring.record import Cost

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger("bench")

NAME = "cost.json"
MAX_BYTES = 4096
"""The content is three short fields and a digest."""

MAX_MODEL = 150
"""Characters of a model's name, so that it fits a record's word with the kind before it; known ones take 50."""


@contextmanager
def measured(features: Path, fabric: Fabric) -> Iterator[None]:
    """Time the extraction that the block does, and write its cost beside the feature file.

    Nothing is written where the block goes on from what an earlier one left, or where it raises, and only the first
    process writes.

    Args:
        features: the feature file that the block writes.
        fabric: the devices and processes.

    Raises:
        RunError: the folder cannot be written.
    """
    path, whole = features.with_name(NAME), not features.with_name(features.name + ".partial").exists()
    if fabric.is_global_zero:
        try:
            path.unlink(missing_ok=True)  # of a feature file that is gone
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
    """Return what the extraction of a feature file took; None where nothing valid about this very file is known."""
    path = file.path.with_name(NAME)
    try:
        with path.open("rb") as stream:
            content = json.loads(stream.read(MAX_BYTES))
        if content.pop("features") != file.digest:
            raise ValueError("it is of other features")
        return Cost.model_validate_json(json.dumps(content), strict=True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as problem:
        log.info("%s is not used: %s", path.name, str(problem).partition("\n")[0])
        return None


def device_name(fabric: Fabric) -> str:
    """Return the kind and model of the devices, and how many where there are several: ``4 x cuda, NVIDIA H200``."""
    kind = fabric.device.type
    model = "".join(character for character in _model(fabric) if character.isprintable())
    name = f"{kind}, {' '.join(model.split())[:MAX_MODEL]}" if model.strip() else kind
    return f"{fabric.world_size} x {name}" if fabric.world_size > 1 else name


def _model(fabric: Fabric) -> str:
    """Return the model of the processor or the GPU; empty where the system does not say."""
    if fabric.device.type == "cuda":
        import torch

        return str(torch.cuda.get_device_name(fabric.device))
    return processor_model() if fabric.device.type == "cpu" else ""
