"""Views: the crop has the vehicle's shape."""

from protocols.synthetic.camera.view import Stance, look
from protocols.synthetic.vehicle.assembly import assemble
from protocols.synthetic.vehicle.bodies import BODIES
from tests.protocols.synthetic.drawn_sets import vehicle


def test_wide_images_have_the_vehicles_shape():
    bus, car = (next(n for n, body in enumerate(BODIES) if body.type == kind) for kind in ("bus", "hatchback"))
    side = Stance(90.0, 3, 14, (0.02,) * 4)
    sizes = [look(assemble(vehicle(model)), side, 200).size for model in (bus, car)]

    assert all(width == 200 > height for width, height in sizes)
    assert sizes[0][1] <= sizes[1][1]
