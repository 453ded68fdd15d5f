"""What a file is, by its first bytes, and which method or command takes it if it is no file of weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

from harness.basics.foreign import AGAIN, HEAD, STARTS, UNPACK, Foreign, foreign_text
from harness.errors import CheckpointError
from harness.features.kinds import HDF5, MARKS

Form = Literal["safetensors", "zip", "pickle"]
"""The forms that are read: safetensors, torch.save's archive, and a pickle (torch.save before 1.6)."""

PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")
"""The protocols of pickles that begin with their number."""

FEATURES = "these are no weights; features go through 'bench features import FILE OUT.h5'"

BEGINNINGS: tuple[tuple[bytes, Foreign], ...] = (
    *STARTS,
    (HDF5, Foreign("an HDF5 file", "weights of Keras have to be exported from it; " + FEATURES)),
    *((mark, Foreign(name, FEATURES)) for mark, _, name in MARKS),
    (b"GGUF", Foreign("a GGUF file", "no method reads it; get the weights as safetensors")),
    (b"model_checkpoint_path:", Foreign("the index of a TensorFlow checkpoint", "export the network to ONNX")),
)

CAFFE = Foreign("a file of Caffe's", "convert it to the network's names, or export the network to ONNX", "caffe")
ONNX = Foreign("an ONNX file", "use --method onnx", "onnx")
TORCHSCRIPT = Foreign(
    "a TorchScript archive, which is a network with its code", "use --method torchscript", "torchscript"
)

SUFFIXES = {
    ".caffemodel": CAFFE,
    ".prototxt": CAFFE,
    ".pb": Foreign("a graph of TensorFlow", "export the network to ONNX and use --method onnx"),
    ".index": Foreign("a part of a TensorFlow checkpoint", "export the network to ONNX and use --method onnx"),
    ".tflite": Foreign("a file of TensorFlow Lite", "export the network to ONNX and use --method onnx"),
    ".onnx": ONNX,
    ".engine": Foreign("a plan of TensorRT", "it runs on one kind of GPU only; give the weights that it was made from"),
    ".param": Foreign("a file of ncnn", "give the weights that it was made from"),
}


def form_of(path: Path) -> Form | Foreign:
    """Return the form of a regular file, or what else it is; only its first bytes and its members' names are read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return Foreign("empty", AGAIN)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(path)
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size:
        return "safetensors"
    foreign = _foreign(head, path.suffix.lower())
    if foreign is None and head[:1] == b"\x80" and head[1:2] in PROTOCOLS:
        return "pickle"
    return foreign or foreign_text(head) or Foreign("none of torch.save or safetensors", AGAIN, "unknown")


def _foreign(head: bytes, suffix: str) -> Foreign | None:
    """Return what a file is by how it begins, then by its suffix; None if neither is known."""
    marked = (
        (head[257:262] == b"ustar", Foreign("an archive of tar, or a file of torch before 0.1.10", UNPACK)),
        (head[4:8] == b"TFL3", SUFFIXES[".tflite"]),
        (head[:1] == b"\x08" and b"\x12" in head[:4], ONNX),  # version and producer of the protobuf
    )
    found = [foreign for start, foreign in BEGINNINGS if head.startswith(start)]
    found += [foreign for holds, foreign in marked if holds]
    return found[0] if found else SUFFIXES.get(suffix)


def _archive(path: Path) -> Form | Foreign:
    """Return what a zip archive is by the names of its members."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return "zip"  # damaged, which its reader says
    inside = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        return TORCHSCRIPT
    if "data.pkl" in inside:
        return "zip"
    if names and all(name.endswith(".npy") for name in names):
        return Foreign("an .npz file of numpy", FEATURES)
    if "config.json" in names and "model.weights.h5" in names:
        return Foreign("a file of Keras", "export the network to ONNX and use --method onnx")
    return Foreign("a zip archive without a state dict", UNPACK)


def check_regular(path: Path, holding: str, instead: str) -> None:
    """Refuse what is no regular file, before anything is read.

    Raises:
        CheckpointError: nothing is there, or a folder, a pipe or a device.
    """
    if path.is_file():
        return
    odd = "a folder" if path.is_dir() else "no regular file" if path.exists() else None
    raise CheckpointError(
        "the weights are no file" if odd else "no such weights file",
        where=path,
        found=odd,
        expected=f"a file with {holding}" + (f", or {instead}" if instead else ""),
        next_step="check the path that was given with --set weights=FILE",
    )
