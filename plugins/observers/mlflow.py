"""The observer ``mlflow``: an MLflow run, in a local folder unless the user names a server."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.basics.extras import require
from harness.registry.hookspecs import hookimpl
from plugins.observers.rows import losses_and_scores, results

if TYPE_CHECKING:
    from harness.registry.observed import ObservedRun
    from harness.scoring.record import Record

LONGEST = 500
"""The longest value of a parameter that every version of MLflow takes, in characters."""


class MLflow:
    """Writes an MLflow run into ``mlruns/`` beside the run folders, in an experiment named after the protocol.

    Nothing is sent unless the environment names a server (``MLFLOW_TRACKING_URI``).
    """

    about = "an MLflow run, in a local folder unless MLFLOW_TRACKING_URI names a server"

    def __init__(self) -> None:
        require("mlflow", by="observer 'mlflow'", extra="mlflow")
        self.client: Any = None
        self.id = ""

    @hookimpl
    def bench_started(self, run: ObservedRun) -> None:
        """Open a run with the options as its parameters."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it reports its use over the network otherwise
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder needs no further package; a database does
        from mlflow import MlflowClient

        given = os.environ.get("MLFLOW_TRACKING_URI")
        self.client = MlflowClient(given or (run.folder.parent / "mlruns").resolve().as_uri())
        experiment = self.client.get_experiment_by_name(run.protocol)
        number = experiment.experiment_id if experiment else self.client.create_experiment(run.protocol)
        opened = self.client.create_run(number, run_name=run.name, tags={"folder": run.folder.name})
        self.id = opened.info.run_id
        settings = {"method": run.method, "variant": run.variant, "recipe": run.recipe, "train_on": run.train_on}
        about = {**settings, "seed": run.seed, **{f"option.{name}": value for name, value in run.options.items()}}
        for name, value in about.items():
            self.client.log_param(self.id, name, str(value)[:LONGEST])

    @hookimpl
    def bench_epoch(self, number: int, row: Mapping[str, Any]) -> None:
        """Log an epoch's losses and validation scores."""
        self._log(losses_and_scores(row), number)

    @hookimpl
    def bench_scored(self, records: Sequence[Record]) -> None:
        """Log each task's measures, and its record as an artefact."""
        from harness.scoring.record import record_text

        for record in records:
            self._log(results(record), 0)
            self.client.log_text(self.id, record_text(record), f"records/{record.name.replace('/', '-')}.json")

    @hookimpl
    def bench_finished(self) -> None:
        """Close the run."""
        self.client.set_terminated(self.id)

    @hookimpl
    def bench_failed(self, error: BaseException) -> None:
        """Close the run as failed, or as killed if the user interrupted it."""
        self.client.set_terminated(self.id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def _log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():  # MLflow refuses an @ in a name
            self.client.log_metric(self.id, re.sub(r"[^\w/. -]", "_", name), value, step=step)
