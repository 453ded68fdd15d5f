"""``bench weights convert``: takes the tensors out of any file of torch.save, in a process of its own.

The process interprets the pickle as ``pickles.py`` describes: nothing of the file is imported or called. It has limits
of memory, time and written bytes besides, and knows neither torch nor the user's environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from harness.basics.child import ChildFailedError, Limits, call
from harness.basics.files import replace_file
from harness.basics.foreign import Foreign
from harness.errors import CheckpointError, RunError, UsageError
from plugins.weights.kinds import check_regular, form_of

SECONDS, BYTES_A_SECOND = 120, 20_000_000
"""The longest time that the conversion of the smallest file may take, and the bytes a second of a larger one."""


class Converted(NamedTuple):
    """The outcome of a conversion: how many tensors were written, and how many numbers they have."""

    tensors: int
    numbers: int
    left_out: tuple[str, ...]


def convert(path: Path, out: Path) -> Converted:
    """Write the state dict of a file of torch.save as safetensors; nothing of the file is executed.

    Objects of the file that are neither tensors nor plain values are left out; of a network that was pickled whole, the
    parameters and buffers are taken. An existing output is replaced in one step.

    Raises:
        CheckpointError: the file is none of torch.save, is damaged, or holds no tensors by name.
        UsageError: the output is no safetensors file by its name.
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
    size = path.stat().st_size
    limits = Limits(SECONDS + size // BYTES_A_SECOND, 2 * size, 5 * size + (1 << 26))
    with replace_file(out, "wb") as written:  # the process fills it, and may be ended at any time
        words = [str(path), written.name, "zip" if form == "zip" else "pickle"]
        try:
            answer = call("plugins.weights.child:convert", words, limits)
        except ChildFailedError as problem:
            raise RunError("the file could not be converted within its limits", where=path, found=problem) from None
    return Converted(answer["tensors"], answer["numbers"], tuple(answer["left_out"]))
