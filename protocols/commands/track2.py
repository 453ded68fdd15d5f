"""The verb ``bench track2``: the AI City Challenge's file of answers, written from features and scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli import options as shared
from harness.cli.grouped import DATA, OUTPUT, GroupedGroup, option
from harness.cli.output import show

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.features.metric import Metric
    from harness.tasks.task import Task

NAME = "cityflow"


@click.group(cls=GroupedGroup, section="Get a number")
def track2() -> None:
    """Write or score answers to the AI City Challenge.

    A file has one line a query, in the order of the names: the numbers of the 100 nearest test images, from 1 in the
    order of their names.

    \b
    Examples:
      bench track2 write runs/RUN/FOLDER/features.h5 --data CityFlowV2-ReID --out track2.txt
      bench track2 score track2.txt --task public --data CityFlowV2-ReID
    """


@track2.command("write")
@click.argument("features", type=shared.FILE, help="Feature file of the task's images.")
@option("--task", default="test", group=DATA, help="Task of cityflow whose queries are answered.")
@shared.data
@shared.metric
@option("--out", default="track2.txt", type=shared.FILE, group=OUTPUT, help="File to write.")
@shared.force
@shared.as_json
def write(
    *, features: Path, task: str, data: Path | None, metric: Metric | None, out: Path, force: bool, json_wanted: bool
) -> None:
    """Write the nearest images of each query.

    \b
    Examples:
      bench extract --method strong-baseline --protocol cityflow/test --data CityFlowV2-ReID
      bench track2 write runs/RUN/FOLDER/features.h5 --data CityFlowV2-ReID
    """
    from harness.basics.files import refuse_existing
    from harness.features import FeatureFile
    from harness.scoring.evaluation import metric_of
    from harness.scoring.settings import ScoringSettings
    from protocols.cityflow.track2 import LENGTH, write_track2

    refuse_existing(out, force=force)
    asked, dataset = _opened(task, data)
    with FeatureFile.open(features) as file:
        lines = write_track2(out, file, asked, dataset, metric_of(ScoringSettings(metric=metric), file))
    answer = {"out": str(out), "queries": lines, "images": LENGTH}
    show(answer, json_wanted=json_wanted, text=lambda: f"{out}: the nearest images of {lines:,} queries")


@track2.command("score")
@click.argument("file", type=shared.FILE, help="File of answers.")
@option("--task", default="public", group=DATA, help="Task of cityflow whose queries it answers.")
@shared.data
@shared.as_json
def score(*, file: Path, task: str, data: Path | None, json_wanted: bool) -> None:
    """Score a file of answers where labels are public.

    The number is mAP@100: the precision at the right images among the 100, over the number of right ones, at most 100.
    Images that the task ignores are taken out first.

    \b
    Example:
      bench track2 score track2.txt --task public --data CityFlowV2-ReID
    """
    import numpy as np

    from harness.errors import DataError
    from harness.scoring.scores import exact_mean
    from protocols.cityflow.track2 import read_track2, score_track2

    asked, dataset = _opened(task, data)
    if asked.name in dataset.unavailable:
        raise dataset.unavailable[asked.name]
    values = score_track2(read_track2(file, asked, dataset), asked, dataset)
    answered = int((~np.isnan(values)).sum())
    if not answered:
        raise DataError(
            "no query of the task has a right answer",
            where=dataset.root,
            expected="at least one",
            next_step="check the data set with 'bench data check cityflow'",
        )
    mean = exact_mean(values)
    answer = {"file": str(file), "task": f"{NAME}/{asked.name}", "queries": answered, "ap_top@100": mean}
    show(answer, json_wanted=json_wanted, text=lambda: f"mAP@100 {100 * mean:.2f} over {answered:,} queries")


def _opened(word: str, data: Path | None) -> tuple[Task, Dataset]:
    """Return a task of CityFlow and the data set."""
    from harness.tasks.opening import open_dataset
    from protocols.cityflow import CityFlow

    protocol = CityFlow()
    task = protocol.select(word)[0]
    return task, open_dataset(protocol, data, [task])
