"""Where a data set keeps boxes of parts: COCO files in a folder beside its lists, which no release has."""

from __future__ import annotations

from pathlib import Path

KINDS = ("parts", "regions")


def boxes_in(root: Path) -> dict[str, Path]:
    """Return the files ``boxes/parts.json`` and ``boxes/regions.json`` that are there, by their kind."""
    files = {kind: root / "boxes" / f"{kind}.json" for kind in KINDS}
    return {kind: path for kind, path in files.items() if path.is_file()}
