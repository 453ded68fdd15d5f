"""Vehicles: designs, and near-duplicates that differ in their marks only."""

from collections import Counter

import numpy as np
import pytest

from protocols.synthetic.plan import plan_of
from protocols.synthetic.vehicle.vehicles import COLOURS


@pytest.mark.parametrize("vehicles", [24, 120, 600])
def test_half_of_the_test_vehicles_are_near_duplicates_that_differ_in_their_marks_only(vehicles):
    plan = plan_of(0, vehicles, 2)
    test = {vehicle.number: vehicle for vehicle in plan.vehicles[plan.train :]}
    twins = [vehicle for vehicle in test.values() if vehicle.twin]

    assert len(twins) == len(test) // 2
    for vehicle in twins:
        other = test[vehicle.twin]
        assert other.twin == vehicle.number
        assert other.design == vehicle.design
        assert len(vehicle.marks.differences(other.marks)) >= 11


def test_test_vehicles_that_are_no_near_duplicates_have_a_model_and_colour_of_their_own():
    plan = plan_of(0, 120, 2)
    kinds = Counter((v.design.model, v.design.colour) for v in plan.vehicles[plan.train :])

    assert all(kinds[v.design.model, v.design.colour] == (2 if v.twin else 1) for v in plan.vehicles[plan.train :])


def test_colours_are_told_apart_in_plain_light():
    values = np.array(list(COLOURS.values()), float)
    apart = np.abs(values[:, None] - values[None]).sum(axis=2)

    assert apart[~np.eye(len(values), dtype=bool)].min() > 60
