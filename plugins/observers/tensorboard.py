"""The observer ``tensorboard``: an event file in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.basics.extras import require
from harness.registry.hookspecs import hookimpl
from plugins.observers.rows import losses_and_scores, results

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from harness.registry.observed import ObservedRun
    from harness.scoring.record import Record


class TensorBoard:
    """Writes ``tensorboard/`` in the run's folder; ``tensorboard --logdir runs`` shows all runs."""

    about = "an event file for TensorBoard in the run's folder"

    def __init__(self) -> None:
        require("tensorboard", by="observer 'tensorboard'", extra="tensorboard")
        self.writer: SummaryWriter

    @hookimpl
    def bench_started(self, run: ObservedRun) -> None:
        """Open the event file and write the options."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(run.folder / "tensorboard")
        settings = {"method": run.name, "protocol": run.protocol, "recipe": run.recipe, "seed": run.seed}
        self.writer.add_text("run", _block(settings))
        self.writer.add_text("options", _block(run.options))

    @hookimpl
    def bench_epoch(self, number: int, row: Mapping[str, Any]) -> None:
        """Write an epoch's losses and validation scores."""
        for name, value in losses_and_scores(row).items():
            self.writer.add_scalar(name, value, number)
        self.writer.flush()

    @hookimpl
    def bench_scored(self, records: Sequence[Record]) -> None:
        """Write each task's measures and its record."""
        for record in records:
            for name, value in results(record).items():
                self.writer.add_scalar(name, value)
            self.writer.add_text(f"record/{record.name}", _block(record.values))

    @hookimpl
    def bench_finished(self) -> None:
        """Close the event file."""
        self.writer.close()

    @hookimpl
    def bench_failed(self) -> None:
        """Close the event file."""
        self.writer.close()


def _block(values: Mapping[str, Any]) -> str:
    """Return values as a block of code, so that no character of theirs is markup."""
    return "".join(f"    {line}\n" for line in json.dumps(dict(values), indent=2, sort_keys=True).splitlines())
