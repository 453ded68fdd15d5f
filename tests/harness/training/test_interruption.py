"""A run whose process is killed during training resumes and ends with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.compute.compute import Compute
from harness.training.prepare import TrainingRequest, prepare
from tests.tiny import Tiny, tiny, tiny_dataset

ROOT = Path(__file__).parents[3]
STEPS = 6
"""48 images in batches of 8."""


class Killed(Tiny):
    """Sends its own process a signal in the middle of an epoch."""

    signal = 0
    at = 0

    def losses(self, *arguments: Any) -> Mapping[str, Tensor]:
        self.at -= 1
        if self.at == 0:
            os.kill(os.getpid(), self.signal)
        return super().losses(*arguments)


def fit(folder: Path, number: int = 0, at: int = 0) -> dict[str, Tensor]:
    method = tiny(Killed)
    method.signal, method.at = number, at
    data = tiny_dataset(folder / "data")
    method.fit(
        prepare(
            data,
            TrainingRequest(seed=4, folder=folder / "run", compute=Compute(device="cpu"), validate="none"),
            needs=method.needs,
            input_size=method.input_size,
        )
    )
    return method.state()


@pytest.mark.skipif(os.name != "posix", reason="other systems have other signals")
@pytest.mark.parametrize(
    ("name", "at", "finished"), [("SIGKILL", 3 * STEPS + 4, (1, 1)), ("SIGINT", STEPS + 3, (0, 1))]
)
@pytest.mark.usefixtures("drawn")
def test_a_killed_training_resumes_and_ends_with_the_same_bits(
    tmp_path: Path, name: str, at: int, finished: tuple[int, int]
):
    number = signal.Signals[name]
    expected = fit(tmp_path / "whole")
    program = (
        "import sys; from pathlib import Path; from tests.harness.training.test_interruption import fit;"
        "fit(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
    )
    command = [sys.executable, "-c", program, tmp_path / "cut", str(int(number)), str(at)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # as many as this process has
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=120)  # noqa: S603
    assert done.returncode in {-number, 1}, done.stderr.decode()
    left = torch.load(tmp_path / "cut/run/state.pt", weights_only=True)
    assert (left["stage"], left["epoch"]) == finished
    resumed = fit(tmp_path / "cut")
    assert all(torch.equal(resumed[name], tensor) for name, tensor in expected.items())
    for file in ("validation.csv", "validation.png"):
        assert (tmp_path / "cut/run" / file).read_bytes() == (tmp_path / "whole/run" / file).read_bytes()
    assert not list((tmp_path / "cut/run").glob(".*.part"))
