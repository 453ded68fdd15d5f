"""Two hosts under torchrun: the digits of one process, a list that differs refused, a cut cable noticed."""

from __future__ import annotations

import pytest

from tests.campaigns.two_hosts import attempt, refusal


@pytest.mark.slow
@pytest.mark.parametrize("trial", ["the same", "two labels swapped", "cable cut", "process stopped"])
def test_two_hosts_give_the_number_of_one_or_one_message(trial):
    reason = refusal()
    if reason:
        pytest.skip(reason)

    assert attempt(trial, seed=7, port=29511).faults == ()
