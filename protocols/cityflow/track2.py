"""``track2.txt``, the file that the AI City Challenge asks for: the nearest test images of each query, by number."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.basics.files import replace_file
from harness.data.dataset import Dataset
from harness.data.images import IntArray
from harness.data.lists import Problems, misfit, quote, read_lines
from harness.errors import DataError
from harness.features import FeatureFile
from harness.features.metric import Metric
from harness.kernel.neighbours import NOBODY
from harness.kernel.ranking import nearest_units
from harness.kernel.settings import Settings
from harness.measures.family import FloatArray
from harness.tasks.relevance import Relevance
from harness.tasks.rules import relevance
from harness.tasks.task import Task

LENGTH = 100
"""Test images in the line of a query."""

LINE = re.compile(r"[0-9]{1,9}(?:[ \t]+[0-9]{1,9})*")
EXAMPLE = "17 4021 388 ..."


def write_track2(path: Path, file: FeatureFile, task: Task, dataset: Dataset, metric: Metric) -> int:
    """Write the ``LENGTH`` nearest images of each query, counted from 1 in the order of their names.

    The queries are in the order of their names, too, one a line. Images that the task ignores are left out.

    Returns:
        The number of lines.

    Raises:
        DataError: the copy lacks the lists.
        FeatureError: an image has no feature.
    """
    query, gallery = dataset.split(task.query), dataset.split(task.gallery)
    order = sorted(range(len(query)), key=query.paths.__getitem__)
    place = np.empty(len(gallery), dtype=np.int64)
    place[sorted(range(len(gallery)), key=gallery.paths.__getitem__)] = np.arange(1, len(gallery) + 1)
    # Without labels, nobody knows whom the task ignores.
    asked = Relevance.unlabelled(len(query), len(gallery)) if task.withheld else relevance(task, dataset)
    length = min(LENGTH, len(gallery))
    if not length:
        raise DataError("the gallery is empty", where=dataset.root)
    found = nearest_units(file.rows(query.paths), file.rows(gallery.paths), asked, Settings(metric, nearest=length))
    with replace_file(path) as out:
        for row in order:
            units = found.units[row]
            out.write(" ".join(map(str, place[units[units != NOBODY]])) + "\n")
    return len(order)


def read_track2(path: Path, task: Task, dataset: Dataset) -> list[IntArray]:
    """Return for each query, in the order of its table, the rows of the gallery that its line names.

    Raises:
        DataError: the file is missing, has another number of lines than there are queries, or a line has a word that is
            no number, a number of no image, a number twice, or more than ``LENGTH``.
    """
    query, gallery = dataset.split(task.query), dataset.split(task.gallery)
    problems = Problems(path.parent, "the answers", "write the file with 'bench track2 write'")
    lines = [(number, text) for number, text in enumerate(read_lines(path, "file of answers"), 1) if text]
    if len(lines) != len(query):
        raise DataError(
            "the file does not answer the task's queries", where=path, found=f"{len(lines)} lines", expected=len(query)
        )
    row_of = np.array(sorted(range(len(gallery)), key=gallery.paths.__getitem__), dtype=np.int64)
    answers = [np.zeros(0, dtype=np.int64)] * len(query)
    order = sorted(range(len(query)), key=query.paths.__getitem__)
    for (number, text), row in zip(lines, order, strict=True):
        if not LINE.fullmatch(text):
            problems.add(path, number, misfit(text, EXAMPLE))
            continue
        named = np.array(text.split(), dtype=np.int64)
        if len(named) > LENGTH:
            problems.add(path, number, f"{len(named)} images, where at most {LENGTH} are asked for")
        elif len(np.unique(named)) < len(named):
            problems.add(path, number, f"{quote(text)} names an image twice")
        elif named.min() < 1 or named.max() > len(gallery):
            problems.add(path, number, f"{quote(text)} names an image outside of 1 to {len(gallery)}")
        else:
            answers[row] = row_of[named - 1]
    problems.check()
    return answers


def score_track2(answers: list[IntArray], task: Task, dataset: Dataset) -> FloatArray:
    """Return AP@100 of each query, (q,) float64, NaN for a query without a positive.

    Ignored images are taken out of a line before its places are counted. The value is the measure ``ap_top@100`` of the
    lists: the summed precision at the right ones, over the number of right ones, at most 100.

    Raises:
        DataError: the copy lacks labels that the task's rule needs.
    """
    rule = relevance(task, dataset)
    values = np.full(len(answers), np.nan)
    for query, units in enumerate(answers):
        positives = rule.positives.of(query)
        if not len(positives):
            continue
        kept = units[~np.isin(units, rule.ignored.of(query))]
        hits: npt.NDArray[np.intp] = np.flatnonzero(np.isin(kept, positives)) + 1
        precision = np.arange(1, len(hits) + 1) / hits
        values[query] = precision.sum() / min(len(positives), LENGTH)
    return values
