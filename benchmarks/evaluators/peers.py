"""What each evaluator does with a problem, as its users call it; a peer is imported when it is prepared.

All are given the features as they are stored and scale them to length 1 themselves, if cosines are what they compare.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.evaluators.problem import Problem

PLACES = {"fast-reid": "fastreid/evaluation/rank_cylib", "torchreid": "torchreid/metrics/rank_cylib"}
"""The folders of compiled evaluators in checkouts of their repositories."""


@dataclass(frozen=True)
class Answer:
    """The mAP and CMC@1 of a problem, None where an evaluator does not give it.

    Attributes:
        mean: the mAP.
        first: the CMC@1.
        per_query: from the kernel alone, ``ap`` and ``cmc@1`` of each query, (q,) float64; the ranks of all positives,
            (p,) int64; and where each query's begin, ``starts``, (q + 1,) int64.
    """

    mean: float
    first: float | None = None
    per_query: dict[str, np.ndarray] | None = None


Evaluate = Callable[[Problem], Answer]


def kernel() -> Evaluate:
    """Return the ranking of this project, on features in memory."""
    from harness.kernel.ranking import rank
    from harness.scoring.scores import Scores
    from harness.tasks.relevance import Relevance, RowLists

    def evaluate(problem: Problem) -> Answer:
        order = np.argsort(problem.gallery, kind="stable")
        starts, ends = (np.searchsorted(problem.gallery[order], problem.query, side) for side in ("left", "right"))
        edges = np.concatenate([[0], np.cumsum(ends - starts)])
        positives = RowLists(edges, np.concatenate([order[a:b] for a, b in zip(starts, ends, strict=True)]))
        queries = len(problem.query)
        relevance = Relevance(queries, len(problem.gallery), positives, RowLists.empty(queries))
        found = rank(problem.asked, problem.table, relevance)
        scores = Scores.of(found, ["ap", "cmc@1"], queries=queries)
        if scores.ties:
            raise ValueError(f"the problem has {scores.ties} ties")
        per_query = {**scores.per_query, "ranks": found[0].ranks, "starts": found[0].starts}
        return Answer(scores.mean["ap"], scores.mean["cmc@1"], per_query)

    return evaluate


def definitions() -> Evaluate:
    """Return the definitions in NumPy: similarities, and every row sorted in full, in blocks of 256 queries."""
    from benchmarks.yardsticks import by_sorting

    return lambda problem: Answer(
        float(np.mean(by_sorting((problem.asked, problem.table), (problem.query, problem.gallery))))
    )


def faiss_flat() -> Evaluate:
    """Return a flat search by inner product with k = gallery, and AP from the ranks of the right images."""
    import faiss

    def evaluate(problem: Problem) -> Answer:
        asked, table = problem.asked.copy(), problem.table.copy()
        faiss.normalize_L2(asked)
        faiss.normalize_L2(table)
        index = faiss.IndexFlatIP(table.shape[1])
        index.add(table)
        nearest = index.search(asked, len(table))[1]
        ranks = [
            np.flatnonzero(problem.gallery[row] == vehicle) + 1
            for row, vehicle in zip(nearest, problem.query, strict=True)
        ]
        values = [(np.arange(1, len(row) + 1) / row).mean() for row in ranks]
        return Answer(float(np.mean(values)), float(np.mean([row[0] == 1 for row in ranks])))

    return evaluate


def metric_learning() -> Evaluate:
    """Return pytorch-metric-learning's AccuracyCalculator, which searches with faiss by default."""
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    wanted = ("mean_average_precision", "precision_at_1")

    def evaluate(problem: Problem) -> Answer:
        asked, table = (
            torch.nn.functional.normalize(torch.from_numpy(rows)) for rows in (problem.asked, problem.table)
        )
        query, gallery = torch.from_numpy(problem.query), torch.from_numpy(problem.gallery)
        calculator = AccuracyCalculator(include=wanted, k=None, device=torch.device("cpu"))
        found = calculator.get_accuracy(asked, query, table, gallery)
        return Answer(*(found[word] for word in wanted))

    return evaluate


def torchmetrics_map() -> Evaluate:
    """Return torchmetrics' RetrievalMAP, given similarities in batches of 256 queries."""
    import torch
    from torchmetrics.retrieval import RetrievalMAP

    def evaluate(problem: Problem) -> Answer:
        asked, table = (
            torch.nn.functional.normalize(torch.from_numpy(rows)) for rows in (problem.asked, problem.table)
        )
        query, gallery = torch.from_numpy(problem.query), torch.from_numpy(problem.gallery)
        metric = RetrievalMAP()
        for first in range(0, len(query), 256):
            similarities = asked[first : first + 256] @ table.T
            number = torch.arange(first, first + len(similarities))[:, None].expand_as(similarities)
            right = query[first : first + 256, None] == gallery
            metric.update(similarities.flatten(), right.flatten(), indexes=number.flatten())
        return Answer(metric.compute().item())

    return evaluate


def ranx_map() -> Evaluate:
    """Return ranx on full rankings in its quickest form: arrays of image numbers and scores, sorted."""
    from numba.typed import List
    from ranx import evaluate as by_ranx

    def evaluate(problem: Problem) -> Answer:
        asked, table = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (problem.asked, problem.table))
        rankings = np.empty((len(asked), len(table), 2))
        for first in range(0, len(asked), 256):
            similarities = asked[first : first + 256] @ table.T
            order = np.argsort(-similarities, axis=1)
            rankings[first : first + 256, :, 0] = order
            rankings[first : first + 256, :, 1] = np.take_along_axis(similarities, order, axis=1)
        right = List()
        for vehicle in problem.query:
            own = np.flatnonzero(problem.gallery == vehicle)
            right.append(np.stack([own, np.ones_like(own)], axis=1).astype(np.float64))
        found = by_ranx(right, rankings, ["map", "hit_rate@1"])
        return Answer(float(found["map"]), float(found["hit_rate@1"]))

    return evaluate


def compiled(word: str, checkout: Path) -> Evaluate:
    """Return the compiled evaluator of a checkout of fast-reid or torchreid, given a matrix of 1 minus the cosines.

    Raises:
        ModuleNotFoundError: it has not been compiled.
    """
    sys.path.insert(0, str(checkout / PLACES[word]))
    import rank_cy
    import torch

    def evaluate(problem: Problem) -> Answer:
        asked, table = (
            torch.nn.functional.normalize(torch.from_numpy(rows)) for rows in (problem.asked, problem.table)
        )
        distances = (1 - torch.mm(asked, table.T)).numpy()
        cameras = np.zeros_like(problem.query), np.ones_like(problem.gallery)  # no image is junk
        cmc, values = rank_cy.evaluate_cy(distances, problem.query, problem.gallery, *cameras, max_rank=50)[:2]
        return Answer(float(np.mean(values, dtype=np.float64)), float(cmc[0]))

    return evaluate


PEERS: dict[str, Callable[[], Evaluate]] = {
    "kernel": kernel,
    "NumPy": definitions,
    "faiss": faiss_flat,
    "pytorch-metric-learning": metric_learning,
    "torchmetrics": torchmetrics_map,
    "ranx": ranx_map,
}


def prepared(word: str, checkout: Path | None = None) -> Evaluate:
    """Import an evaluator and return what it does; fast-reid and torchreid need a checkout.

    Raises:
        ModuleNotFoundError: it is not installed, or not compiled.
    """
    return PEERS[word]() if checkout is None else compiled(word, checkout)
