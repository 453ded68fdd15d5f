"""``bench weights convert``: takes the tensors out of any file of torch.save, in a process of its own.

The process interprets the pickle as ``pickles.py`` describes: nothing of the file is imported or called. It has limits
of memory, time and written bytes besides, and knows neither torch nor the user's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import CheckpointError, RunError, UsageError
from plugins.weights.kinds import Foreign, check_regular, form_of

SECONDS = 120
"""The longest time that a conversion takes, besides a second for every 20 MB."""

BYTES_A_SECOND = 20_000_000

SPARE = 2 << 30
"""Bytes of memory besides twice the file's size: Python and numpy by themselves reserve one."""


class Converted(NamedTuple):
    """The outcome of a conversion: how many tensors were written, and how many numbers they have."""

    tensors: int
    numbers: int
    left_out: tuple[str, ...]


def convert(path: Path, out: Path) -> Converted:
    """Write the state dict of a file of torch.save as safetensors; nothing of the file is executed.

    Objects of the file that are neither tensors nor plain values are left out; of a network that was pickled whole, the
    parameters and buffers are taken.

    Raises:
        CheckpointError: the file is none of torch.save, is damaged, or holds no tensors by name.
        UsageError: the output exists, or is no safetensors file by its name.
        RunError: the output cannot be written, or the limits of time or memory were reached.
    """
    check_regular(path, "weights", "")
    form = form_of(path)
    if isinstance(form, Foreign):
        raise CheckpointError(f"the file is {form.what}", where=path, next_step=form.next_step)
    if form == "safetensors":
        raise UsageError("the file is one of safetensors already", where=path, next_step="use it as it is")
    if out.suffix != ".safetensors":
        raise UsageError("the output is not named as one of safetensors", found=out.name, expected="OUT.safetensors")
    if out.exists():
        raise UsageError("the output exists already", where=out, next_step="give another name, or remove it")
    answer = _answer(path, out, zipped=form == "zip")
    if "error" in answer:
        kind = RunError if answer.get("kind") == "run" else CheckpointError
        raise kind(answer["error"], where=answer.get("where", path), found=answer.get("found"))
    return Converted(answer["tensors"], answer["numbers"], tuple(answer["left_out"]))


def _answer(path: Path, out: Path, *, zipped: bool) -> dict[str, Any]:
    """Return what the process says; of the environment it gets only where Python and this package are."""
    root = Path(__file__).resolve().parents[2]
    size = path.stat().st_size
    seconds = SECONDS + size // BYTES_A_SECOND
    environment = {"PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR", "TEMP")
    environment |= {name: os.environ[name] for name in kept if name in os.environ}
    words = [
        str(path.resolve()),
        str(out.resolve()),
        "zip" if zipped else "pickle",
        str(2 * size + SPARE),
        str(seconds),
    ]
    command = [sys.executable, "-m", "plugins.weights.child", *words]
    try:
        ended = subprocess.run(  # noqa: S603 - our own module, given as a list
            command, env=environment, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise RunError("the conversion took too long and was ended", where=path, found=f"{seconds} seconds") from None
    try:
        answer = json.loads(ended.stdout)
    except ValueError:
        raise RunError(
            "the conversion was ended by its limits",
            where=path,
            found=f"exit status {ended.returncode}",
            expected=f"at most {(2 * size + SPARE) >> 20:,} MiB of memory",
        ) from None
    return answer if isinstance(answer, dict) else {"error": "the conversion gave no answer"}
