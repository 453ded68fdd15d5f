"""Random problems with ties: every measure of verification and of open sets against the literal reference.

Each problem's features are counted by the kernel, in all ways and by two processes, and its measures are held against a
list of all its pairs, and against scikit-learn if that is installed.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from harness.compute.machine import Machine
from harness.kernel.pooled.best import best_answers
from harness.kernel.pooled.counting import count_pairs
from harness.kernel.settings import Settings, Tuning
from harness.pairs.measuring import undecided
from harness.pairs.open_set import OpenSet, asked_and_answered
from harness.pairs.verification import best_f1, equal_error, operation_at, pr_area, roc_area, within_far
from harness.tasks.relevance import Relevance
from tests.harness.kernel.pooled.pools import pooled
from tests.harness.kernel.teams import in_threads
from tests.harness.pairs import reference
from tests.strategies import Problem, row_lists

METRICS = ("cosine", "euclidean")
RATES = ("0.5", "0.1", "0.01")
KINDS = ("normal", "integers", "copies", "constant", "tracks", "means")
LEARNED = 10
"""Every such problem is also given to scikit-learn, which is slow."""
SPLIT = 20
"""Every such problem is also counted by two processes."""


def features(kind, rows, rng):
    """Return (rows, width) float32; most kinds tie often."""
    width = int(rng.choice([1, 2, 3, 8, 33]))
    table = rng.standard_normal((rows, width))
    if kind == "integers":
        table = rng.integers(-1, 2, (rows, width))
    elif kind == "copies":
        table = table[rng.integers(0, max(rows // 3, 1), rows)]
    elif kind == "constant":
        table[:] = 0.7
    elif kind in {"tracks", "means"}:
        table = rng.integers(0, 3, (rows, width))
    return table.astype(np.float32)


def random_problem(kind, rng):
    """Return a problem with a positive, a negative and a query without a positive."""
    queries, units = int(rng.integers(2, 7)), int(rng.integers(3, 13))
    roles = rng.choice(["positive", "ignored", "negative"], (queries, units), p=[0.25, 0.1, 0.65])
    roles[0, :2] = "positive", "negative"
    roles[1, roles[1] == "positive"] = "negative"
    unit_of = None
    if kind in {"tracks", "means"}:
        unit_of = rng.permutation(np.concatenate([np.arange(units), rng.integers(0, units, 6)]))
    relevance = Relevance(
        queries=queries,
        units=units,
        positives=row_lists([np.flatnonzero(row == "positive").tolist() for row in roles]),
        ignored=row_lists([np.flatnonzero(row == "ignored").tolist() for row in roles]),
        unit_of=unit_of,
        reduce="mean feature" if kind == "means" else "maximum",
    )
    table = features(kind, queries + (units if unit_of is None else len(unit_of)), rng)
    return Problem(table[:queries], table[queries:], relevance)


def measured(counts, threshold=None):
    """Return every measure that needs no areas, by its name."""
    found = {f"tar@far={rate}": one.tar if (one := within_far(counts, rate)) else 0.0 for rate in RATES}
    found |= {"eer": equal_error(counts)[0], "f1": best_f1(counts).f1}
    if threshold is not None:
        one = operation_at(counts, threshold)
        found |= {"tar": one.tar, "far": one.far, "tnr": one.tnr, "f1 at": one.f1}
    return found


def expected(positives, negatives, threshold):
    """Return the same measures literally."""
    found = {f"tar@far={rate}": float(reference.tar_at_far(positives, negatives, rate)) for rate in RATES}
    tar, far = reference.rates_at(threshold, positives, negatives)
    return {
        **found,
        "eer": float(reference.equal_error(positives, negatives)),
        "f1": float(reference.best_f1(positives, negatives)),
        "tar": float(tar),
        "far": float(far),
        "tnr": float(1 - far),
        "f1 at": float(reference.f1_at(threshold, positives, negatives)),
    }


def open_set(problem, own, rows):
    """Return FNIR at each FPIR, by the kernel and literally."""
    best = best_answers(problem.queries, problem.gallery, problem.relevance, own)
    question = OpenSet.of(best, *asked_and_answered(problem.relevance))
    known, unknown = [row for row in rows if row[0]], [wrong for right, wrong in rows if not right]
    literal = {rate: float(reference.fnir_at_fpir(known, unknown, rate)) for rate in RATES}
    return {rate: question.within_fpir(rate).fnir for rate in RATES}, literal


def faults_of(problem, metric, number, rng):
    """Return a sentence for each measure of a problem that is wrong."""
    tables = problem.queries, problem.gallery, problem.relevance
    own = Settings(metric, tuning=Tuning(block=int(rng.integers(1, 9)), threads=1))
    rows = pooled(problem, metric)
    positives, negatives = ([one for row in rows for one in row[side]] for side in (0, 1))
    threshold = float(rng.choice([*positives, *negatives, 0.1]))
    counts = count_pairs(*tables, settings=own, thresholds=[threshold])
    quick = count_pairs(*tables, settings=own, thresholds=[threshold], undecided=undecided(RATES, [threshold]))
    literal = expected(positives, negatives, threshold)
    found = {"exact": measured(counts, threshold), "quick": measured(quick, threshold)}
    faults = [f"{how}: {one} is not {literal}" for how, one in found.items() if one != literal]
    areas = roc_area(counts), pr_area(counts)
    if areas[0] != float(reference.roc_area(positives, negatives)):
        faults.append(f"the area under ROC is {areas[0]}")
    if abs(areas[1] - float(reference.pr_area(positives, negatives))) > 1e-14:
        faults.append(f"the area under precision-recall is {areas[1]}")
    mine, literally = open_set(problem, own, rows)
    if mine != literally:
        faults.append(f"FNIR: {mine} is not {literally}")
    if number % LEARNED == 0 and importlib.util.find_spec("sklearn"):
        from sklearn import metrics

        said = [1] * len(positives) + [0] * len(negatives), [*positives, *negatives]
        theirs = metrics.roc_auc_score(*said), metrics.average_precision_score(*said)
        if not np.allclose(areas, theirs, rtol=0, atol=1e-12):
            faults.append(f"scikit-learn's areas: {areas} is not {theirs}")
    if number % SPLIT == 0:
        answers = in_threads(2, lambda team: count_pairs(*tables, settings=Settings(metric, Machine(team=team))))
        alone = count_pairs(*tables, settings=own)
        if not all(np.array_equal(one.above, alone.above) and np.array_equal(one.tied, alone.tied) for one in answers):
            faults.append("two processes count otherwise")
    return faults


def campaign(seed, count):
    """Return the number of tied pairs and a sentence for each fault of ``count`` problems."""
    ties, faults = 0, []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kind, metric = KINDS[number % len(KINDS)], METRICS[number // len(KINDS) % 2]
        problem = random_problem(kind, rng)
        found = faults_of(problem, metric, number, rng)
        faults += [f"problem {number}, {kind}, {metric}: {fault}" for fault in found]
        rows = pooled(problem, metric)
        ties += len({one for right, _ in rows for one in right} & {one for _, wrong in rows for one in wrong})
    return ties, faults
