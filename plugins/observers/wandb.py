"""The observer ``wandb``: Weights & Biases, offline unless the user asks for more."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.basics.extras import require
from harness.registry.hookspecs import hookimpl
from plugins.observers.rows import losses_and_scores, results

if TYPE_CHECKING:
    from harness.registry.observed import ObservedRun
    from harness.scoring.record import Record

PROJECT = "vehicle-reid-bench"
LONGEST_NAME = 128
"""The longest name of an artefact, in characters."""


class WeightsAndBiases:
    """Writes a run of Weights & Biases into ``wandb/`` beside the run folders; ``wandb sync`` uploads it later.

    Nothing is sent unless the environment says ``WANDB_MODE=online``. All other variables of Weights & Biases
    (``WANDB_PROJECT``, ``WANDB_DIR``, ...) hold as usual.
    """

    about = "a run of Weights & Biases, offline unless WANDB_MODE=online"

    def __init__(self) -> None:
        require("wandb", by="observer 'wandb'", extra="wandb")
        self.run: Any = None

    @hookimpl
    def bench_started(self, run: ObservedRun) -> None:
        """Open a run with the options as its configuration."""
        os.environ.setdefault("WANDB_MODE", "offline")
        if os.environ["WANDB_MODE"] != "online":
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else it reports its own errors over the network
        import wandb

        runs = run.folder.parent
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=f"{run.name}, {run.protocol}, seed {run.seed}",
            dir=os.environ.get("WANDB_DIR", runs),
            config={
                "method": run.method,
                "variant": run.variant,
                "recipe": run.recipe,
                "protocol": run.protocol,
                "train_on": run.train_on,
                "seed": run.seed,
                "folder": run.folder.name,
                "options": dict(run.options),
            },
            settings=wandb.Settings(console="off", save_code=False, disable_git=True),
        )

    @hookimpl
    def bench_epoch(self, number: int, row: Mapping[str, Any]) -> None:
        """Log an epoch's losses and validation scores."""
        self.run.log(losses_and_scores(row), step=number)

    @hookimpl
    def bench_scored(self, run: ObservedRun, records: Sequence[Record]) -> None:
        """Write each task's measures into the summary, and its record as an artefact."""
        import wandb

        from harness.scoring.record import record_text

        artefact = wandb.Artifact(f"records-{run.folder.name}"[:LONGEST_NAME], type="record")
        for record in records:
            self.run.summary.update(results(record))
            with artefact.new_file(f"{record.name.replace('/', '-')}.json", encoding="utf-8") as file:
                file.write(record_text(record))
        self.run.log_artifact(artefact)

    @hookimpl
    def bench_finished(self) -> None:
        """Close the run."""
        self.run.finish()

    @hookimpl
    def bench_failed(self) -> None:
        """Close the run as failed."""
        self.run.finish(exit_code=1)
