"""Two processes train and extract with the same results as one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.compute.compute import Compute
from harness.errors import UsageError
from harness.extraction.extract import FeatureOutput, extract
from harness.features import FeatureFile, Provenance
from harness.methods.batches import PK
from harness.methods.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from harness.training.prepare import TrainingRequest, prepare
from harness.training.stage import check_batches
from tests.harness.training.fits import TwoOptimisers
from tests.tiny import Tiny, tiny, tiny_dataset

ROOT = Path(__file__).parents[3]


class Spanning(TwoOptimisers):
    """A method whose loss compares all pairs of images in the batch, and whose SGD sees the scale of a gradient."""

    def losses(self, outputs: Mapping[str, Tensor], *others: Any) -> Mapping[str, Tensor]:
        logits = outputs["logits"]
        apart = (logits[:, None] - logits[None]).square().sum(-1)
        return {**super().losses(outputs, *others), "spread": -torch.log(1 + apart).mean()}


def work(folder: Path, devices: int = 1) -> None:
    """Train and extract in ``folder``, without batch norm and dropout, which each process computes separately."""
    compute = Compute(device="cpu", devices=devices)
    method = tiny(Spanning, norm=False, dropout=0.0)
    data = tiny_dataset(folder / f"data{os.environ.get('LOCAL_RANK', '0')}")
    request = TrainingRequest(seed=0, folder=folder / "run", compute=compute, validate="test")
    method.fit(prepare(data, request, needs=method.needs, input_size=method.input_size))
    output = FeatureOutput(folder / "f.h5", Provenance(dataset="tiny", method="spanning"))
    out = extract(method, data, list(data.splits.values()), output, compute=replace(compute, batch=7))
    if out.exists() and os.environ.get("LOCAL_RANK", "0") == "0":
        save_checkpoint(folder / "network", method.state(), CheckpointInfo(method="spanning"))


def in_two_processes(folder: Path, *, torchrun: bool) -> None:
    program = folder / "program.py"
    program.write_text(
        "import sys; from pathlib import Path; from tests.harness.training.test_processes import work\n"
        "work(Path(sys.argv[1]), 2)\n"
    )
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"] if torchrun else []
    command = [sys.executable, *launcher, program, folder]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=150)  # noqa: S603
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
@pytest.mark.parametrize("torchrun", [True, False])
def test_two_processes_train_and_extract_as_one(tmp_path: Path, torchrun: bool):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    work(tmp_path / "one")
    in_two_processes(tmp_path / "two", torchrun=torchrun)
    one, two = (load_checkpoint(tmp_path / name / "network")[0] for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-5)
    with FeatureFile.open(tmp_path / "one/f.h5") as first, FeatureFile.open(tmp_path / "two/f.h5") as second:
        assert first.keys == second.keys
        np.testing.assert_allclose(second.read(), first.read(), rtol=1e-4, atol=1e-5)
    tables = [(tmp_path / name / "run/validation.csv").read_text().splitlines() for name in ("one", "two")]
    for left, right in zip(*(table[1:] for table in tables), strict=True):
        numbers = [[float(number) for number in line.split(",")[2:]] for line in (left, right)]
        np.testing.assert_allclose(*numbers, rtol=1e-3)


def test_a_batch_that_the_processes_cannot_share_is_refused():
    labels = {"vehicle": np.arange(40) % 10}
    stage = Tiny.stage(tiny(), 1, 1)
    check_batches(stage, labels, 2)
    with pytest.raises(UsageError, match="a batch of 8 images cannot be shared evenly by 3 processes"):
        check_batches(stage, labels, 3)
    assert stage.batches == PK(4, 2)
