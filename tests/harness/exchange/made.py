"""A small data set, features of its images, and the files in which other programs keep them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from scipy.io import savemat

from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.exchange.importing import ImportReport, ImportRequest, import_features
from harness.features import FeatureFile, Provenance
from harness.tasks.task import Rule, Task

WIDTH = 5
TASK = Task("main", Rule(ignore=("same vehicle and camera",)), ("ap", "cmc@1"))
ORDER = ("query", "gallery")


def table(split: str, count: int) -> ImageTable:
    numbers = np.arange(count)
    paths = tuple(f"{split}/{number % 3 + 7:04}_c{number % 4 + 1}_{split[0]}{number}.jpg" for number in numbers)
    return ImageTable(paths, numbers % 3 + 7, camera=numbers % 4 + 1)


QUERY, GALLERY = table("query", 6), table("gallery", 11)
KEYS = [*QUERY.paths, *GALLERY.paths]
DATASET = Dataset(Path("data"), {"query": QUERY, "gallery": GALLERY})
FEATURES = np.random.default_rng(3).normal(size=(len(KEYS), WIDTH)).astype(np.float32)
PARTS = {"query_f": FEATURES[:6], "gallery_f": FEATURES[6:]}
LABELS = {
    "query_label": QUERY.vehicle,
    "query_cam": QUERY.camera,
    "gallery_label": GALLERY.vehicle,
    "gallery_cam": GALLERY.camera,
}


def bring(out: Path, *files: Path, **request: Any) -> ImportReport:
    """Import files as features of the data set."""
    about = Provenance(method="mine", dataset="small")
    return import_features(ImportRequest(files, **request), [TASK], DATASET, out, about)


def brought(path: Path) -> np.ndarray:
    """Return the features of a file in the order of the lists."""
    with FeatureFile.open(path) as file:
        return file.read(KEYS)


def npy(path: Path, features: np.ndarray = FEATURES) -> Path:
    np.save(path, features)
    return path


def names(path: Path, keys: list[str] = KEYS) -> Path:
    path.write_text("\n".join(keys) + "\n")
    return path


def npz(path: Path, **more: Any) -> Path:
    np.savez_compressed(path, **{"features": FEATURES, "keys": np.array(KEYS), **more})
    return path


def text(path: Path, keys: list[str] = KEYS, *, header: bool = True) -> Path:
    lines = ["key," + ",".join(f"f{number}" for number in range(WIDTH))] if header else []
    lines += [",".join([key, *map(repr, row)]) for key, row in zip(keys, FEATURES.tolist(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def parquet(path: Path) -> Path:
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.table({"path": KEYS, "feature": list(FEATURES)}), path)
    return path


def tensors(path: Path, **more: Any) -> Path:
    torch.save({"features": torch.tensor(FEATURES), "img_paths": KEYS, **more}, path)
    return path


def matlab(path: Path, **more: Any) -> Path:
    """Write what the scripts for Market-1501 and VeRi-776 save: features and labels, no names."""
    savemat(path, {**PARTS, **LABELS, **more}, do_compression=True)
    return path


def matlab_7_3(path: Path) -> Path:
    """Write the same as MATLAB's version 7.3 does: HDF5 behind a block of text, with all axes reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in {**PARTS, **LABELS}.items():
            array = np.atleast_2d(np.asarray(values, dtype=np.float64))
            made = file.create_dataset(name, data=array.T, compression="gzip")
            made.attrs["MATLAB_class"] = np.bytes_("double")
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(content)
    return path


def hdf5(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["deep/feats"] = FEATURES
        file["deep/names"] = KEYS
    return path


FILES: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "f.npz": (npz, {}),
    "f.csv": (text, {}),
    "f.parquet": (parquet, {}),
    "f.pt": (tensors, {}),
    "f.npy": (npy, {"order": ORDER}),
    "f.mat": (matlab, {"order": ORDER}),
    "f73.mat": (matlab_7_3, {"order": ORDER}),
    "f.hdf5": (hdf5, {}),
}
"""For each format who writes a file, and what must be said to import it."""
