"""Draw a sheet of near-duplicates with two rows per pair and one column per camera: only their marks differ.

python examples/contact_sheet.py SYNTHETIC_SET sheet.png [--boxes parts|regions]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from harness.boxes import Boxes, read_boxes
from protocols.synthetic import Synthetic
from protocols.synthetic.lists import TWINS

INKS = ("#ff4040", "#40d040", "#5080ff", "#ffd000", "#ff50ff", "#30d0d0", "#ffffff", "#ff9020")


def sheet(root: Path, pairs: int, cell: int, boxes: Boxes | None) -> Image.Image:
    """Return the sheet of the first near-duplicates of the test vehicles."""
    table = Synthetic().load(root).splits["gallery"]
    if table.camera is None:
        raise SystemExit("this data set has no cameras")
    tested = set(table.vehicle.tolist())
    twins = [tuple(map(int, line.split())) for line in (root / TWINS).read_text().splitlines()]
    rows = [vehicle for pair in twins if pair[0] in tested for vehicle in pair][: 2 * pairs]
    columns = sorted(set(table.camera.tolist()))
    picture = Image.new("RGB", (len(columns) * cell, len(rows) * cell), "white")
    filled = set()
    for path, vehicle, camera in zip(table.paths, table.vehicle.tolist(), table.camera.tolist(), strict=True):
        if vehicle in rows and (vehicle, camera) not in filled:
            filled.add((vehicle, camera))
            corner = (columns.index(camera) * cell, rows.index(vehicle) * cell)
            picture.paste(crop(root, path, cell, boxes), corner)
    return picture


def crop(root: Path, path: str, cell: int, boxes: Boxes | None) -> Image.Image:
    """Return an image scaled to a cell, with its boxes if a kind is given."""
    with Image.open(root / path) as image:
        scale = cell / max(image.size)
        shown = image.resize((int(image.width * scale), int(image.height * scale)))
    if boxes is not None:
        draw = ImageDraw.Draw(shown)
        for label, _, *corners in boxes.of(path, (shown.height, shown.width)).tolist():
            draw.rectangle(corners, outline=INKS[int(label) % len(INKS)])
    return shown


def main() -> None:
    """Read the command line and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="a set made by 'bench data make synthetic'")
    parser.add_argument("out", type=Path, help="the picture to write")
    parser.add_argument("--boxes", choices=("parts", "regions"), help="draw boxes of this kind")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--cell", type=int, default=160, help="side of a cell in pixels")
    given = parser.parse_args()
    boxes = read_boxes(given.root / "boxes" / f"{given.boxes}.json") if given.boxes else None
    sheet(given.root, given.pairs, given.cell, boxes).save(given.out)


if __name__ == "__main__":
    main()
