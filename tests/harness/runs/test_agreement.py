"""The processes of a run compare what they do and see, the folder of runs as well, before the first step."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from harness.errors import UsageError
from harness.extraction import agreement as embedding
from harness.extraction.agreement import agree_to_embed
from harness.methods.checkpoint import CHECKPOINT
from harness.runs.agreement import agree, agree_on_folder
from harness.runs.request import Request
from tests.harness.kernel.teams import in_threads

IDENTITY = {"method": "tiny", "seed": 0, "code": "c" * 64, "train_data": "d" * 64, "train_images": "e" * 64}
ABOUT = {"images": "a" * 64, "data": "b" * 64}


def refused(found, *words):
    assert [type(one) for one in found] == [UsageError, UsageError]
    assert [one.reported for one in found] == [False, True]
    for word in ("process 1 of 2", *words):
        assert word in str(found[0])


@pytest.mark.parametrize(
    ("fact", "value"), [("seed", 1), ("code", "0" * 64), ("train_data", "1" * 64), ("processes", 3)]
)
def test_processes_that_train_something_else_are_refused(fact, value):
    request = Request("tiny", "synthetic")

    found = in_threads(2, lambda team: agree(team, request, {**IDENTITY, **({fact: value} if team.index else {})}))

    refused(found, f"found: {fact} {str(value)[:12]}")


def test_what_only_the_features_depend_on_does_not_stop_a_training():
    request = Request("tiny", "synthetic")

    def work(team, about):
        agree(team, request, IDENTITY, about)
        return "went on"

    assert in_threads(2, lambda team: work(team, None)) == 2 * ["went on"]
    found = in_threads(2, lambda team: work(team, {**ABOUT, "images": str(team.index) * 64}))
    refused(found, "found: images 111111111111...")


def test_a_folder_of_runs_that_is_not_shared_is_refused(tmp_path):
    folders = [tmp_path / "one" / "tiny-12", tmp_path / "other" / "tiny-12"]
    folders[0].mkdir(parents=True)

    found = in_threads(2, lambda team: agree_on_folder(team, folders[team.index], []))

    refused(found, "the processes do not see the same folder of runs", "is not seen in process 1", "share as --runs")


def test_another_checkpoint_in_the_folder_is_refused(tmp_path):
    folders = [tmp_path / name / "tiny-12" for name in ("one", "other")]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / CHECKPOINT).write_bytes(bytes([number]))

    refused(in_threads(2, lambda team: agree_on_folder(team, folders[team.index], [])), "its checkpoint")
    assert in_threads(2, lambda team: agree_on_folder(team, folders[0], [tmp_path / "none"])) == [None, None]


class Weighted:
    """A method with one weight."""

    def __init__(self, weight):
        self.model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(self.model.weight, weight)


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"weight": 2.0}, "its weights"),
        ({"keys": ["a.jpg"]}, "their number 1 in process 1"),
        ({"keys": ["a.jpg", "c.jpg"]}, "the images"),
        ({"size": (8, 9)}, "the input size [8,9]"),
    ],
)
def test_processes_that_would_embed_something_else_are_refused(monkeypatch, own, word):
    monkeypatch.setattr(embedding, "team_of", lambda team: team)

    def work(team, own):
        told = {"weight": 1.0, "keys": ["a.jpg", "b.jpg"], "size": (8, 8), **(own if team.index else {})}
        pictures = SimpleNamespace(keys=told["keys"], size=told["size"])
        pictures = type("P", (SimpleNamespace,), {"__len__": lambda self: len(self.keys)})(**vars(pictures))
        agree_to_embed(Weighted(told["weight"]), SimpleNamespace(pictures=pictures, labels={}, boxes={}), team)
        return "went on"

    assert in_threads(2, lambda team: work(team, {})) == 2 * ["went on"]
    refused(in_threads(2, lambda team: work(team, own)), word)
