"""What an extraction costs, measured for several runs in one session, in turns.

The cost in a record was measured whenever the run was made, beside whatever else the machine did. Only costs of one
session, on a machine that did nothing else, can be compared, and only these are drawn.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.basics.digests import canonical_json, digest
from harness.basics.files import replace_file
from harness.basics.plain_json import read_json
from harness.basics.reading import read_whole
from harness.errors import RecordError, UsageError, wanted
from harness.registry.registry import Registry
from harness.scoring.record import Record, read_record

SCHEMA = 1
MAX_BYTES = 4 << 20
SHIPPED = Path(__file__).parent / "costs.json"
"""The session that comes with the package."""

Speed = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class CostSession(BaseModel):
    """The speeds of some runs, measured in turns.

    Attributes:
        device: the kind and model of the device.
        threads: the number of threads that torch computed with.
        images: the number of images embedded in each round.
        quiet: whether the machine was idle before every extraction.
        speeds: images per second of each round, by the digest of the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Annotated[str, Field(max_length=200)]
    threads: Annotated[int, Field(ge=1)]
    images: Annotated[int, Field(ge=1)]
    quiet: bool
    speeds: dict[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], tuple[Speed, ...]]

    def speed_of(self, records: Sequence[Record]) -> float | None:
        """Return the images per second of the first of a row's runs that was measured, the median of its rounds."""
        found = next((self.speeds[record.run] for record in records if self.speeds.get(record.run)), None)
        return None if found is None else median(found)


@dataclass(frozen=True)
class MeasuredRun:
    """A run whose extraction can be repeated: its records, and its checkpoint unless its method has none."""

    records: tuple[Record, ...]
    checkpoint: Path | None


def find_runs(folders: Sequence[Path]) -> list[MeasuredRun]:
    """Return the runs in some folders, as ``bench run`` left them.

    Raises:
        UsageError: a folder has no record, or records of several features.
    """
    from harness.methods.checkpoint import CHECKPOINT

    found = []
    for folder in folders:
        records = tuple(read_record(path) for path in sorted(folder.rglob("record-*.json")))
        if len({record.features for record in records}) != 1:
            raise UsageError(
                "the folder is not one run" if records else "the folder has no record",
                where=folder,
                found=f"records of {len({record.features for record in records})} feature files",
                expected="a folder printed by 'bench run'",
            )
        checkpoint = folder / CHECKPOINT
        found.append(MeasuredRun(records, checkpoint if checkpoint.is_file() else None))
    return found


def measure(
    runs: Sequence[MeasuredRun], registry: Registry, *, rounds: int, roots: Mapping[str, Path] | None = None
) -> CostSession:
    """Extract the features of all runs again, in turns, into a folder that is then removed.

    Args:
        runs: the runs.
        registry: the registry with their methods and protocols.
        rounds: how often each run is measured.
        roots: the folders of data sets by protocol.

    Raises:
        UsageError: the runs embed different images.
        BenchError: a run cannot be repeated.
    """
    import torch

    from harness.compute.threads import idle_processors

    quiet, speeds = True, dict[str, list[float]]()
    devices, images = set[str](), set[int]()
    for _ in range(rounds):
        for run in runs:
            quiet = quiet and idle_processors() >= torch.get_num_threads()
            seconds, count, device = _extracted(run, registry, roots or {})
            devices.add(device)
            images.add(count)
            for record in run.records:
                speeds.setdefault(record.run, []).append(count / seconds)
    if len(images) > 1:
        raise UsageError(
            "the runs embed different images, and their speeds cannot be compared",
            found=f"{' and '.join(map(str, sorted(images)))} images",
            expected="runs evaluated on one data set",
        )
    return CostSession(
        device=", ".join(sorted(devices)),
        threads=torch.get_num_threads(),
        images=max(images),
        quiet=quiet,
        speeds={run: tuple(found) for run, found in sorted(speeds.items())},
    )


def _extracted(run: MeasuredRun, registry: Registry, roots: Mapping[str, Path]) -> tuple[float, int, str]:
    """Extract the features of a run, and return the seconds, the number of images and the device."""
    from harness.compute.compute import Compute
    from harness.features import FeatureFile
    from harness.runs.plan import plan_run
    from harness.runs.request import Request
    from harness.runs.run import Run
    from harness.scoring.cost import read_cost

    first = run.records[0]
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            method="/".join(filter(None, (first.method, first.variant))),
            protocol=first.protocol,
            data=roots.get(first.protocol),
            recipe=first.recipe or None,
            changes=dict(first.changes),
            checkpoint=run.checkpoint,
            seed=first.seed or 0,
            runs=Path(folder),
            compute=Compute(precision=(first.precision or "32-true").partition(",")[0]),
        )
        path = Run(plan_run(request, registry)).extract()
        with FeatureFile.open(path) as file:
            cost = read_cost(file)
        if cost is None:
            raise RecordError("the extraction was not timed", where=path)
        return cost.seconds, cost.images, cost.device


def write_session(path: Path, session: CostSession) -> None:
    """Write a session with its digest, atomically, or raise a RunError."""
    content = session.model_dump(mode="json")
    with replace_file(path) as file:
        file.write(canonical_json({"schema": SCHEMA, "digest": digest(content), **content}) + "\n")


def read_session(path: Path) -> CostSession:
    """Read a session.

    Raises:
        RecordError: the file is missing, is no session, or was changed after it was written.
    """
    try:
        content: dict[str, Any] = read_json(
            read_whole(path, MAX_BYTES, "the file of costs", error=RecordError).decode()
        )
        number, stored = content.pop("schema"), content.pop("digest")
        if number != SCHEMA or digest(content) != stored:
            raise ValueError("it was changed after it was written, or has another schema")
        return CostSession.model_validate_json(json.dumps(content), strict=True)
    except (ValueError, KeyError, AttributeError, TypeError) as problem:
        text = wanted(problem.errors()[0]) if isinstance(problem, ValidationError) else str(problem).partition("\n")[0]
        raise RecordError(
            "the file of costs cannot be used", where=path, found=text, expected="a file written by 'bench cost'"
        ) from None


def session_rows(session: CostSession, runs: Sequence[MeasuredRun]) -> Iterator[dict[str, object]]:
    """Yield the name of each run with its speed: the median and the extremes of its rounds."""
    for run in runs:
        found = session.speeds[run.records[0].run]
        yield {
            "method": run.records[0].method_name,
            "seed": run.records[0].seed,
            "images/s": round(median(found), 1),
            "slowest": round(min(found), 1),
            "fastest": round(max(found), 1),
        }
