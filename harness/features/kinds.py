"""What a file is that is no feature file: told by its first bytes, and by its name where it is text."""

from __future__ import annotations

from pathlib import Path

from harness.basics.foreign import AGAIN, HEAD, foreign_start, foreign_text
from harness.basics.reading import check_regular
from harness.errors import FeatureError
from harness.features.inspection import foreign

HDF5 = b"\x89HDF\r\n\x1a\n"

MARKS = (
    (b"\x93NUMPY", "npy", "a NumPy array (.npy)"),
    (b"PAR1", "parquet", "a Parquet table"),
    (b"MATLAB 5.0 MAT-file", "mat", "a MATLAB file (.mat)"),
    (b"MATLAB 7.3 MAT-file", "hdf5", "a MATLAB file (.mat) of version 7.3"),
    (HDF5, "hdf5", "an HDF5 file"),
)
"""The first bytes, the format and its name; a MATLAB file of version 7.3 is HDF5 behind a block of text."""

ZIPS = {".npz": ("npz", "NumPy arrays (.npz)")}
TORCH = ("torch", "a file of torch.save")
"""What a zip is by its suffix: NumPy's, or else torch's; older ones of torch are pickles."""

TEXTS = {".csv": ("csv", "a table of text (.csv)"), ".tsv": ("csv", "a table of text (.tsv)")}
PICKLES = (".pt", ".pth", ".tar")
ENDINGS = (".npy", ".npz", ".mat", ".parquet", *TEXTS, *PICKLES)


def kind_of(path: Path) -> tuple[str, str] | None:
    """Return the format of a file and its name in words, or None if it is none that can be imported.

    The file is not read beyond its first bytes.
    """
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        first = file.read(520)
    for mark, word, name in MARKS:
        if first.startswith(mark):
            return word, name
    if first[512:] == HDF5:
        return "hdf5", "a MATLAB file (.mat) of version 7.3"
    if first[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return "mat", "a MATLAB file (.mat)"
    if first.startswith(b"PK\x03\x04"):
        return ZIPS.get(suffix, TORCH)
    if suffix in PICKLES and first.startswith(b"\x80"):
        return TORCH
    return TEXTS.get(suffix)


def refuse_foreign(path: Path, given: str = "--protocol NAME --data DIR") -> None:
    """Raise a FeatureError that names 'bench features import' if a file is of another format, or named as if.

    Args:
        path: the file; nothing is said of one that is missing, or of a folder.
        given: the options of protocol and data set in the command that imports the file.
    """
    if path.exists() and not path.is_dir():  # a pipe would be waited for without end
        check_regular(path, "the feature file", error=FeatureError)
    try:
        found = kind_of(path)
    except OSError:
        return
    if found is not None and found[1] == "an HDF5 file":
        return
    if found is not None:
        raise foreign(path, found[1], given)
    with path.open("rb") as file:
        head = file.read(HEAD)
    other = foreign_start(head) or foreign_text(head)
    if other is not None or not head:
        raise FeatureError(
            "this is not a feature file",
            where=path,
            found="an empty file" if other is None else other.what,
            expected="an HDF5 file written by bench",
            next_step=AGAIN if other is None else other.next_step,
        )
    if path.suffix.lower() in ENDINGS:
        raise foreign(path, f"a file named {path.suffix.lower()}, which is damaged or of another format", given)
