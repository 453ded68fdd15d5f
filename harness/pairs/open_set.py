"""Identification in an open set: queries whose vehicle is in the gallery, and queries whose vehicle is not.

A query without a positive is unknown: its vehicle is not in the gallery, or only in images that the rule ignores. All
others are known. At a threshold t

    FPIR(t)   the share of the unknown queries that some gallery unit reaches: its similarity is at least t
    FNIR(t)   the share of the known queries whose vehicle is not found: its most similar unit does not reach t, or is
              not more similar than every unit of another vehicle

which are the rates of NIST's evaluations at rank 1 (NISTIR 8271, section 3; ISO/IEC 19795-1). FNIR at FPIR f is the
least FNIR of all thresholds whose FPIR is at most f.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.basics.seeds import derive
from harness.data.dataset import Dataset
from harness.data.images import UNKNOWN
from harness.errors import DataError
from harness.kernel.pooled.best import Best
from harness.pairs.rates import allowed, quotient
from harness.tasks.relevance import Draw, Relevance
from harness.tasks.task import Task


@dataclass(frozen=True)
class Found:
    """What a threshold does to an open-set question.

    Attributes:
        threshold: the similarity that an answer must reach.
        missed: known queries whose vehicle is not found.
        known: all known queries.
        false: unknown queries that find somebody.
        unknown: all unknown queries.
    """

    threshold: float
    missed: int
    known: int
    false: int
    unknown: int

    @property
    def fnir(self) -> float:
        """The share of the known queries that are missed."""
        return quotient(self.missed, self.known)

    @property
    def fpir(self) -> float:
        """The share of the unknown queries that find somebody."""
        return quotient(self.false, self.unknown)


@dataclass(frozen=True, eq=False)
class OpenSet:
    """The similarities that decide an open-set question.

    Attributes:
        right: (known,) ascending, of the known queries whose right vehicle comes first; the others are not listed.
        known: the number of known queries.
        wrong: (unknown,) ascending, of each unknown query's most similar unit; minus infinity without one.
    """

    right: npt.NDArray[np.float64]
    known: int
    wrong: npt.NDArray[np.float64]

    @classmethod
    def of(cls, best: Best, asked: npt.NDArray[np.bool_], answered: npt.NDArray[np.bool_]) -> OpenSet:
        """Return the question of some queries, (q,) bool, of which some have a positive, (q,) bool."""
        known = asked & answered
        first = known & (best.right > best.wrong)
        return cls(np.sort(best.right[first]), int(known.sum()), np.sort(best.wrong[asked & ~answered]))

    def at(self, threshold: float) -> Found:
        """Return what a threshold does."""
        found = len(self.right) - int(np.searchsorted(self.right, threshold))
        false = len(self.wrong) - int(np.searchsorted(self.wrong, threshold))
        return Found(threshold, self.known - found, self.known, false, len(self.wrong))

    def within_fpir(self, word: str) -> Found:
        """Return what the lowest threshold does whose FPIR is at most the rate."""
        most = allowed(word, len(self.wrong))
        highest_refused = float(self.wrong[len(self.wrong) - 1 - most])
        return self.at(float(np.nextafter(highest_refused, np.inf)))


def without_vehicles(relevance: Relevance, task: Task, dataset: Dataset, share: float, seed: int) -> Relevance:
    """Return the relevance of a gallery without a seeded share of its vehicles; of several draws, for each.

    The vehicles depend on the seed and on the gallery's list of vehicles alone.

    Raises:
        DataError: the gallery has fewer than two vehicles.
    """
    gallery = dataset.split(task.gallery)
    vehicles = np.unique(gallery.vehicle[gallery.vehicle != UNKNOWN])
    if len(vehicles) < 2:
        raise DataError(
            "no vehicle can be left out of the gallery",
            where=f"{task.name} in {dataset.root}",
            found=f"{len(vehicles)} vehicles",
            expected="at least two",
        )
    count = min(max(round(len(vehicles) * share), 1), len(vehicles) - 1)
    chosen = np.random.default_rng(derive(seed, "open set")).choice(vehicles, count, replace=False)
    out = np.isin(gallery.vehicle, chosen)
    kept = np.ones(relevance.units, dtype=np.bool_)
    kept[np.flatnonzero(out) if relevance.unit_of is None else relevance.unit_of[out]] = False
    draws = relevance.draws or (Draw(np.arange(relevance.queries), np.arange(relevance.units)),)
    return replace(relevance, draws=tuple(replace(draw, units=draw.units[kept[draw.units]]) for draw in draws))


def asked_and_answered(relevance: Relevance) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which queries are asked and which of all have a positive, (q,) bool each; of draws, in the first."""
    asked = np.ones(relevance.queries, dtype=np.bool_)
    valid = np.ones(relevance.units, dtype=np.bool_)
    if relevance.draws:
        asked[:] = valid[:] = False
        asked[relevance.draws[0].queries] = True
        valid[relevance.draws[0].units] = True
    answered = np.zeros(relevance.queries, dtype=np.bool_)
    rows = np.repeat(np.arange(relevance.queries), relevance.positives.sizes)
    answered[rows[valid[relevance.positives.units]]] = True
    return asked, answered
