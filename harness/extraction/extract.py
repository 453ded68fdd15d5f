"""Extraction: the features of a data set's images, written to a feature file that survives interruptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch.distributed
from lightning_fabric import Fabric

from harness.basics.progress import progress
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric, undisturbed
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.data.pictures import Change, Pictures, refuse_broken
from harness.errors import DataError, UsageError
from harness.extraction.agreement import agree_to_embed
from harness.extraction.alone import Alone, check_alone
from harness.extraction.embed import Embedded, choose_batch, embed, launch, ready
from harness.extraction.inference import compile_network, ready_to_embed
from harness.extraction.samples import BatchRequest, Samples, consecutive
from harness.extraction.subjects import Subjects, readable, subjects_of
from harness.features import FeatureWriter, Provenance
from harness.features.mirrored import mirrored_key
from harness.methods.method import Method


@dataclass(frozen=True)
class FeatureOutput:
    """A feature file to write, in ``float32`` or ``float16``, with the provenance to store in it."""

    path: Path
    provenance: Provenance
    dtype: str = "float32"


def extract(
    method: Method,
    dataset: Dataset,
    tables: Sequence[ImageTable],
    output: FeatureOutput,
    *,
    compute: Compute | None = None,
    skip_broken: bool = False,
    change: Change | None = None,
) -> Path:
    """Write the features of all images of some tables to a feature file, and return its path.

    An image that is in several tables is embedded once; if the provenance says ``mirrored``, then all once more as
    their mirror images. Features written by an interrupted call are not computed again. With ``change``, it is the
    changed pictures that are embedded; the provenance should say so.

    Raises:
        UsageError: the processes do not see the same images, or hold other weights; the method needs boxes or views,
            and mirror images are asked for; a change is to be made to pictures that the decoder shrinks.
        DataError: there is no image, or some images cannot be read; the message names and counts them.
        PluginError: ``embed`` breaks the contract.
        RunError: a feature is not finite, or a file cannot be written.
    """
    compute = compute or Compute()
    if compute.reduced and change is not None:
        raise UsageError(
            "a change is made to pictures at their own size, which a decoder that shrinks them does not give",
            next_step="extract without --reduce",
        )
    fabric = open_fabric(compute)
    with undisturbed(fabric), ExitStack() as stack:
        subjects = subjects_of(dataset, tables, method.input_size, method)
        if compute.reduced:
            subjects = replace(subjects, pictures=subjects.pictures.reduced())
        if skip_broken:
            subjects = subjects.take(readable(subjects, skip_broken=True))
        keys = list(subjects.pictures.keys)
        if not keys:
            raise DataError("there is no image to extract features from", where=dataset.root)
        if output.provenance.mirrored:
            subjects, keys = subjects.and_mirrored(), [*keys, *map(mirrored_key, keys)]
        if change is not None:
            subjects = replace(subjects, pictures=subjects.pictures.changed(change))
        agree_to_embed(method, subjects, fabric)
        stack.enter_context(ready_to_embed(method, compute))
        writer = None
        width = _width(method, subjects, fabric)
        alone = check_alone(method, subjects, fabric)
        if fabric.is_global_zero:
            writer = stack.enter_context(FeatureWriter(output.path, keys, width, output.provenance, output.dtype))
        done = int(fabric.broadcast(writer.done if writer else 0))
        size = compute.batch or choose_batch(fabric, subjects.pictures.size)
        batches = consecutive(len(keys), size)[done // size :]
        if compute.compiled:
            compile_network(method)
        if compute.precision.endswith("mixed"):
            stack.enter_context(fabric.autocast())  # else the weights are rounded anew for each batch
        parts = _checked(embed(method, subjects, fabric, batches, workers=compute.workers), alone)
        _write(parts, writer, subjects.pictures, fabric)
    fabric.barrier()
    return output.path


def _checked(parts: Iterable[Embedded], alone: Alone) -> Iterator[Embedded]:
    """Yield the batches, each compared with what is known of its images."""
    for part in parts:
        if part.features is not None:
            alone.check(part.rows, part.features)
        yield part


def _write(parts: Iterable[Embedded], writer: FeatureWriter | None, pictures: Pictures, fabric: Fabric) -> None:
    """Write the rows that the file lacks, in the first process only and while the next batch is embedded."""
    count = len(pictures)
    broken: dict[str, DataError] = {}
    written: Future[None] | None = None
    with progress("extracting", shown=fabric.is_global_zero) as advance, ThreadPoolExecutor(1) as thread:
        for part in parts:
            first = int(part.rows[0])
            broken.update((str(problem), problem) for problem in part.broken)  # one that is mirrored, too, counts once
            if part.features is not None and writer is not None:
                if written is not None:
                    written.result()
                written = thread.submit(writer.write, part.features[writer.done - first : count - first])
            advance(min(first + len(part.rows), count), count)
        if written is not None:
            written.result()
    found = {str(problem): problem for problem in _of_all(fabric, list(broken.values()))}
    if found:
        raise refuse_broken(list(found.values()), images=len(set(pictures.keys)), root=pictures.root)


def _width(method: Method, subjects: Subjects, fabric: Fabric) -> int:
    """Return the width of a feature, measured by embedding one image."""
    ready(method, fabric)
    first = Samples(subjects.pictures, subjects.boxes)[BatchRequest(np.zeros(1, np.int64))]
    return int(launch(method, subjects, first, fabric)().shape[1])


def _of_all(fabric: Fabric, errors: list[DataError]) -> list[DataError]:
    if fabric.world_size == 1:
        return errors
    gathered: list[list[DataError]] = [[] for _ in range(fabric.world_size)]
    torch.distributed.all_gather_object(gathered, errors)
    return [error for part in gathered for error in part]
