"""The rows of mirrored pictures in a feature file, which its provenance announces."""

from __future__ import annotations

PREFIX = "mirrored:"
"""Before the key of a picture in the key of its mirror image."""


def mirrored_key(key: str) -> str:
    """Return the key under which a file keeps the feature of a mirrored picture."""
    return PREFIX + key
