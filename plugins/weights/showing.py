"""What ``bench weights show`` tells of a file, which is read without executing anything."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from harness.basics.digests import file_digest
from harness.basics.foreign import Foreign
from harness.errors import CheckpointError
from plugins.weights.archives import open_contents
from plugins.weights.formats import nearest
from plugins.weights.kinds import Form, check_regular, form_of
from plugins.weights.reading import open_safetensors, unwrapped
from plugins.weights.states import others_in, state_in
from plugins.weights.values import Damaged, Stored

WORDS = {
    "safetensors": "safetensors",
    "zip": "torch.save (archive)",
    "pickle": "torch.save (before 1.6) or a pickle",
}


def described(path: Path) -> dict[str, Any]:
    """Return the form, the tensors and the likely format of a file as JSON values.

    Raises:
        CheckpointError: it is missing, damaged or holds no tensors by name.
    """
    check_regular(path, "weights", "")
    form = form_of(path)
    if isinstance(form, Foreign):
        raise CheckpointError(f"the file is {form.what}", where=path, next_step=form.next_step)
    try:
        tensors, besides, metadata = _of_safetensors(path) if form == "safetensors" else _of_torch(path, form)
    except (Damaged, OSError) as problem:
        raise CheckpointError("the file is damaged", where=path, found=problem) from None
    names = [unwrapped(one["name"]) for one in tensors]
    found = nearest(names)
    return {
        "file": path.name,
        "form": WORDS[form],
        "sha256": file_digest(path),
        "format": found.name if found else "",
        "use": f"use {found.use} --set weights=FILE" if found else "",
        "converted": _origin(metadata),
        "left_out": besides,
        "parameters": sum(math.prod(one["shape"]) for one in tensors),
        "tensors": tensors,
    }


def _of_torch(path: Path, form: Form) -> tuple[list[dict[str, Any]], list[str], dict[str, Any]]:
    with open_contents(path, zipped=form == "zip", inert=True) as contents:
        found = state_in(contents.value)
        if isinstance(found, str):
            raise CheckpointError("the file holds no state dict", where=path, found=found, expected="tensors by name")
        besides = others_in(contents.value)
    rows = []
    for name, one in sorted(found.items()):
        kind = one.kind.word if isinstance(one, Stored) else one.kind.code if one.kind else ""
        rows.append({"name": name, "shape": list(one.shape), "numbers": kind})
    return rows, besides, {}


def _of_safetensors(path: Path) -> tuple[list[dict[str, Any]], list[str], dict[str, Any]]:
    with open_safetensors(path, "np") as file:
        parts = {name: file.get_slice(name) for name in sorted(file.keys())}
        rows = [
            {"name": name, "shape": list(part.get_shape()), "numbers": str(part.get_dtype())}
            for name, part in parts.items()
        ]
        return rows, [], dict(file.metadata() or {})


def _origin(metadata: dict[str, Any]) -> str:
    """Return what a converted file was made from, as its metadata says."""
    try:
        said = json.loads(metadata.get("converted", "{}"))
        return f"{str(said['from'])[:100]}, sha256 {str(said['sha256'])[:64]}"
    except (ValueError, KeyError, TypeError):
        return ""
