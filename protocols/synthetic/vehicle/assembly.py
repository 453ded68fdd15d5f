"""Assembly: a vehicle's shell, cabin, cargo, wheels and marks put together as one mesh."""

from __future__ import annotations

from protocols.synthetic.vehicle.car import BLACK, CHROME, PLASTIC, SEAM, SHADE, Car
from protocols.synthetic.vehicle.cargo import fit_cargo, fit_chassis
from protocols.synthetic.vehicle.ends import fit_front, fit_logo, fit_rear
from protocols.synthetic.vehicle.glass import fit_rear_window, fit_side_windows, fit_sign, fit_windscreen
from protocols.synthetic.vehicle.shell import LEFT, RIGHT, SIDES, Shell, build_shell, cabin_faces
from protocols.synthetic.vehicle.solids import BODY, Face, Mesh, Paint, Point, Solid, Split, Tree, mesh
from protocols.synthetic.vehicle.vehicles import Vehicle
from protocols.synthetic.vehicle.wheels import fit_tread, fit_wheel

HAIR = 0.002
"""Distance in metres of a plane between two solids from both."""

MIRROR = Paint((96, 116, 138), 0.4)
BED = Paint((70, 72, 74))


def assemble(vehicle: Vehicle) -> Mesh:
    """Return the mesh of a vehicle."""
    car = Car(vehicle)
    frame, body = car.frame, car.body
    belt, roof = frame.z(body.belt), frame.z(body.height)
    behind = frame.x(body.cargo_from) if body.cargo in ("box", "flatbed") else -frame.length
    cabin = Split(2, roof - HAIR, _cabin(car), _roof_load(car))
    side = 0.94 * frame.half
    upper = Split(1, -side, _mirror(car, RIGHT), Split(1, side, cabin, _mirror(car, LEFT)))
    tree: Tree = Split(2, belt - HAIR, _between_wheels(car, _lower(car, behind), ahead_of=behind), upper)
    if body.cargo in ("box", "flatbed"):
        tree = Split(0, behind + HAIR, _cargo(car, behind), tree)
    return mesh(tree, car.parts)


def _between_wheels(car: Car, solid: Solid, *, ahead_of: float = -99.0, behind: float = 99.0) -> Tree:
    """Return a solid and, on both sides of it, the outsides of the wheels between two x."""
    wheels = {}
    for side in SIDES:
        wheels[side] = Solid()
        for wheel in car.wheels:
            if wheel.side == side and ahead_of < wheel.centre[0] < behind:
                fit_wheel(wheels[side], car, wheel)
    edge = car.frame.half + HAIR
    return Split(1, -edge, wheels[RIGHT], Split(1, edge, solid, wheels[LEFT]))


def _lower(car: Car, behind: float) -> Solid:
    """Return the lower body with all patches on it, after the treads of its wheels."""
    solid, shell = Solid(), build_shell(car.frame)
    for wheel in car.wheels:
        if wheel.centre[0] > behind:
            fit_tread(solid, wheel, 0.22)
    for face in shell.bed:
        solid.add(face, BED)
    for (_, name), faces in shell.sides.items():
        for face in faces:
            solid.add(face, car.paint)
            if name == "low":
                solid.add(face.band(0, 0, 1, 0.42 if car.design.bare else 0.16), PLASTIC)
    for face in shell.tops:
        solid.add(face, car.paint)
    for face in shell.rims:
        solid.add(face, car.trim)
    if car.body.cargo in ("box", "flatbed"):
        solid.add(shell.ends["rear_low"], SHADE)
        solid.add(shell.ends["rear_up"], car.paint)
    else:
        fit_rear(solid, car, shell)
    fit_front(solid, car, shell)
    for side in SIDES:
        _side(solid, car, shell, side)
    return solid


def _side(solid: Solid, car: Car, shell: Shell, side: int) -> None:
    """Lay seams, handles and the livery on a side of the lower body."""
    frame, body = car.frame, car.body
    sill, belt = body.clearance + 0.12, frame.z(body.belt)
    if car.design.livery:
        z0, z1 = frame.waist + 0.02, frame.waist + 0.6 * (belt - frame.waist)
        start, end = 0.16, frame.shell_end - 0.16
        stripe = ((end, z0), (start, z0), (start, z1), (end, z1))
        solid.add(shell.on_side(side, stripe), Paint(car.design.livery, 0.3))
    span = min(body.deck, frame.shell_end) - body.screen
    for start, end in body.glass if body.type != "bus" else ((0.02, 0.11), (0.48, 0.6)):
        for share in (start, end):
            place = body.screen + 0.12 + share * span
            seam = ((place + 0.02, sill), (place, sill), (place, belt - 0.02), (place + 0.02, belt - 0.02))
            solid.add(shell.on_side(side, seam), SEAM)
        place, z = body.screen + 0.06 + end * span, frame.waist + 0.55 * (belt - frame.waist)
        handle = ((place, z), (place - 0.18, z), (place - 0.18, z + 0.045), (place, z + 0.045))
        solid.add(shell.on_side(side, handle), CHROME if car.design.grille[1] else SEAM)


