"""Files that would do harm if anything in them were executed, or their sizes believed."""

import io
import os
import pickle
import struct
import zipfile

import torch

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


class Runs:
    """A pickle of it makes a folder when Python's own unpickler reads it."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return (os.mkdir, (self.folder,))


def saved(content, *, zipped=True):
    """Return the bytes of torch.save."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def by_opcodes(folder):
    """Return pickles that reach for os.mkdir by every operation that makes a name or a call."""
    place = str(folder).encode()
    text = b"X" + struct.pack("<I", len(place)) + place
    return {
        "GLOBAL and REDUCE": b"\x80\x02cposix\nmkdir\n" + text + b"\x85R.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x05posix\x8c\x05mkdir\x93" + text + b"\x85R.",
        "INST": b"\x80\x02(" + text + b"iposix\nmkdir\n.",
        "OBJ": b"\x80\x02(cposix\nmkdir\n" + text + b"o.",
        "NEWOBJ": b"\x80\x02cposix\nmkdir\n" + text + b"\x85\x81.",
        "NEWOBJ_EX": b"\x80\x04cposix\nmkdir\n" + text + b"\x85}\x92.",
        "BUILD": b"\x80\x02cbuiltins\neval\n}X\x01\x00\x00\x00aK\x01sb.",
        "a known name's argument": b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nmkdir\nN"
        + text
        + b"\x85NtR.",
        "an extension": b"\x80\x02\x82\x01.",
        "eval through numpy": b"\x80\x02cnumpy\ndtype\ncbuiltins\neval\nX\x01\x00\x00\x001\x85R\x85R.",
    }


def archive(pickled, members=(), **settings):
    """Return an archive as torch.save writes it, with this pickle and further members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **settings) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", "little")
        for name, content in members:
            file.writestr(f"archive/{name}", content)
        file.writestr("archive/version", "3\n")
    return buffer.getvalue()


def described_tensor(*, count=6, size=(2, 3), strides=(3, 1), offset=0):
    """Return the pickle of ``{"weight": tensor}`` whose description may say anything of its storage ``0``."""

    class Described(pickle.Pickler):
        def persistent_id(self, found):
            return ("storage", torch.FloatStorage, "0", "cpu", count) if found == "the storage" else None

    class Tensor:
        def __reduce__(self):
            rebuild = torch._utils._rebuild_tensor_v2
            return (rebuild, ("the storage", offset, size, strides, False, {}))

    buffer = io.BytesIO()
    Described(buffer, protocol=2).dump({"weight": Tensor()})
    return buffer.getvalue()
