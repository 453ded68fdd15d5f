"""The corruptions on one picture: digests to compare between machines, and a sheet of all of them to look at.

    python -m benchmarks.studies.corruptions digests > digests.json
    python -m benchmarks.studies.corruptions sheet docs/corruptions.jpg --picture car.jpg

The digests are those of the fixed picture (``harness.corruptions.applied.probe``), and need no data set. Without a
picture the sheet shows the fixed one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from harness.corruptions.applied import Applied, probe
from harness.corruptions.corruption import SEVERITIES, Corruption, Pixels
from plugins import hooks

GAP = 4


def corruptions() -> dict[str, Corruption]:
    """Return the built-in corruptions by name, without the registry, which an old environment may lack packages for."""
    found: dict[str, Corruption] = {}

    def register(name: str, target: object, *, about: str = "") -> None:  # noqa: ARG001 - the hook's signature
        module, _, attribute = str(target).partition(":")
        __import__(module)
        found[name] = getattr(sys.modules[module], attribute)()

    hooks.bench_register_corruptions(register)
    return found


def digests() -> dict[str, list[str]]:
    """Return the digests of the fixed picture by corruption, one for each severity."""
    return {
        name: [Applied(name, corruption, severity).digest for severity in SEVERITIES]
        for name, corruption in sorted(corruptions().items())
    }


def sheet(pixels: Pixels) -> Pixels:
    """Return one picture of all corruptions, a row each: clean, then the severities from 1 to 5."""
    rows = []
    for name, corruption in corruptions().items():
        spoilt = [Applied(name, corruption, severity)("sheet", pixels) for severity in SEVERITIES]
        edges = [(GAP, 0), (GAP, 0), (0, 0)]
        rows.append(np.concatenate([np.pad(one, edges, constant_values=255) for one in (pixels, *spoilt)], axis=1))
    return np.concatenate(rows)


def main() -> None:
    """Print digests, or draw a sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["digests", "sheet", "speed"])
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--picture", type=Path)
    words = parser.parse_args()
    if words.what == "digests":
        print(json.dumps(digests(), indent=1))
    elif words.what == "speed":
        pixels = probe()
        for name, corruption in corruptions().items():
            start = time.perf_counter()
            for _ in range(10):
                Applied(name, corruption, 3)("speed", pixels)
            print(f"{name:16} {100 * (time.perf_counter() - start):6.1f} ms")
    else:
        from PIL import Image

        pixels = probe() if words.picture is None else np.asarray(Image.open(words.picture).convert("RGB"))
        Image.fromarray(sheet(pixels)).save(words.out, quality=80)


if __name__ == "__main__":
    main()
