"""Programs of TorchScript: what one may do, and reading one that does not touch files or the network.

A file of ``torch.jit.save`` is a program in a small language of its own. It runs in torch's interpreter and cannot call
Python, but it can call every operator of torch, among which some read and write files, and it can take any time and
memory. Such operators are looked for in its text before it is loaded.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from pathlib import Path

import torch

from harness.errors import CheckpointError, error_line
from harness.methods.exported import CARD

NAMESPACES = {
    "aten",
    "prim",
    "prims",
    "quantized",
    "_quantized",
    "sparse",
    "mkldnn",
    "mkldnn_prepacked",
    "onednn",
    "torchvision",
}
"""The families of operators that only compute."""

CLASSES = {"quantized", "xnnpack"}
"""The families of torch's own classes that only hold tensors."""

FORBIDDEN = {"from_file", "save", "_print", "read_file", "write_file"}
"""Operators that read or write files, or write past Python to standard output."""

MAX_TEXT = 64 << 20
"""Of the whole program in bytes; that of a ResNet-50 takes 100 kB."""

MAX_GROWTH = 20
"""How many times larger than the file its content may be; only the program's text is compressed."""

WORD = re.compile(r"[A-Za-z_]\w*|\S")
CLASS_NAME = re.compile(rb"torch\.classes\.(\w+)")


def load_program(path: Path) -> tuple[torch.jit.ScriptModule, str]:
    """Return the program of a file, on the processor, and its card, empty without one.

    Raises:
        CheckpointError: it is no program of TorchScript, is damaged, or names an operator that touches files.
    """
    _inspect(path)
    extra = {CARD: ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls all of TorchScript deprecated
            program = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)  # type: ignore[no-untyped-call]  # torch's
    except Exception as problem:  # damaged bytes raise a dozen classes
        raise CheckpointError("the file of TorchScript is damaged", where=path, found=error_line(problem)) from None
    card: str | bytes = extra[CARD]
    return program, card.decode("utf-8", "replace") if isinstance(card, bytes) else card


def _inspect(path: Path) -> None:
    """Refuse what is no archive of TorchScript, and a program that names what it must not use."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            _check_form(names, path)
            if sum(entry.file_size for entry in entries) > MAX_GROWTH * path.stat().st_size + MAX_TEXT:
                raise _damaged(path, "its content is far larger than the file")
            if (broken := archive.testzip()) is not None:
                raise _damaged(path, f"{broken.rpartition('/')[2]} does not match its checksum")
            texts = [entry for entry in entries if entry.filename.endswith((".py", "data.pkl", "constants.pkl"))]
            if sum(entry.file_size for entry in texts) > MAX_TEXT:
                raise _damaged(path, f"a program of more than {MAX_TEXT} bytes")
            for entry in texts:
                content = archive.read(entry)
                if entry.filename.endswith(".py"):
                    _check_text(content.decode("utf-8", "replace"), path)
                _check_classes(content, path)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
    ) as problem:
        raise _damaged(path, error_line(problem)) from None


def _check_form(names: list[str], path: Path) -> None:
    if len(set(names)) != len(names):
        raise _damaged(path, "two parts of one name")
    if not any("/code/" in name for name in names) or not any(name.endswith("/constants.pkl") for name in names):
        raise _damaged(path, "no program and constants")


def _check_text(text: str, path: Path) -> None:
    """Refuse operators that touch files, and ways to call one under another name."""
    words = WORD.findall(text)
    for place, word in enumerate(words):
        if word in FORBIDDEN:
            raise _forbidden(path, word)
        before, after = words[place - 1] if place else "", words[place + 1 : place + 3]
        if word in ("torch", "ops") and before != ".":
            if after[:1] != ["."]:
                raise _forbidden(path, f"{word} under another name")
            if word == "ops" and after[1] not in NAMESPACES:
                raise _forbidden(path, f"ops.{after[1]}")


def _check_classes(content: bytes, path: Path) -> None:
    for found in CLASS_NAME.findall(content):
        if found.decode() not in CLASSES:
            raise _forbidden(path, f"torch.classes.{found.decode()}")


def _forbidden(path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        "the program of TorchScript does more than compute",
        where=path,
        found=what,
        expected="operators that only compute: no files, no network",
        next_step="if you trust it, load it in a method of your own; see docs/your-method.md",
    )


def _damaged(path: Path, found: str) -> CheckpointError:
    return CheckpointError("the file of TorchScript is damaged", where=path, found=found)
