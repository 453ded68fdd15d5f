"""Painting shows what a ray from the camera hits first."""

import numpy as np
import pytest
from PIL import Image

from protocols.synthetic.camera.cameras import cameras
from protocols.synthetic.camera.paint import light_of, paint
from protocols.synthetic.camera.view import Stance, View, look
from protocols.synthetic.vehicle.assembly import assemble
from protocols.synthetic.vehicle.bodies import BODIES
from protocols.synthetic.vehicle.solids import Mesh
from tests.protocols.synthetic.drawn_sets import vehicle


@pytest.mark.parametrize("model", range(len(BODIES)), ids=[body.name for body in BODIES])
def test_what_is_painted_is_what_rays_from_the_camera_hit_first(model):
    """An independent look at every scene: rays against all polygons, the nearest hit counts."""
    mesh = assemble(vehicle(model, model))
    for camera in cameras(10)[model % 2 :: 2]:
        view = look(mesh, Stance(camera.azimuth, camera.height, camera.distance, (0.02,) * 4), 240)
        canvas = Image.new("RGB", view.size)
        paint(canvas, mesh, view, light_of(camera, camera.azimuth))
        painted = np.asarray(canvas.getchannel("A"))
        rows, columns = (axis.ravel() for axis in np.mgrid[2 : view.size[1] : 5, 2 : view.size[0] : 5])
        hit = nearest(mesh, view, columns, rows)
        # Polygons end on whole pixels, so rays at their edges may go either way.
        assert (hit != painted[rows, columns]).mean() < 0.05


def nearest(mesh: Mesh, view: View, columns, rows):
    """Return the part that each pixel's ray hits first; of faces in one plane the one that was laid last."""
    right, up, ahead = (np.array(axis) for axis in view.axes)
    eye = np.array(view.eye)
    across, along = (columns + 0.5 + view.left) / view.scale, (rows + 0.5 + view.top) / view.scale
    rays = right * across[:, None] - up * along[:, None] + ahead
    rays /= np.linalg.norm(rays, axis=1)[:, None]
    reached = np.full(len(rays), np.inf)
    part = np.zeros(len(rays), int)
    for number, normal in enumerate(mesh.normals):
        corners = mesh.corners[mesh.starts[number] : mesh.starts[number + 1]]
        if (eye - corners[0]) @ normal <= 0:
            continue
        far = ((corners[0] - eye) @ normal) / (rays @ normal)
        points = eye + rays * far[:, None]
        inside = far > 0
        for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            inside &= np.cross(other - one, points - one) @ normal >= -1e-9
        nearer = inside & (far < reached + 0.012)
        reached = np.where(nearer, np.minimum(reached, far), reached)
        part[nearer] = mesh.part[number]
    return part
