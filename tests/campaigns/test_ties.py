"""The campaign ``ties`` in short."""

from __future__ import annotations

import pytest

from tests.campaigns.ties import KINDS, METRICS, campaign


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_tracks_that_are_equally_far_tie_and_no_two_are_taken_in_the_wrong_order(seed):
    found = campaign(seed, 1600)

    assert [fault for tally in found.values() for fault in tally.faults] == []
    assert all(any(found[kind, metric].ties for metric in METRICS) for kind in KINDS)
    assert sum(tally.problems for tally in found.values()) == 1600
