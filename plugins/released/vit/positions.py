"""The grid of patches that a network was trained with, found from the number of its positional embeddings."""

from __future__ import annotations

from harness.errors import CheckpointError

STRIDES = (12, 16)
"""The strides that are looked for: TransReID's and CLIP-ReID's releases for vehicles have no other."""

FURTHER = (11, 14)
"""Strides of some releases, OCC-Duke's and DMT's, that are proposed and never assumed."""

USUAL = ((256, 256), (224, 224), (384, 384), (256, 128), (384, 128), (320, 320))
"""Heights and widths in pixels that the releases were trained with, proposed in a message."""

Size = tuple[int, int]


def grid_of(size: Size, patch: int, stride: int) -> Size:
    """Return the rows and columns of patches in an input of this height and width."""
    rows, columns = ((side - patch) // stride + 1 for side in size)
    return rows, columns


def find_stride(positions: int, patch: int, trained: Size, stride: int, where: object) -> int:
    """Return the stride with which an input of the training has so many patches.

    Args:
        positions: the number of patches.
        patch: the side of a patch in pixels.
        trained: height and width of the input in training.
        stride: the user's, or 0.
        where: the file, for messages.

    Raises:
        CheckpointError: no stride fits, or more than one does.
    """
    fitting = [one for one in ([stride] if stride else STRIDES) if _fits(positions, patch, trained, one)]
    if len(fitting) == 1:
        return fitting[0]
    height, width = trained
    if fitting:
        raise CheckpointError(
            f"the stride cannot be told from {positions} positions",
            where=where,
            found=f"strides {' and '.join(map(str, fitting))} fit an input of {height} x {width}",
            next_step=f"give the stride of the training: --set stride={fitting[0]}",
        )
    given = f"stride {stride}" if stride else "stride " + " or ".join(map(str, STRIDES))
    known = [
        f"--set trained_size={size[0]}x{size[1]} --set stride={one}"
        for size in dict.fromkeys((trained, *USUAL))
        for one in sorted((*STRIDES, *FURTHER))
        if _fits(positions, patch, size, one)
    ]
    raise CheckpointError(
        "the weights were trained with another input size or stride",
        where=where,
        found=f"{positions} positions",
        expected=f"those of an input of {height} x {width} with {given}",
        next_step="give what the training used: " + (", or ".join(known) or "--set trained_size=HxW --set stride=N"),
    )


def _fits(positions: int, patch: int, size: Size, stride: int) -> bool:
    rows, columns = grid_of(size, patch, stride)
    return min(rows, columns) > 0 and rows * columns == positions
