from itertools import pairwise

import pytest
import torch
from hypothesis import given, strategies as st

from plugins.layers.schedules import Schedule

PAPER = Schedule("steps", 120, warm_up=10, milestones=(40, 70))


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
    ("epoch", "factor"),
    [(1, 0.01), (2, 0.109), (10, 0.901), (11, 1.0), (40, 1.0), (41, 0.1), (70, 0.1), (71, 0.01), (120, 0.01)],
)
def test_the_reference_warms_up_over_ten_epochs_and_falls_after_40_and_70(epoch, factor):
    assert rates(PAPER, 120, steps=1, rate=3.5e-4)[epoch - 1] == pytest.approx(3.5e-4 * factor)


def test_within_an_epoch_the_reference_rate_stays():
    found = rates(PAPER, 3)

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
