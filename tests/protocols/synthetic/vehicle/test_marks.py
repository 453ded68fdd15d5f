"""Marks: near-duplicates differ in what is seen from many sides."""

from hypothesis import given, settings

from protocols.synthetic.chance import Chance
from protocols.synthetic.vehicle.bodies import BODIES
from protocols.synthetic.vehicle.marks import draw_marks, draw_other_marks
from tests.protocols.synthetic.drawn_sets import SEEDS


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_near_duplicates_differ_in_what_is_seen_from_many_sides(seed):
    body = BODIES[seed % len(BODIES)]
    marks = draw_marks(Chance(seed, "one"), body)
    other = draw_other_marks(Chance(seed, "other"), body, marks)

    assert "rim" in marks.differences(other)
    assert len(marks.differences(other)) >= 11
    assert marks.differences(marks) == set()