def _cabin(car: Car) -> Solid:
    solid, faces = Solid(), cabin_faces(car.frame)
    roof = BLACK if car.design.dark_roof else car.paint
    for name, face in faces.items():
        solid.add(face, roof if name == "roof" or name.endswith("edge") else car.paint)
    fit_windscreen(solid, car, faces["front"])
    if car.body.type == "bus":
        solid.add(faces["front edge"].band(0.2, 0.1, 0.8, 0.9), Paint((250, 170, 40), 0.0, 0.5))
    if car.body.name == "panel van":
        solid.add(faces["rear"].band(0.495, 0.02, 0.505, 0.98), SEAM)
        fit_sign(solid, car, faces["rear"], BODY)
    else:
        fit_rear_window(solid, car, faces["rear"])
    if car.body.spare:
        panel = car.new("", region="brand")
        solid.add(faces["rear"].disc((0.5, -0.02), 0.38, 12), BLACK, panel)
        solid.add(faces["rear"].disc((0.5, -0.02), 0.29, 12), car.paint, panel)
        fit_logo(solid, car, faces["rear"], (0.5, -0.02), panel)
    for side, name in ((LEFT, "left"), (RIGHT, "right")):
        fit_side_windows(solid, car, faces[name], side)
    if car.marks.topwindow:
        band = (0.22, 0.50, 0.78, 0.86) if car.marks.topwindow == "small" else (0.14, 0.14, 0.86, 0.90)
        solid.add(faces["roof"].band(*band), Paint((22, 26, 34), 0.25), car.new("car topwindow"))
    return solid


def _roof_load(car: Car) -> Solid:
    """Return the carrier, or the air conditioner on the roof of a bus."""
    solid, frame, body = Solid(), car.frame, car.body
    roof, half = frame.z(body.height), frame.half * 0.94 * body.tumble
    front, rear = frame.x(body.roof) - 0.25, frame.x(body.roof_end) + 0.25
    if body.type == "bus":
        solid.box((rear + 1.0, -half * 0.6, roof), (rear + 3.2, half * 0.6, roof + 0.22), Paint((214, 216, 214), 0.1))
    if not car.marks.carrier:
        return solid
    kind, colour = car.marks.carrier
    number, paint = car.new("carrier"), Paint(colour, 0.3, 0.1)
    if kind == "coffer":
        solid.box((rear + 0.1, -half * 0.6, roof), (front - 0.1, half * 0.5, roof + 0.30), paint, number)
        return solid
    # The rails are one part, so their order does not matter.
    for y in (-half * 0.88, half * 0.80):
        solid.box((rear, y, roof), (front, y + 0.08, roof + 0.09), paint, number)
    for share in (0.1, 0.37, 0.63, 0.9) if kind == "rack" else ():
        x = rear + share * (front - rear)
        solid.box((x - 0.05, -half * 0.88, roof + 0.09), (x + 0.05, half * 0.88, roof + 0.15), paint, number)
    return solid


def _mirror(car: Car, side: int) -> Solid:
    """Return a back mirror: beside the belt of a car, on an arm beside the windscreen of a bus or truck."""
    solid, frame, body = Solid(), car.frame, car.body
    high = body.type in ("bus", "truck")
    x = frame.x(body.screen) - (0.05 if high else 0.30)
    z = frame.z(body.belt) + (0.35 if high else 0.015)
    inner, width, height = (0.14, 0.20, 0.48) if high else (0.02, 0.22, 0.17)
    start = 0.94 * frame.half
    number = car.new("back mirror")
    if high:
        arm = (x + 0.04, start + HAIR, z + height - 0.06), (x + 0.09, start + inner, z + height)
        _beside(solid, side, *arm)
    paint = Paint(car.marks.mirror, 0.3, 0.1) if car.marks.mirror else car.paint
    case = (x, start + inner, z), (x + 0.14, start + inner + width, z + height)
    faces = _beside(solid, side, *case, (paint, number))
    solid.add(faces["rear"].band(0.12, 0.12, 0.88, 0.88), MIRROR, number)
    return solid


def _beside(
    solid: Solid, side: int, low: Point, high: Point, cover: tuple[Paint, int] = (BLACK, BODY)
) -> dict[str, Face]:
    """Add a box given for the left side to a side of the vehicle."""
    y0, y1 = sorted((side * low[1], side * high[1]))
    return solid.box((low[0], y0, low[2]), (high[0], y1, high[2]), *cover)


def _cargo(car: Car, behind: float) -> Tree:
    below, above = Solid(), Solid()
    for wheel in car.wheels:
        if wheel.centre[0] < behind:
            fit_tread(below, wheel, 0.30)
    fit_chassis(below, car)
    fit_cargo(above, car)
    return Split(2, 0.95 - HAIR, _between_wheels(car, below, behind=behind), above)
