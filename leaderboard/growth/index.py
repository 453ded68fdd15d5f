"""Recall of approximate indexes against the exact lists of the nearest images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.kernel.exact import similarities
from harness.kernel.gallery import Rows
from harness.kernel.neighbours import Neighbours
from harness.kernel.ranking import nearest_units
from harness.kernel.settings import Settings
from harness.scoring.tables import plain, table
from harness.tasks.relevance import Relevance
from leaderboard.growth.codes import FloatRows, blocks, faiss, ready, sample

PROBES = (1, 4, 16, 64)
"""Cells of IVF that are searched."""

CELLS = 4096
"""Cells of IVF at most."""

LINKS = 32
BEAMS = (16, 64, 256)
"""Links of an image in HNSW, and candidates that a search keeps (efSearch)."""

KINDS = ("ivf", "hnsw")


@dataclass(frozen=True)
class Recall:
    """How well one index finds the nearest images.

    Attributes:
        index: its name and size: ``IVF 128``.
        effort: how it is searched: ``nprobe 4``.
        compared: the distances that it computes for a query, as a share of the gallery; more than 1 if it compares
            with more than every image.
        recall: for each k the share of the k nearest images that are among the k that it gives.
    """

    index: str
    effort: str
    compared: float
    recall: dict[int, float]


def recalls_of(
    queries: Rows, gallery: Rows, ks: Sequence[int], kinds: Sequence[str], settings: Settings
) -> Iterator[Recall]:
    """Yield the recall of each index at each effort.

    The exact lists are the kernel's own. Of several images at the same distance as the last of k, each is as good as
    another. All gallery images count, ignored ones too: an index knows no rules.

    Args:
        queries: (q, d) features.
        gallery: (g, d) features; all of them are in memory, twice.
        ks: lengths of the lists, ascending.
        kinds: of ``KINDS``.
        settings: of the kernel.

    Raises:
        UsageError: faiss is missing, or a list is longer than the gallery.
    """
    module = faiss("an approximate index")
    if ks[-1] > gallery.shape[0]:
        raise UsageError("a list is longer than the gallery", found=f"--k {ks[-1]}", expected=f"{gallery.shape[0]:,}")
    stored, rows = (np.asarray(one[0 : one.shape[0]], dtype=np.float32) for one in (queries, gallery))
    asked = ready(stored, settings.metric)
    exact = _exact(stored, rows, ks[-1], settings)
    for kind in kinds:
        index, name, stats = _built(module, kind, rows, settings.metric)
        for word in _efforts(kind, index):
            stats.reset()
            found = index.search(asked, ks[-1])[1]
            cells = index.nlist if kind == "ivf" else 0  # each query is compared with the middle of every cell
            compared = (stats.ndis / len(asked) + cells) / gallery.shape[0]
            similar = _similarities(stored, rows, found, euclidean=settings.euclidean)
            shares = {k: float((similar[:, :k] >= exact.similarity[:, k - 1 : k]).mean()) for k in ks}
            yield Recall(name, word, compared, shares)


def _exact(queries: Rows, gallery: Rows, most: int, settings: Settings) -> Neighbours:
    everything = Relevance.unlabelled(queries.shape[0], gallery.shape[0])
    return nearest_units(queries, gallery, everything, Settings(settings.metric, settings.machine, nearest=most))


def _built(module: Any, kind: str, gallery: Rows, metric: str) -> tuple[Any, str, Any]:
    """Return an index of the gallery, its name, and where faiss counts its distances."""
    images, width = gallery.shape
    how = module.METRIC_INNER_PRODUCT if metric == "cosine" else module.METRIC_L2
    if kind == "ivf":
        cells = max(1, min(CELLS, round(4 * images**0.5), images // 4))
        index = module.IndexIVFFlat(module.IndexFlat(width, how), width, cells, how)
        index.cp.min_points_per_centroid = 1
        index.train(sample(gallery, metric))
        name, stats = f"IVF {cells}", module.cvar.indexIVF_stats
    else:
        index = module.IndexHNSWFlat(width, LINKS, how)
        name, stats = f"HNSW {LINKS}", module.cvar.hnsw_stats
    for block in blocks(gallery, metric):
        index.add(block)
    return index, name, stats


def _efforts(kind: str, index: Any) -> Iterator[str]:
    """Set the index to one effort after the other, and yield its name.

    They are set on the index: other packages replace faiss's ``search`` by one that takes no parameters.
    """
    if kind == "ivf":
        for probes in sorted({min(probes, index.nlist) for probes in PROBES}):
            index.nprobe = probes
            yield f"nprobe {probes}"
    else:
        for beam in BEAMS:
            index.hnsw.efSearch = beam
            yield f"efSearch {beam}"


def _similarities(
    queries: FloatRows, gallery: FloatRows, found: npt.NDArray[np.int64], *, euclidean: bool
) -> npt.NDArray[np.float64]:
    """Return the canonical similarity of each image found, (q, k) float64; minus infinity where none was found."""
    similar = np.full(found.shape, -np.inf)
    for query, own in enumerate(found):
        places = np.flatnonzero(own >= 0)
        similar[query, places] = similarities(queries[query], gallery[own[places]], euclidean=euclidean)
    return similar


def recalls_json(task: str, method: str, found: Sequence[Recall]) -> dict[str, Any]:
    """Return recalls as JSON values."""
    rows = [
        {"index": one.index, "search": one.effort, "compared": one.compared, "recall": dict(one.recall)}
        for one in found
    ]
    return {"task": task, "method": method, "rows": rows}


def recalls_text(task: str, method: str, found: Sequence[Recall]) -> str:
    """Return recalls as a table for a terminal."""
    rows = [
        {
            "index": one.index,
            "search": one.effort,
            "compared, %": f"{100 * one.compared:.2f}",
            **{f"recall@{k}": f"{100 * value:.2f}" for k, value in one.recall.items()},
        }
        for one in found
    ]
    shown = table(rows, right=list(rows[0])[2:], shown=plain)
    notes = [
        "Recall@k: share of the k nearest gallery images, as the exact kernel lists them, among the k that are found.",
        "Compared: distances computed for a query, as a share of the gallery; with IVF those to its cells are counted.",
    ]
    return "\n".join([f"{plain(task)}: {plain(method)}\n", shown, *(f"- {note}" for note in notes)])
