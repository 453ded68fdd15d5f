"""Assembly: a vehicle's shell, cabin, cargo, wheels and marks put together as one mesh."""

from __future__ import annotations

from protocols.synthetic.fittings import (
    BLACK,
    CHROME,
    GLASS,
    SHADE,
    SKY,
    Parts,
    fit_arch,
    fit_lights,
    fit_logo,
    fit_plate,
    fit_rear_window,
    fit_sign,
    fit_tread,
    fit_wheel,
    fit_windscreen,
)
from protocols.synthetic.shell import LEFT, RIGHT, SIDES, Frame, build_shell, cabin_faces, cargo_faces
from protocols.synthetic.solids import BODY, Face, Mesh, Paint, Solid, Split, Tree, mesh
from protocols.synthetic.vehicles import Vehicle, shaded

PLASTIC = Paint((58, 60, 63), 0.05)
SEAM = Paint((20, 20, 22), 0.0)


def assemble(vehicle: Vehicle) -> Mesh:
    """Return the mesh of a vehicle."""
    return _Assembly(vehicle).mesh()


class _Assembly:
    """The solids of a vehicle while they are being fitted."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.vehicle, self.design, self.marks = vehicle, vehicle.design, vehicle.marks
        self.body = vehicle.design.body
        self.frame = Frame(self.body, vehicle.design.stretch)
        self.shell = build_shell(self.frame)
        self.parts = Parts()
        self.paint = Paint(self.design.paint, 0.35)
        self.trim = PLASTIC if self.design.bare else self.paint
        self.wheels = [
            (self.parts.new("wheel"), (self.frame.x(axle), side * (self.frame.half - 0.005), self.body.wheel), side)
            for axle in self.body.axles
            for side in SIDES
        ]

    def mesh(self) -> Mesh:
        """Return everything in one tree."""
        return mesh(self._tree(), self.parts.all)

    def _tree(self) -> Tree:
        frame, body = self.frame, self.body
        belt, roof = frame.z(body.belt), frame.z(body.height)
        trucks = body.cargo in ("box", "flatbed")
        lower = self._lower()
        cab: Tree = Split(2, belt - 0.001, lower, Split(2, roof - 0.001, self._cabin(), self._roof_load()))
        if trucks:
            cab = Split(0, frame.x(body.cargo_from) + 0.01, self._cargo(), cab)
        left, right = self._attached(LEFT), self._attached(RIGHT)
        return Split(1, -frame.half - 0.003, right, Split(1, frame.half + 0.003, cab, left))

    def _lower(self) -> Solid:
        """Return the lower body with all that lies on it, its wheels' treads first."""
        solid, shell = Solid(), self.shell
        for number, centre, side in self.wheels:
            if self.body.cargo not in ("box", "flatbed") or centre[0] > self.frame.x(self.body.cargo_from):
                fit_tread(solid, number, centre, self.body.wheel, 0.22, side)
        for face in shell.bed:
            solid.add(face, Paint((70, 72, 74), 0.0))
        for (_, name), faces in shell.sides.items():
            for face in faces:
                solid.add(face, self.paint)
                if name == "low":
                    solid.add(face.band(0, 0, 1, 0.42 if self.design.bare else 0.16), PLASTIC)
        for face in shell.tops:
            solid.add(face, self.paint)
        for face in shell.rims:
            solid.add(face, self.trim)
        if self.body.cargo not in ("box", "flatbed"):
            self._rear_end(solid, shell.ends["rear_low"], shell.ends["rear_up"])
        else:
            solid.add(shell.ends["rear_low"], SHADE)
            solid.add(shell.ends["rear_up"], self.paint)
        self._front_end(solid)
        for side in SIDES:
            self._side(solid, side)
        return solid

    def _front_end(self, solid: Solid) -> None:
        low, up = self.shell.ends["front_low"], self.shell.ends["front_up"]
        solid.add(low, self.trim)
        solid.add(low.band(0.2, 0.10, 0.8, 0.42), BLACK)
        for u in (0.03, 0.87):
            solid.add(low.band(u, 0.32, u + 0.10, 0.55), PLASTIC if not self.design.bare else BLACK)
            solid.add(low.disc(u + 0.05, 0.43, 0.06, 6), Paint((214, 216, 210), 0.3, 0.2))
        solid.add(up, self.paint)
        panel = self.parts.new("", region="brand")
        bars, bright = self.design.grille
        solid.add(up.band(0.30, 0.22, 0.70, 0.92), BLACK, panel)
        for bar in range(bars):
            v = 0.22 + 0.70 * (bar + 0.5) / bars
            solid.add(up.band(0.31, v - 0.055, 0.69, v + 0.055), CHROME if bright else PLASTIC, panel)
        solid.add(up.band(0.30, 0.88, 0.70, 0.95), CHROME if bright else BLACK, panel)
        fit_lights(solid, self.parts, self.vehicle, up, self._corner("front"), "front")
        fit_logo(solid, self.parts, self.marks, up, 0.5, 0.62, panel)
        fit_plate(solid, self.parts, self.marks, low, 0.5, 0.66)

    def _rear_end(self, solid: Solid, low: Face, up: Face) -> None:
        solid.add(low, self.trim)
        solid.add(low.band(0.1, 0.0, 0.9, 0.22), BLACK)
        solid.add(up, self.paint)
        panel = self.parts.new("", region="brand")
        solid.add(up.band(0.29, 0.25, 0.71, 0.93), Paint(shaded(self.design.paint, 0.9), 0.3), panel)
        fit_lights(solid, self.parts, self.vehicle, up, self._corner("rear"), "rear")
        fit_logo(solid, self.parts, self.marks, up, 0.5, 0.66, panel)
        fit_plate(solid, self.parts, self.marks, low, 0.5, 0.72)
        if self.body.spare:
            solid.add(up.disc(0.5, 0.75, 0.36, 12), BLACK)
            solid.add(up.disc(0.5, 0.75, 0.25, 12), self.paint)

    def _corner(self, end: str) -> dict[int, Face]:
        if self.body.boxy:
            return {}
        return {side: self.shell.sides[side, "up"][-1 if end == "front" else 0] for side in SIDES}

    def _side(self, solid: Solid, side: int) -> None:
        """Lay seams, handles and the livery on a side of the lower body."""
        frame, body, shell = self.frame, self.body, self.shell
        sill, belt = body.clearance + 0.12, frame.z(body.belt)
        if self.design.livery:
            z0, z1 = frame.waist + 0.02, frame.waist + 0.6 * (belt - frame.waist)
            start, end = 0.16, frame.shell_end - 0.16
            solid.add(
                shell.on_side(side, ((end, z0), (start, z0), (start, z1), (end, z1))), Paint(self.design.livery, 0.3)
            )
        span = min(body.deck, frame.shell_end) - body.screen
        for start, end in body.glass if body.type != "bus" else ((0.02, 0.11), (0.48, 0.6)):
            for share in (start, end):
                place = body.screen + 0.12 + share * span
                line = ((place + 0.02, sill), (place, sill), (place, belt - 0.02), (place + 0.02, belt - 0.02))
                solid.add(shell.on_side(side, line), SEAM)
            place, z = body.screen + 0.12 + end * span - 0.06, frame.waist + 0.55 * (belt - frame.waist)
            handle = ((place, z), (place - 0.18, z), (place - 0.18, z + 0.045), (place, z + 0.045))
            solid.add(shell.on_side(side, handle), CHROME if self.design.grille[1] else SEAM)

    def _cabin(self) -> Solid:
        """Return the cabin with its windows."""
        solid, faces = Solid(), cabin_faces(self.frame)
        roof = Paint((30, 31, 34), 0.3) if self.design.dark_roof else self.paint
        for name, face in faces.items():
            solid.add(face, roof if name == "roof" or name.endswith("edge") else self.paint)
        fit_windscreen(solid, self.parts, self.vehicle, faces["front"])
        if self.body.type == "bus":
            solid.add(faces["front edge"].band(0.2, 0.1, 0.8, 0.9), Paint((250, 170, 40), 0.0, 0.5))
        if self.body.name == "panel van":
            solid.add(faces["rear"].band(0.495, 0.02, 0.505, 0.98), SEAM)
            fit_sign(solid, self.parts, self.marks, faces["rear"], BODY)
        else:
            fit_rear_window(solid, self.parts, self.vehicle, faces["rear"])
        for side, name in ((LEFT, "left"), (RIGHT, "right")):
            self._side_windows(solid, faces[name], side)
        if self.marks.topwindow:
            number = self.parts.new("car topwindow")
            size = (0.22, 0.50, 0.78, 0.86) if self.marks.topwindow == "small" else (0.14, 0.14, 0.86, 0.90)
            solid.add(faces["roof"].band(*size), Paint((22, 26, 34), 0.25), number)
        return solid

    def _side_windows(self, solid: Solid, face: Face, side: int) -> None:
        dark = 1 - 0.6 * self.design.tint
        for start, end in self.body.glass:
            u0, u1 = (start, end) if side == LEFT else (1 - end, 1 - start)
            solid.add(face.band(u0, 0.10, u1, 0.92), Paint(shaded(GLASS.colour, dark), 0.5))
            solid.add(face.band(u0, 0.58, u1, 0.92), Paint(shaded((62, 76, 92), dark), 0.5))
        if self.design.livery and self.body.name == "panel van":
            u0, u1 = (0.38, 0.92) if side == LEFT else (0.08, 0.62)
            solid.add(face.band(u0, 0.25, u1, 0.6), Paint(self.design.livery, 0.2))

    def _roof_load(self) -> Solid:
        """Return the carrier, and what a bus or truck has on its roof."""
        solid, frame, body = Solid(), self.frame, self.body
        roof = frame.z(body.height)
        front, rear = frame.x(body.roof) - 0.25, frame.x(body.roof_end) + 0.25
        half = frame.half * 0.94 * body.tumble
        if body.type == "bus":
            solid.box(
                (rear + 1.0, -half * 0.6, roof), (rear + 3.2, half * 0.6, roof + 0.22), Paint((214, 216, 214), 0.1)
            )
        if not self.marks.carrier:
            return solid
        kind, colour = self.marks.carrier
        number, paint = self.parts.new("carrier"), Paint(colour, 0.3, 0.1)
        if kind == "coffer":
            solid.box((rear + 0.1, -half * 0.6, roof), (front - 0.1, half * 0.5, roof + 0.30), paint, number)
            return solid
        # Of two rails the nearer hides the farther's foot only, and both are one part.
        for y in (-half * 0.88, half * 0.80):
            solid.box((rear, y, roof), (front, y + 0.08, roof + 0.09), paint, number)
        if kind == "rack":
            for share in (0.1, 0.37, 0.63, 0.9):
                x = rear + share * (front - rear)
                solid.box((x - 0.05, -half * 0.88, roof + 0.09), (x + 0.05, half * 0.88, roof + 0.15), paint, number)
        return solid

    def _attached(self, side: int) -> Solid:
        """Return what stands out from a side: wheel openings, wheels, the back mirror."""
        solid, frame, body = Solid(), self.frame, self.body
        for number, centre, where in self.wheels:
            if where == side:
                fit_arch(solid, frame, (centre[0], side * (frame.half + 0.004), centre[2]), body.wheel * 1.16, side)
                outside = (centre[0], side * (frame.half + 0.008), centre[2])
                fit_wheel(solid, number, self.marks, outside, body.wheel, side)
        number = self.parts.new("back mirror")
        paint = Paint(self.marks.mirror, 0.3, 0.1) if self.marks.mirror else self.paint
        high = body.type in ("bus", "truck")
        x = frame.x(body.screen) - (0.05 if high else 0.30)
        z = frame.z(body.belt) + (0.35 if high else 0.02)
        width, height = (0.22, 0.46) if high else (0.22, 0.17)
        y0, y1 = frame.half + 0.02, frame.half + 0.02 + width
        low, top = (x, min(side * y0, side * y1), z), (x + 0.14, max(side * y0, side * y1), z + height)
        faces = solid.box(low, top, paint, number)
        solid.add(faces["rear"].band(0.12, 0.12, 0.88, 0.88), SKY, number)
        return solid

    def _cargo(self) -> Tree:
        """Return a truck's cargo and what carries it."""
        solids = cargo_faces(self.frame)
        below, above = Solid(), Solid()
        for number, centre, side in self.wheels:
            if centre[0] < self.frame.x(self.body.cargo_from):
                fit_tread(below, number, centre, self.body.wheel, 0.30, side)
        for face in solids["chassis"].values():
            below.add(face, Paint((40, 41, 44)))
        for face in solids["tail"].values():
            below.add(face, PLASTIC)
        white = Paint((222, 224, 226), 0.15)
        paint = self.paint if self.body.cargo == "flatbed" else white
        for face in solids.get("inside", {}).values():
            above.add(face, Paint((96, 84, 66)))
        for name, face in solids["box"].items():
            if name != "top" or self.body.cargo == "box":
                above.add(face, paint)
        self._cargo_sides(above, solids["box"])
        self._truck_rear(below, above, solids["tail"]["rear"], solids["box"]["rear"])
        return Split(2, 0.95, below, above)

    def _cargo_sides(self, solid: Solid, box: dict[str, Face]) -> None:
        """Lay ribs, frames and the livery on the cargo's sides."""
        ribs = 5 if self.body.cargo == "box" else 7
        for name in ("left", "right"):
            face = box[name]
            for rib in range(1, ribs):
                solid.add(face.band(rib / ribs - 0.004, 0.03, rib / ribs + 0.004, 0.97), PLASTIC)
            if self.design.livery and self.body.cargo == "box":
                solid.add(face.band(0.12, 0.38, 0.88, 0.66), Paint(self.design.livery, 0.2))
            if self.body.cargo == "box":
                solid.add(face.band(0, 0, 1, 0.06), PLASTIC)
                solid.add(face.band(0, 0.95, 1, 1), PLASTIC)

    def _truck_rear(self, below: Solid, above: Solid, bar: Face, doors: Face) -> None:
        fit_lights(below, self.parts, self.vehicle, bar, {}, "rear")
        fit_plate(below, self.parts, self.marks, bar, 0.5, 0.5)
        panel = self.parts.new("", region="brand")
        if self.body.cargo == "box":
            above.add(doors.band(0.05, 0.04, 0.95, 0.30), Paint((204, 206, 208), 0.1), panel)
            above.add(doors.band(0.494, 0.03, 0.506, 0.97), SEAM)
            for u in (0.36, 0.64):
                above.add(doors.band(u - 0.01, 0.05, u + 0.01, 0.95), PLASTIC)
            fit_logo(above, self.parts, self.marks, doors, 0.5, 0.17, panel)
            fit_sign(above, self.parts, self.marks, doors, BODY)
        else:
            above.add(doors.band(0.1, 0.1, 0.9, 0.9), self.paint, panel)
            fit_logo(above, self.parts, self.marks, doors, 0.5, 0.5, panel)
