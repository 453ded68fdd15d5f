"""Measure how many images per second one core draws and encodes: ``python benchmarks/drawing.py [IMAGE_SIZE ...]``."""

from __future__ import annotations

import sys
import time

from protocols.synthetic.camera.cameras import cameras
from protocols.synthetic.camera.drawing import draw_track
from protocols.synthetic.camera.frames import tracks_of
from protocols.synthetic.plan import plan_of
from protocols.synthetic.vehicle.assembly import assemble

SECONDS = 5.0
VEHICLES, CAMERAS = 400, 8


def images_per_second(image_size: int) -> float:
    """Draw vehicle after vehicle for some seconds, as a worker does, and return the images of a second of its core."""
    plan, every = plan_of(0, VEHICLES, CAMERAS), cameras(CAMERAS)
    mesh = assemble(plan.vehicles[0])
    for camera in every:  # their backdrops are drawn once in a process
        track = next(track for track in plan.tracks if track.camera == camera.number)
        list(draw_track(0, mesh, camera, track, image_size))
    done, start = 0, time.process_time()
    for vehicle in plan.vehicles:
        mesh = assemble(vehicle)
        for track in tracks_of(0, vehicle.number, CAMERAS):
            done += sum(1 for _ in draw_track(0, mesh, every[track.camera - 1], track, image_size))
        if time.process_time() - start > SECONDS:
            break
    return done / (time.process_time() - start)


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("128", "256")):
        print(f"{size} pixels: {images_per_second(size):.0f} images per second and core")
