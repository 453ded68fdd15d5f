"""The boxes of parts of a data set: COCO files in a folder beside its lists; no release includes them."""

from __future__ import annotations

from pathlib import Path

KINDS = ("parts", "regions")


def boxes_in(root: Path) -> dict[str, Path]:
    """Return those of the files ``boxes/parts.json`` and ``boxes/regions.json`` that exist, by their kind."""
    files = {kind: root / "boxes" / f"{kind}.json" for kind in KINDS}
    return {kind: path for kind, path in files.items() if path.is_file()}
