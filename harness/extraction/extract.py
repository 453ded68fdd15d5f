"""Extraction: the features of a data set's images, each once, into a feature file that an interruption cannot spoil."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch.distributed
from lightning_fabric import Fabric

from harness.basics.progress import progress
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric, undisturbed
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.pictures import Pictures, refuse_broken
from harness.errors import DataError
from harness.extraction.embed import Embedded, choose_batch, embed, embed_batch, ready
from harness.extraction.inference import compile_network, ready_to_embed
from harness.extraction.samples import Ask, Samples, consecutive
from harness.extraction.subjects import Subjects, readable, subjects_of
from harness.features import FeatureWriter, Provenance
from harness.methods.method import Method


def extract(
    method: Method,
    dataset: Dataset,
    tables: Sequence[ImageTable],
    out: Path,
    provenance: Provenance,
    *,
    compute: Compute | None = None,
    skip_broken: bool = False,
    dtype: str = "float32",
    batch: int | None = None,
) -> Path:
    """Write the features of all images of some tables, and return the file.

    An image that several tables name is embedded once. What an interrupted call wrote is not computed again.

    Args:
        method: trained, restored, or one that needs neither.
        dataset: where the images lie.
        tables: such as the query's and the gallery's.
        out: the feature file.
        provenance: written into it.
        compute: the machine; None for one process on whatever is there.
        skip_broken: leave images that cannot be read out of the file, and name them in the log.
        dtype: of the file: ``float32`` or ``float16``.
        batch: images embedded at once, in place of what ``compute`` says; it may move the last bits of a feature.

    Raises:
        DataError: images that cannot be read, all of them named and counted.
        PluginError: ``embed`` breaks the contract.
        RunError: a feature is not finite, or the disk refuses.
    """
    compute = compute or Compute()
    fabric = open_fabric(compute)
    with undisturbed(fabric), ExitStack() as stack:
        subjects = subjects_of(dataset, tables, method.input_size, method)
        if skip_broken:
            subjects = subjects.take(readable(subjects, skip_broken=True))
        keys = subjects.pictures.keys
        if not keys:
            raise DataError("there is no image to extract features from", where=dataset.root)
        stack.enter_context(ready_to_embed(method, compute))
        writer = None
        width = _width(method, subjects, fabric)
        if fabric.is_global_zero:
            writer = stack.enter_context(FeatureWriter(out, keys, width, provenance, dtype))
        done = int(fabric.broadcast(writer.done if writer else 0))
        together = batch or compute.batch or choose_batch(fabric, subjects.pictures.size)
        batches = consecutive(len(keys), together)[done // together :]
        if compute.compiled:
            compile_network(method)
        _write(embed(method, subjects, fabric, batches, workers=compute.workers), writer, subjects.pictures, fabric)
    fabric.barrier()
    return out


def _write(parts: Iterable[Embedded], writer: FeatureWriter | None, pictures: Pictures, fabric: Fabric) -> None:
    """Write the rows that the file lacks, in the first process and while the next batch is embedded.

    Raises:
        DataError: in every process, images that cannot be read in any of them.
    """
    count = len(pictures)
    broken: list[DataError] = []
    written: Future[None] | None = None
    with progress("extracting", shown=fabric.is_global_zero) as advance, ThreadPoolExecutor(1) as thread:
        for part in parts:
            broken.extend(part.broken)
            if part.features is not None and writer is not None:
                if written is not None:
                    written.result()
                written = thread.submit(_append, writer, part, count)
            advance(min(int(part.rows[0]) + len(part.rows), count), count)
        if written is not None:
            written.result()
    broken = _of_all(fabric, broken)
    if broken:
        raise refuse_broken(broken, images=count, root=pictures.root)


def _append(writer: FeatureWriter, part: Embedded, count: int) -> None:
    """Write the rows of a batch that the file lacks."""
    features, first = part.features, int(part.rows[0])
    if features is not None:
        writer.write(features[writer.done - first : count - first])


def _width(method: Method, subjects: Subjects, fabric: Fabric) -> int:
    """Return the number of numbers in a feature, by embedding one image."""
    ready(method, fabric)
    first = Samples(subjects.pictures, subjects.boxes)[Ask(np.zeros(1, np.int64))]
    return int(embed_batch(method, subjects, first, fabric).shape[1])


def _of_all(fabric: Fabric, errors: list[DataError]) -> list[DataError]:
    """Return the errors of all processes."""
    if fabric.world_size == 1:
        return errors
    gathered: list[list[DataError]] = [[] for _ in range(fabric.world_size)]
    torch.distributed.all_gather_object(gathered, errors)
    return [error for part in gathered for error in part]
