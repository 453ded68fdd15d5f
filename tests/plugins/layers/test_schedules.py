from itertools import pairwise

import pytest
import torch
from hypothesis import given, strategies as st

from harness.methods.batches import Shuffled
from plugins.layers.schedules import Schedule

REFERENCE = Schedule("steps", 120, warm_up=10, milestones=(40, 70), first=1)
PGAN = Schedule("steps", 130, warm_up=10, milestones=(30, 50, 70, 90, 110, 130), decay=0.5, first=1)

RISING = {1: 0.109, 2: 0.208, 3: 0.307, 4: 0.406, 5: 0.505, 6: 0.604, 7: 0.703, 8: 0.802, 9: 0.901, 10: 1.0}
WARM_UP = RISING | dict.fromkeys(range(11, 16), 1.0)
"""The factors of the first 15 epochs, counted from 1, in the releases of Luo et al. and PGAN."""


def rates(schedule, epochs, steps=3, rate=1.0):
    """The learning rate of each step, with the schedule advanced as it asks to be."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = schedule.attach(optimiser, steps)
    found = []
    for _ in range(epochs):
        for _ in range(steps):
            found.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            if schedule.advance == "step":
                scheduler.step()
        if schedule.advance == "epoch":
            scheduler.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "rate", "factors"),
    [
        (REFERENCE, 3.5e-4, {39: 1.0, 40: 0.1, 41: 0.1, 69: 0.1, 70: 0.01, 71: 0.01, 120: 0.01}),
        (
            PGAN,
            1.75e-4,
            {29: 1.0, 30: 0.5, 31: 0.5, 49: 0.5, 50: 0.25, 51: 0.25, 69: 0.25, 70: 0.125, 71: 0.125}
            | {89: 0.125, 90: 0.0625, 91: 0.0625, 109: 0.0625, 110: 0.03125, 111: 0.03125}
            | {129: 0.03125, 130: 0.015625},
        ),
    ],
    ids=["reference", "pgan"],
)
def test_the_releases_warm_up_over_ten_epochs_and_fall_in_the_epochs_of_their_milestones(schedule, rate, factors):
    found = rates(schedule, schedule.length, steps=1, rate=rate)

    expected = WARM_UP | factors
    assert {epoch: found[epoch - 1] for epoch in expected} == pytest.approx(
        {epoch: rate * factor for epoch, factor in expected.items()}, rel=1e-12
    )


def test_iterations_are_counted_over_the_epochs():
    """RAM's rate: 0.8 times as large after every 6,000 of 60,000 iterations."""
    schedule = Schedule("steps", 60_000, milestones=tuple(range(6_000, 60_000, 6_000)), decay=0.8, unit="iteration")
    stage = schedule.stage("conv", Shuffled(64), torch.optim.SGD)

    found = rates(schedule, 103, steps=590, rate=1e-3)[:60_000]

    expected = {0: 1.0, 5_999: 1.0, 6_000: 0.8, 6_001: 0.8, 11_999: 0.8, 12_000: 0.64, 18_000: 0.512}
    last = {53_999: 0.16777216, 54_000: 0.134217728, 59_999: 0.134217728}
    assert (stage.epochs, stage.iterations, stage.advance) == (None, 60_000, "step")
    assert {iteration: found[iteration] * 1e3 for iteration in expected | last} == pytest.approx(expected | last)


def test_a_warm_up_in_iterations_rises_with_every_step():
    schedule = Schedule(length=8, warm_up=4, warm_up_from=0.0, unit="iteration")

    assert rates(schedule, 3, steps=3) == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1]


def test_within_an_epoch_the_reference_rate_stays():
    found = rates(REFERENCE, 3)

    assert found[0] == found[1] == found[2] < found[3]


def test_a_constant_rate_is_constant():
    assert set(rates(Schedule("constant", 5), 5, rate=3e-4)) == {3e-4}


def test_an_exponential_falls_by_the_same_share_after_every_epoch():
    found = rates(Schedule("exponential", 4, decay=0.5), 4, steps=2)

    assert found == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_a_cosine_falls_with_every_step_to_nearly_nothing():
    found = rates(Schedule("cosine", 10, warm_up=2), 10)

    assert found[0] == pytest.approx(0.01)
    assert found.index(max(found)) == 6
    assert max(found) == 1.0
    assert all(later < earlier for earlier, later in pairwise(found[6:]))
    assert 0 < found[-1] < 0.01


@given(
    st.sampled_from(["steps", "exponential", "cosine", "constant"]),
    st.floats(0, 20),
    st.integers(1, 40),
    st.floats(0, 1),
)
def test_no_factor_leaves_zero_to_one(kind, warm_up, epochs, share):
    schedule = Schedule(kind, epochs, warm_up=min(warm_up, epochs), milestones=(3, 9))

    assert 0 <= schedule.factor(share * epochs) <= 1
