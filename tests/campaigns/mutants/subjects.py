"""What is changed: for each kind of file its bytes, and how the project reads it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from harness.boxes.coco import write_coco
from harness.boxes.reading import read_boxes
from harness.boxes.store import write_boxes
from harness.boxes.value import Boxes
from harness.data.pictures import decode
from harness.features import FeatureFile, Provenance
from harness.features.changing import write_blocks
from harness.features.storage import Storage
from harness.methods.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from harness.scoring.per_query import PerQuery, read_per_query, write_per_query
from harness.scoring.record import read_record, write_record
from harness.sweeps.toml_file import read_sweep
from leaderboard.pages.huggingface import read_results
from plugins.released.plain_yaml import read_plain_yaml
from plugins.weights.reading import read_weights
from plugins.weights.showing import described
from tests.campaigns.mutants.copies import copies
from tests.harness.exchange.made import FILES, bring, brought
from tests.plugins.weights.malice import STATE, Runs, saved
from tests.records import record


@dataclass(frozen=True)
class Subject:
    """A kind of file.

    Attributes:
        name: in the table.
        path: where the changed file is put; what else its reader needs is there already.
        content: the bytes of the original.
        read: reads the file, and returns what it was taken for, as a value that compares.
        checked: whether a checksum or a digest in the file tells every change of what it says.
        text: whether it is text.
        weight: how many mutants it gets, relative to others.
        never: whether every mutant must be refused: the original is.
    """

    name: str
    path: Path
    content: bytes
    read: Callable[[Path], Any]
    checked: bool = False
    text: bool = False
    weight: float = 1.0
    never: bool = False


def subjects(folder: Path) -> Iterator[Subject]:
    """Yield all subjects, their files made below a folder."""
    for make in (_features, _boxes, _records, _weights, _checkpoints, _images, _texts, _foreign):
        own = folder / make.__name__
        own.mkdir(parents=True)
        yield from make(own)
    yield from (
        Subject(name, path, path.read_bytes(), read, text=True, weight=weight)
        for name, path, read, weight in copies(folder / "copies")
    )


def _features(folder: Path) -> Iterator[Subject]:
    values = np.random.default_rng(1).standard_normal((600, 8)).astype(np.float32)
    keys = [f"image_test/{row:05}.jpg" for row in range(600)]

    def read(path: Path) -> Any:
        with FeatureFile.open(path) as file:
            return file.digest, file.keys, file.provenance, file.read().tobytes()

    for storage in (Storage("float32", 8), Storage("int8", 8, 0.03125), Storage("binary", 8)):
        word, path = storage.word, folder / f"{storage.word}.h5"
        write_blocks(path, keys, storage, Provenance(method="mine", dataset="veri776"), [storage.encode(values)])
        yield Subject(f"features {word}", path, path.read_bytes(), read, checked=True, weight=3)


def _boxes(folder: Path) -> Iterator[Subject]:
    rows = np.array([[1, 0.5, 0.1, 0.1, 0.5, 0.5], [2, 0.25, 0.2, 0.2, 0.6, 0.75]], np.float32)
    boxes = Boxes({f"{number}.jpg": rows for number in range(20)}, {1: "front", 2: "back"})
    write_boxes(folder / "b.h5", boxes)
    write_coco(folder / "b.json", boxes, lambda _key: (64, 64))
    results = [{"image_id": f"{n}.jpg", "category_id": 1, "bbox": [1, 2, 30.5, 40], "score": 0.5} for n in range(20)]
    (folder / "results.json").write_text(json.dumps(results, indent=1))

    def read_results_of(path: Path) -> str:
        from harness.boxes.coco import read_coco

        return read_coco(path, {1: "front"}, lambda _key: (64, 64)).digest

    for name, checked in (("b.h5", True), ("b.json", False)):
        path = folder / name
        yield Subject(
            f"boxes {path.suffix[1:]}",
            path,
            path.read_bytes(),
            lambda path: read_boxes(path).digest,
            checked=checked,
            text=not checked,
            weight=2,
        )
    path = folder / "results.json"
    yield Subject("boxes, COCO results", path, path.read_bytes(), read_results_of, text=True)


def _records(folder: Path) -> Iterator[Subject]:
    path = folder / "record.json"
    write_record(path, record(options={"epochs": 3, "size": [64, 64]}))
    values = {"ap": np.array([0.5, 1.0]), "cmc@1": np.array([0.0, 1.0])}
    query = PerQuery(("a.jpg", "b.jpg"), np.array([1, 2]), values)
    about = write_per_query(folder / "values.csv.gz", query)
    read = read_record
    yield Subject("record", path, path.read_bytes(), read, checked=True, text=True, weight=2)
    path = folder / "values.csv.gz"
    yield Subject(
        "per-query values",
        path,
        path.read_bytes(),
        lambda path: _plain(read_per_query(path, expected=about)),
        checked=True,
    )


def _weights(folder: Path) -> Iterator[Subject]:
    def read(path: Path) -> Any:
        described(path)
        return {name: _bytes(tensor) for name, tensor in read_weights(path).items()}

    state = {**STATE, "running": torch.arange(40.0), "half": torch.arange(6, dtype=torch.bfloat16)}
    harmful = {"state_dict": state, "extra": Runs(folder / "executed")}
    yield Subject("weights, archive", folder / "a.pth", saved({"model": state}), read, checked=True, weight=3)
    yield Subject("weights, sequence", folder / "s.pth", saved({"model": state}, zipped=False), read, weight=3)
    yield Subject("weights, safetensors", folder / "w.safetensors", save(state), read, weight=2)
    yield Subject("weights, harmful archive", folder / "h.pth", saved(harmful), read, weight=2, never=True)
    sequence = saved(harmful, zipped=False)
    yield Subject("weights, harmful sequence", folder / "hs.pth", sequence, read, weight=2, never=True)


def _checkpoints(folder: Path) -> Iterator[Subject]:
    info = CheckpointInfo(method="mine", options={"epochs": 3, "size": [64, 64]}, classes={"vehicle": 12}, seed=1)
    path = save_checkpoint(folder / "checkpoint.safetensors", {"a": torch.arange(12.0)}, info)

    def read(path: Path) -> Any:
        tensors, info = load_checkpoint(path)
        info.model_dump(mode="json")
        return {name: _bytes(tensor) for name, tensor in tensors.items()}, info

    yield Subject("checkpoint", path, path.read_bytes(), read, text=True, weight=3)


def _images(folder: Path) -> Iterator[Subject]:
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (48, 64, 3), np.uint8))
    formats = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
    kinds: dict[str, dict[str, Any]] = {
        "JPEG": {}, "progressive JPEG": {"format": "JPEG", "progressive": True}, "PNG": {}, "BMP": {}, "WEBP": {},
        "TIFF": {"compression": "tiff_lzw"},
    }  # fmt: skip

    def read(path: Path) -> str:
        return hashlib.sha256(decode(path, (32, 32), formats).tobytes()).hexdigest()

    for name, words in kinds.items():
        out = io.BytesIO()
        picture.save(out, **{"format": name, **words})
        yield Subject(f"image, {name}", folder / "image", out.getvalue(), read, weight=1.5)


def _texts(folder: Path) -> Iterator[Subject]:
    sweep = """name = "mine"\n[defaults]\nprotocol = "veri776"\n[[run]]\nmethod = ["a", "b"]\nseed = [0, 1]\n"""
    opts = "name: ft_ResNet50\nstride: 2\nlinear_num: 512\nuse_dense: false\nlist: [1, 2.5, x]\n"
    results = (
        "- dataset:\n    id: vehicle-reid-bench/veri776\n    task_id: image-to-image/ap\n  value: 79.3\n"
        "  notes: one run\n"
    )
    for name, text, read in (
        ("sweep.toml", sweep, lambda path: read_sweep(path).content),
        ("opts.yaml", opts, read_plain_yaml),
        ("results.yaml", results, read_results),
    ):
        yield Subject(name, folder / name, text.encode(), read, text=True, weight=2)


def _foreign(folder: Path) -> Iterator[Subject]:
    """Yield features of other programs; HDF5 and MATLAB are read in a process of its own, half a second each."""
    for name, (make, words) in FILES.items():
        if name.endswith(".parquet"):
            continue  # pyarrow is an extra; tests/harness/exchange/test_mutants.py has it
        path = make(folder / name)

        def read(path: Path, words: dict[str, Any] = words) -> Any:
            out = path.with_name("out.h5")
            out.unlink(missing_ok=True)
            bring(out, path, **words)
            return brought(out).tobytes()

        apart = name.endswith((".mat", ".hdf5"))
        checked = name.endswith(".npz")
        text = name.endswith(".csv")
        yield Subject(
            f"features, {name}", path, path.read_bytes(), read, checked=checked, text=text, weight=0.1 if apart else 1.5
        )


def _bytes(tensor: torch.Tensor) -> tuple[str, tuple[int, ...], bytes]:
    return str(tensor.dtype), tuple(tensor.shape), tensor.contiguous().view(torch.uint8).numpy().tobytes()


def _plain(found: PerQuery) -> str:
    return repr((found.vehicle.tolist(), {name: values.tolist() for name, values in found.values.items()}))
