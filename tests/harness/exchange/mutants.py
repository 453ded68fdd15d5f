"""Files of features with a few bytes changed, and what importing them does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from harness.errors import BenchError
from harness.features import FeatureFile
from tests.harness.exchange.made import FEATURES, FILES, KEYS, bring

UNCHECKED = (".npy", ".csv", ".hdf5", ".mat", ".pt", ".parquet")
"""Formats in which a changed byte may give another number without a trace."""


def mutant(content: bytes, generator: np.random.Generator) -> bytes:
    """Return a file with bits flipped, a piece cut out, repeated or filled, or its end lost."""
    changed = bytearray(content)
    place, length = int(generator.integers(len(changed))), int(generator.integers(1, 64))
    kind = int(generator.integers(5))
    if kind == 0:
        for at in generator.integers(len(changed), size=3):
            changed[at] ^= 1 << int(generator.integers(8))
    elif kind == 1:
        del changed[place : place + length]
    elif kind == 2:
        changed[place:place] = changed[place : place + length]
    elif kind == 3:
        changed[place : place + length] = bytes(
            generator.integers(0, 256, len(changed[place : place + length]), np.uint8)
        )
    else:
        del changed[place:]
    return bytes(changed)


def outcomes(folder: Path, names: list[str], count: int, seed: int) -> Counter[str]:
    """Import mutants of the files of some formats, and count what happens; ``wrong`` and ``traceback`` are faults.

    A mutant is accepted rightly if its keys and its shape are those of the file; its numbers may differ where the
    format has no checksums.
    """
    found: Counter[str] = Counter()
    out = folder / "out.h5"
    for name in names:
        make, words = FILES[name]
        content = make(folder / name).read_bytes()
        generator = np.random.default_rng([seed, len(name)])
        for _ in range(count):
            (folder / name).write_bytes(mutant(content, generator))
            try:
                bring(out, folder / name, **words)
            except BenchError as problem:
                found["refused"] += 1
                if out.exists() or not problem.what:
                    found["left behind"] += 1
            except Exception as problem:  # a fault of the project, which the caller reports
                found[f"traceback {name} {type(problem).__name__}: {problem}"] += 1
            else:
                found[_judged(out, name)] += 1
            for path in folder.glob("out.h5*"):
                path.unlink()
    return found


def _judged(path: Path, name: str) -> str:
    with FeatureFile.open(path) as file:
        whole = sorted(file.keys) == sorted(KEYS) and np.isfinite(file.read()).all()
        same = whole and file.shape == FEATURES.shape and np.array_equal(file.read(KEYS), FEATURES)
    if same:
        return "same"
    return "other numbers" if whole and Path(name).suffix in UNCHECKED else f"wrong {name}"
