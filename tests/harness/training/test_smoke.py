"""The arithmetic of trying a training."""

import pytest

from harness.training.smoke import StageTrial


@pytest.mark.parametrize(
    ("load", "workers", "step"),
    [
        (9.0, 0, 2.0),  # loaded by the computing process, so within the step
        (6.0, 4, 2.0),
        (9.0, 3, 3.0),  # three processes give a batch every three seconds
    ],
)
def test_a_step_takes_as_long_as_the_second_one_or_as_the_loader(load, workers, step):
    trial = StageTrial("a", 64, 50.0, 2.0, load, workers, 1 << 30, 590, 120, None)

    assert trial.step == step
    assert trial.seconds == step * 70_800


@pytest.mark.parametrize(
    ("steps", "epochs", "iterations", "length", "passes"),
    [(590, 120, None, 70_800, 120), (590, None, 60_000, 60_000, 102), (590, None, 590, 590, 1), (1, 3, None, 3, 3)],
)
def test_a_stage_is_as_long_as_its_epochs_or_iterations(steps, epochs, iterations, length, passes):
    trial = StageTrial("a", 64, 50.0, 2.0, 0.1, 0, 1 << 30, steps, epochs, iterations)

    assert (trial.length, trial.passes, trial.seconds) == (length, passes, 2.0 * length)
