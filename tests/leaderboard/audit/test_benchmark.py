"""The benchmark of the audit: slips planted into the transcribed numbers."""

import numpy as np
import pytest

from benchmarks.studies.audit import CELLS, PLACES, noticed, planted, slip, with_value
from leaderboard.audit.rules import apply_rules
from leaderboard.published.library import load_library


@pytest.mark.parametrize(
    ("printed", "place", "kept"),
    [
        ("94.3", "first", "?4.3"),
        ("94.3", "middle", "9?.3"),
        ("94.3", "last", "94.?"),
        ("0.743", "first", "0.?43"),
        ("0.743", "middle", "0.7?3"),
        ("0.096", "first", "0.0?6"),
    ],
)
def test_a_slip_changes_one_digit_of_the_value(printed, place, kept):
    slipped = slip(printed, place, np.random.default_rng(0))
    at = kept.index("?")

    assert slipped[:at] + "?" + slipped[at + 1 :] == kept
    assert slipped[at].isdigit()
    assert slipped[at] != printed[at]


def test_the_slips_are_the_same_every_time_and_each_number_has_one_at_every_place():
    library = load_library()
    slips = list(planted(library, 3))

    assert [(place, number.cell, printed) for place, number, printed in planted(library, 3)] == [
        (place, number.cell, printed) for place, number, printed in slips
    ]
    assert len({(number.cell, place) for place, number, _ in slips}) == len(slips) == CELLS * len(PLACES)


def test_a_planted_slip_is_the_only_change():
    library = load_library()
    number = library.numbers[100]
    changed = [
        (before.cell, after.printed)
        for before, after in zip(library.numbers, with_value(library, number, "12.3").numbers, strict=True)
        if before.printed != after.printed
    ]

    assert changed == [(number.cell, "12.3")]


@pytest.mark.slow
def test_the_audit_notices_three_quarters_of_the_middle_digits_without_a_false_error():
    library = load_library()
    middle = [found for seed in (0, 1) for found in planted(library, seed) if found[0] == "middle"]

    assert noticed(library, middle)["middle"] >= 75
    assert not [finding for finding in apply_rules(library).findings if finding.severity == "error"]
