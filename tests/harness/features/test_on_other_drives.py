"""Feature files on drives that refuse locks, reserve no space, or are full."""

import errno
import os

import h5py
import numpy as np
import pytest

from harness.boxes.store import read_store, write_boxes
from harness.boxes.value import Boxes
from harness.errors import RunError
from harness.exchange.hdf5 import read_hdf5
from harness.features import FeatureFile, FeatureWriter, Provenance, write_features

KEYS = ["a.jpg", "b.jpg"]


def written(path):
    return write_features(path, KEYS, np.eye(2), dataset="d", method="m")


def test_files_are_read_without_a_lock_which_some_drives_refuse(tmp_path):
    fcntl = pytest.importorskip("fcntl", reason="this system has other locks")
    path, boxes = written(tmp_path / "f.h5"), write_boxes(tmp_path / "b.h5", Boxes({}, {}))
    with path.open("rb") as one, boxes.open("rb") as other:
        for file in (one, other):
            fcntl.flock(file, fcntl.LOCK_EX)  # HDF5 would take its own lock for refused

        assert FeatureFile.open(path).keys == tuple(KEYS)
        assert read_hdf5(path).texts["keys"] == tuple(KEYS)
        assert read_store(boxes).of_image == {}


def test_a_system_without_the_call_that_reserves_space_writes_the_same_bytes(tmp_path, monkeypatch):
    expected = written(tmp_path / "f.h5").read_bytes()
    monkeypatch.delattr(os, "posix_fallocate", raising=False)

    assert written(tmp_path / "g.h5").read_bytes() == expected


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve space")
def test_a_drive_that_refuses_to_reserve_space_is_not_called_full(tmp_path, monkeypatch):
    def refuse(*_words):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", refuse)

    assert FeatureFile.open(written(tmp_path / "f.h5")).read().tolist() == np.eye(2).tolist()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot reserve space")
def test_a_full_disk_is_told_with_the_bytes_that_are_needed_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_words):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RunError, match="could not be written") as caught:
        written(tmp_path / "f.h5")

    assert "No space left on device" in caught.value.found
    assert "are needed" in caught.value.found
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_end_was_lost_while_it_was_closed_never_gets_its_name(tmp_path, monkeypatch):
    close = h5py.File.close

    def lose(file):
        if "digest" in file.attrs:
            del file.attrs["digest"]  # as on a full disk, about which h5py says nothing
        close(file)

    monkeypatch.setattr(h5py.File, "close", lose)
    with pytest.raises(RunError, match="could not be written"):
        written(tmp_path / "f.h5")

    assert list(tmp_path.iterdir()) == []


def test_room_is_held_where_rows_will_be_written(tmp_path):
    about = Provenance(method="m", dataset="d")
    with pytest.raises(KeyboardInterrupt), FeatureWriter(tmp_path / "f.h5", KEYS, 1 << 16, about) as writer:  # noqa: PT012
        found = writer.partial.stat()
        assert found.st_blocks * 512 >= found.st_size
        raise KeyboardInterrupt
