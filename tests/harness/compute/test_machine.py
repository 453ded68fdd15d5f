"""What ranks an evaluation: words for a device, processes that torchrun started, and each one's part of a file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import harness
from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.compute.machine import Machine, open_machine, team_before, under_torchrun
from harness.compute.team import Alone
from harness.errors import UsageError
from harness.features import FeatureFile
from harness.features.layout import BLOCK
from harness.registry.registry import load
from harness.scoring.evaluation import score
from harness.scoring.recording import record_tasks
from harness.scoring.settings import ScoringSettings
from tests.harness.kernel.teams import in_threads

BLOCKS = 8


class Watched(FeatureFile):
    """A feature file that knows which of its blocks were read."""

    def _read(self, start, stop):
        self.blocks = getattr(self, "blocks", set()) | set(range(start // BLOCK, -(-stop // BLOCK)))
        return super()._read(start, stop)


class Plain(harness.Protocol):
    """One block of queries, seven of gallery."""

    name = "plain"
    tasks = (harness.Task("image-to-image", harness.Rule(), measures=("ap", "cmc@1")),)

    def load(self, root):
        rows = np.arange(BLOCKS * BLOCK)
        paths = tuple(f"{row}.jpg" for row in rows)
        whole = harness.ImageTable(paths, rows % 50)
        return harness.Dataset(Path(root), {"query": whole.take(rows < BLOCK), "gallery": whole.take(rows >= BLOCK)})


@pytest.fixture
def features(tmp_path):
    keys = [f"{row}.jpg" for row in range(BLOCKS * BLOCK)]
    table = np.random.default_rng(1).standard_normal((len(keys), 8)).astype(np.float32)
    return harness.write_features(tmp_path / "f.h5", keys, table, dataset="plain", method="mine")


def test_each_process_reads_the_queries_and_its_shard_of_the_file(features, tmp_path):
    data = Plain().load(tmp_path)

    def one(team):
        with Watched.open(features) as file:
            settings = ScoringSettings(metric="cosine", machine=Machine(team=team, memory=1 << 20))
            return score(file, Plain(), Plain.tasks[0], data, settings), file.blocks

    (first, of_first), (second, of_second) = in_threads(2, one)
    (alone, _) = one(Alone())

    assert first.mean == second.mean == alone.mean
    assert of_first == {0, 1, 2, 3, 4}  # the shards part in the middle of block 4
    assert of_second == {0, 4, 5, 6, 7}


def test_the_first_process_alone_has_the_records_and_uses_them_again(features, tmp_path):
    data = Plain().load(tmp_path)

    def one(team):
        with FeatureFile.open(features) as file:
            settings = ScoringSettings(machine=Machine(team=team))
            return record_tasks(file, Plain(), Plain.tasks, data, settings, folder=tmp_path / "out")

    (made,), others = in_threads(2, one)
    (stands,), _ = in_threads(2, one)

    assert others == []
    assert stands == made
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("word", ["mps", "meta", "cuda:", "cuda:9999", "cuda:-1", "gpu", ""])
def test_a_device_that_nobody_has_or_that_cannot_rank_is_refused(word):
    with pytest.raises(UsageError, match=f"this machine cannot rank on '{word}'") as raised:
        Machine.here(word)

    assert "--device cpu" in str(raised.value)


def test_python_refuses_it_before_it_reads_anything(tmp_path):
    with pytest.raises(UsageError, match="cannot rank on 'cuda:9999'"):
        harness.evaluate(tmp_path / "none.h5", "plain", machine=Machine.here("cuda:9999"), registry=load())


def test_auto_is_the_processor_unless_there_is_a_gpu():
    assert Machine.here("auto", 5).device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert Machine.here("cpu", 5).memory == 5


def test_one_process_is_a_team_of_one(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)

    machines = [open_machine("cpu"), Machine.of(open_fabric(Compute(device="cpu"))), Machine().alone()]

    assert all(isinstance(machine.team, Alone) and machine.first for machine in machines)
    assert isinstance(team_before(Compute(device="cpu")), Alone)


@pytest.mark.parametrize(("asked", "opened"), [("auto", "32-true"), ("32-true", "32-true"), ("16-mixed", "16-mixed")])
def test_the_processes_of_torchrun_open_before_the_plan_knows_the_precision(monkeypatch, asked, opened):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    seen = []
    fabric = SimpleNamespace(global_rank=1, world_size=2)
    monkeypatch.setattr("harness.compute.devices.open_fabric", lambda compute: seen.append(compute) or fabric)

    team = team_before(Compute(device="cpu", devices=2, workers=3, precision=asked))

    assert seen == [Compute(device="cpu", devices=2, workers=3, precision=opened)]
    assert (team.index, team.count) == (1, 2)


@pytest.mark.parametrize(("size", "several"), [("1", False), ("2", True)])
def test_torchrun_is_known_by_what_it_sets(monkeypatch, size, several):
    monkeypatch.setenv("WORLD_SIZE", size)
    assert not under_torchrun()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert under_torchrun() is several
