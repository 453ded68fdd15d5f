"""The body models."""

from protocols.synthetic.vehicle.bodies import BODIES, TYPES


def test_there_are_at_least_twelve_body_models_over_all_nine_types():
    assert len(BODIES) >= 12
    assert {body.type for body in BODIES} == set(TYPES)
    assert len({body.name for body in BODIES}) == len(BODIES)
