"""The campaign ``verification`` in short."""

from __future__ import annotations

import pytest

from tests.campaigns.verification.problems import campaign


def test_measures_of_counted_features_are_those_of_the_literal_reference():
    ties, faults = campaign(1, 60)

    assert faults == []
    assert ties > 20


@pytest.mark.slow
def test_a_thousand_problems_have_no_fault():
    assert campaign(2, 1000)[1] == []
