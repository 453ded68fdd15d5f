"""Cargo: a truck's chassis, its box or flat bed, and the rear end on these."""

from __future__ import annotations

from protocols.synthetic.vehicle.car import PLASTIC, SEAM, Car
from protocols.synthetic.vehicle.ends import fit_lights, fit_logo, fit_plate
from protocols.synthetic.vehicle.glass import fit_sign
from protocols.synthetic.vehicle.shell import cargo_faces
from protocols.synthetic.vehicle.solids import BODY, Face, Paint, Solid
from protocols.synthetic.vehicle.vehicles import shaded

WHITE = Paint((222, 224, 226), 0.15)
PLANKS = Paint((96, 84, 66))
STEEL = Paint((40, 41, 44))


def fit_chassis(solid: Solid, car: Car) -> None:
    """Add the chassis below the loading floor, and the bar with lights and plate at its end."""
    faces = cargo_faces(car.frame)
    for face in faces["chassis"].values():
        solid.add(face, STEEL)
    for face in faces["tail"].values():
        solid.add(face, PLASTIC)
    fit_lights(solid, car, faces["tail"]["rear"], {}, front=False)
    fit_plate(solid, car, faces["tail"]["rear"], (0.5, 0.5))


def fit_cargo(solid: Solid, car: Car) -> None:
    """Add the box, or the boards of a flat bed, with the patches on them."""
    faces = cargo_faces(car.frame)
    flat = car.body.cargo == "flatbed"
    for face in faces.get("inside", {}).values():
        solid.add(face, PLANKS)
    for name, face in faces["box"].items():
        if name != "top" or not flat:
            solid.add(face, car.paint if flat else WHITE)
    for name in ("left", "right"):
        _wall(solid, car, faces["box"][name])
    _doors(solid, car, faces["box"]["rear"])


def _wall(solid: Solid, car: Car, face: Face) -> None:
    """Lay ribs, frames and the livery on a side."""
    flat = car.body.cargo == "flatbed"
    ribs = 7 if flat else 5
    for rib in range(1, ribs):
        solid.add(face.band(rib / ribs - 0.004, 0.03, rib / ribs + 0.004, 0.97), PLASTIC)
    if not flat:
        if car.design.livery:
            solid.add(face.band(0.12, 0.38, 0.88, 0.66), Paint(car.design.livery, 0.2))
        solid.add(face.band(0, 0, 1, 0.06), PLASTIC)
        solid.add(face.band(0, 0.95, 1, 1), PLASTIC)


def _doors(solid: Solid, car: Car, face: Face) -> None:
    panel = car.new("", region="brand")
    if car.body.cargo == "flatbed":
        solid.add(face.band(0.3, 0.1, 0.7, 0.9), Paint(shaded(car.design.paint, 0.9), 0.3), panel)
        fit_logo(solid, car, face, (0.5, 0.5), panel)
        return
    solid.add(face.band(0.2, 0.04, 0.8, 0.30), Paint((204, 206, 208), 0.1), panel)
    solid.add(face.band(0.494, 0.03, 0.506, 0.97), SEAM)
    for u in (0.36, 0.64):
        solid.add(face.band(u - 0.01, 0.05, u + 0.01, 0.95), PLASTIC)
    fit_logo(solid, car, face, (0.5, 0.17), panel)
    fit_sign(solid, car, face, BODY)
