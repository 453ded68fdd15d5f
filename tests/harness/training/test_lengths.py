"""A stage is as long as a number of epochs or of iterations, exactly, and resumes bit for bit in its middle."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.data.dataset import Dataset
from harness.errors import CheckpointError, PluginError
from harness.methods.batches import PK, Shuffled
from harness.methods.network import Stage
from tests.harness.training.fits import Interrupted, fit, rows, same
from tests.tiny import tiny

ENDS = [6, 8, 14, 20, 23]
"""Steps after which an epoch ends: 8 iterations in one stage and 15 in the next, at most 6 in an epoch."""


class Iterating(Interrupted):
    """Takes its numbers of epochs for numbers of iterations, and lowers its rate by a tenth at each of them."""

    def stage(self, number: int, epochs: int) -> Stage:
        made = super().stage(number, epochs)
        return replace(made, epochs=None, iterations=epochs, schedule=self.falling, advance="step")

    def falling(self, optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        self.optimisers = [*getattr(self, "optimisers", []), optimiser]
        return torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.9)

    def losses(self, *arguments: Any) -> Mapping[str, Tensor]:
        losses = super().losses(*arguments)
        self.said = [*getattr(self, "said", []), losses["cross-entropy"].item()]
        return losses


def test_a_stage_takes_just_its_iterations_and_its_last_epoch_is_cut(dataset: Dataset, tmp_path: Path):
    method = tiny(Iterating, epochs=(8, 15))
    fit(dataset, tmp_path, method)

    table = rows(tmp_path)
    assert [(row["stage"], row["epoch"]) for row in table] == [
        *[("stage 1", "1"), ("stage 1", "2")],
        *[("stage 2", "1"), ("stage 2", "2"), ("stage 2", "3")],
    ]
    means = [sum(method.said[a:b]) / (b - a) for a, b in zip([0, *ENDS], ENDS, strict=False)]
    assert len(method.said) == 23
    assert [float(row["cross-entropy"]) for row in table] == pytest.approx(means, rel=1e-5)


def test_a_schedule_counts_the_iterations_over_the_epochs_of_its_stage(dataset: Dataset, tmp_path: Path):
    method = tiny(Iterating, epochs=(8, 15))
    fit(dataset, tmp_path, method)

    begun = [float(row["learning_rate"]) for row in rows(tmp_path)]
    assert begun == pytest.approx([1e-2 * 0.9**steps for steps in (0, 6, 0, 6, 12)], rel=1e-5)
    ended = [optimiser.param_groups[0]["lr"] for optimiser in method.optimisers]
    assert ended == pytest.approx([1e-2 * 0.9**8, 1e-2 * 0.9**15])


@pytest.mark.parametrize("step", [3, 8, 9, 22])
def test_a_stage_in_iterations_resumes_with_the_same_bits(dataset: Dataset, tmp_path: Path, step: int):
    expected = fit(dataset, tmp_path / "whole", tiny(Iterating, epochs=(8, 15)))
    method = tiny(Iterating, epochs=(8, 15))
    method.stop_at = step
    with pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path / "cut", method)
    resumed = tiny(Iterating, epochs=(8, 15))

    assert same(fit(dataset, tmp_path / "cut", resumed), expected)
    assert -resumed.stop_at == 23 - max(end for end in [0, *ENDS] if end < step)
    assert (tmp_path / "cut/validation.csv").read_bytes() == (tmp_path / "whole/validation.csv").read_bytes()


def iterations_of(messages: list[str]) -> list[int]:
    return [int(number) for text in messages for number in re.findall(r"iteration (\d+)/", text)]


def test_the_log_says_how_many_iterations_are_done_and_the_interruption_names_the_epoch(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    method = tiny(Iterating, epochs=(8, 15))
    method.stop_at = 21
    with caplog.at_level(logging.INFO, "bench"), pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path, method)

    heads = [text.partition(": learning_rate")[0] for text in caplog.messages]
    assert heads == [
        "stage 1, epoch 1, iteration 6/8",
        "stage 1, epoch 2, iteration 8/8",
        "stage 2, epoch 1, iteration 6/15",
        "stage 2, epoch 2, iteration 12/15",
        "interrupted: the same command resumes after epoch 2 of 'stage 2'",
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO, "bench"):
        fit(dataset, tmp_path, tiny(Iterating, epochs=(8, 15)))
    assert caplog.messages[0] == "training resumes after epoch 2 of 'stage 2'"
    assert iterations_of(caplog.messages) == [15]


def test_a_stage_shorter_than_the_one_before_is_trained_too(dataset: Dataset, tmp_path: Path):
    method = tiny(Iterating, epochs=(8, 3))
    fit(dataset, tmp_path, method)

    assert [row["stage"] for row in rows(tmp_path)] == ["stage 1", "stage 1", "stage 2"]
    assert len(method.said) == 11


def test_a_stage_of_no_iterations_is_left_out(dataset: Dataset, tmp_path: Path):
    fit(dataset, tmp_path, tiny(Iterating, epochs=(0, 4)))

    assert [row["stage"] for row in rows(tmp_path)] == ["stage 2"]


class Varying(Iterating):
    """Its epochs are five or six batches long."""

    batches = PK(4, 2, epoch="groups")


def test_epochs_of_varying_length_add_up_to_the_iterations(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO, "bench"):
        expected = fit(dataset, tmp_path / "whole", tiny(Varying, epochs=(40,)))

    ends = iterations_of(caplog.messages)
    lengths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    assert ends[-1] == 40
    assert list(accumulate(lengths)) == ends
    assert set(lengths[:-1]) == {5, 6}
    assert 1 <= lengths[-1] <= 6

    method = tiny(Varying, epochs=(40,))
    method.stop_at = ends[2] + 2
    with pytest.raises(KeyboardInterrupt):
        fit(dataset, tmp_path / "cut", method)
    resumed = tiny(Varying, epochs=(40,))
    assert same(fit(dataset, tmp_path / "cut", resumed), expected)
    assert -resumed.stop_at == 40 - ends[2]


def test_another_number_of_iterations_is_another_configuration(dataset: Dataset, tmp_path: Path):
    """The options of ``Longer`` are those of ``Iterating``; its stages are not."""

    class Longer(Iterating):
        extra = 0

        def stage(self, number: int, epochs: int) -> Stage:
            return super().stage(number, epochs + self.extra)

    fit(dataset, tmp_path, tiny(Longer, epochs=(2,)))
    method = tiny(Longer, epochs=(2,))
    method.extra = 1
    with pytest.raises(CheckpointError, match="another configuration"):
        fit(dataset, tmp_path, method)


@pytest.mark.parametrize(("epochs", "iterations"), [(None, None), (3, 100), (0, 0)])
def test_a_stage_with_neither_or_both_lengths_is_refused(epochs: int | None, iterations: int | None):
    with pytest.raises(
        PluginError, match="stage 'conv' must be as long as a number of epochs or of iterations"
    ) as caught:
        Stage("conv", epochs, Shuffled(4), lambda network: torch.optim.SGD(network.parameters()), iterations=iterations)

    assert caught.value.found == f"epochs {epochs}, iterations {iterations}"
