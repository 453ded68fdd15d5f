import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from harness.errors import FeatureError
from harness.features import FeatureFile, FeatureWriter, Provenance, write_features
from harness.features.layout import BLOCK
from tests.harness.features.made import ABOUT, example


def interrupted(folder: Path, rows: int, stop: int) -> tuple[list[str], np.ndarray]:
    keys = [str(row) for row in range(rows)]
    features = np.random.default_rng(3).standard_normal((rows, 3)).astype(np.float32)
    with pytest.raises(KeyboardInterrupt), FeatureWriter(folder / "f.h5", keys, 3, ABOUT) as writer:  # noqa: PT012
        writer.write(features[:stop])
        raise KeyboardInterrupt  # as a user's Ctrl-C would, between two batches
    return keys, features


def test_an_interrupted_writer_leaves_no_file_and_the_next_one_goes_on(tmp_path):
    keys, features = interrupted(tmp_path, 3 * BLOCK, 2 * BLOCK + 5)
    assert not (tmp_path / "f.h5").exists()
    with pytest.raises(FeatureError, match="is missing") as caught:
        FeatureFile.open(tmp_path / "f.h5")
    assert "is incomplete" in str(caught.value)

    with FeatureWriter(tmp_path / "f.h5", keys, 3, ABOUT) as writer:
        assert writer.done == 2 * BLOCK
        writer.write(features[writer.done :])

    with FeatureFile.open(tmp_path / "f.h5") as file:
        assert np.array_equal(file.read(), features)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.h5"]


def test_a_second_process_does_not_touch_what_the_first_is_writing(tmp_path):
    code = (
        "import sys; from harness.features import FeatureWriter, Provenance;"
        "FeatureWriter(sys.argv[1], ['a'], 1, Provenance(method='m', dataset='d')).__enter__()"
    )
    with FeatureWriter(tmp_path / "f.h5", ["a"], 1, Provenance(method="m", dataset="d")) as writer:
        command = [sys.executable, "-c", code, tmp_path / "f.h5"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        writer.write([[1.0]])

    assert "another process is writing this feature file" in done.stderr
    assert FeatureFile.open(tmp_path / "f.h5").read().tolist() == [[1.0]]


def test_two_who_write_one_file_at_once_both_write_it_whole(tmp_path):
    path, about = tmp_path / "f.h5", Provenance(method="m", dataset="d")
    keys, values = [str(row) for row in range(2 * BLOCK)], np.ones((2 * BLOCK, 3))
    with FeatureWriter(path, keys, 3, about, resumable=False) as slow:
        slow.write(values[:BLOCK])
        write_features(path, keys, 2 * values, dataset="d", method="m")
        with FeatureFile.open(path) as file:
            assert (file.read() == 2).all()
        slow.write(values[BLOCK:])

    with FeatureFile.open(path) as file:
        assert (file.read() == 1).all()
    assert [one.name for one in tmp_path.iterdir()] == ["f.h5"]


def test_what_can_be_resumed_is_not_touched_by_who_has_all_rows(tmp_path):
    keys, features = interrupted(tmp_path, 3 * BLOCK, 2 * BLOCK)
    write_features(tmp_path / "f.h5", ["a"], [[1.0]], dataset="d", method="m")

    with FeatureWriter(tmp_path / "f.h5", keys, 3, ABOUT) as writer:
        assert writer.done == 2 * BLOCK
        writer.write(features[writer.done :])

    with FeatureFile.open(tmp_path / "f.h5") as file:
        assert np.array_equal(file.read(), features)


@pytest.mark.parametrize("change", ["keys", "provenance", "width", "dtype", "garbage"])
def test_what_an_interrupted_writer_of_something_else_left_is_not_continued(tmp_path, change):
    keys, _ = interrupted(tmp_path, 2 * BLOCK, BLOCK)
    about, width, dtype = ABOUT, 3, "float32"
    if change == "keys":
        keys = [*keys[:-1], "other"]
    if change == "provenance":
        about = Provenance(method="mine", dataset="veri776", seed=1)
    if change == "width":
        width = 2
    if change == "dtype":
        dtype = "float16"
    if change == "garbage":
        (tmp_path / "f.h5.partial").write_bytes(b"\x89HDF nonsense")

    with FeatureWriter(tmp_path / "f.h5", keys, width, about, dtype) as writer:
        assert writer.done == 0
        writer.write(np.ones((len(keys), width)))

    with FeatureFile.open(tmp_path / "f.h5") as file:
        assert (file.read() == 1).all()


def test_a_block_that_changed_while_the_process_was_away_is_written_again(tmp_path):
    keys, features = interrupted(tmp_path, 3 * BLOCK, 3 * BLOCK - 1)
    with h5py.File(tmp_path / "f.h5.partial", "r+") as file:
        file["features"][BLOCK + 1, 0] += 1

    with FeatureWriter(tmp_path / "f.h5", keys, 3, ABOUT) as writer:
        assert writer.done == BLOCK
        writer.write(features[writer.done :])

    with FeatureFile.open(tmp_path / "f.h5") as file:
        assert np.array_equal(file.read(), features)


KILLED = """
import sys, time
import numpy as np
from harness.features import FeatureWriter, Provenance
keys = [str(row) for row in range(100_000)]
with FeatureWriter(sys.argv[1], keys, 8, Provenance(method="m", dataset="d")) as writer:
    for start in range(writer.done, len(keys), 100):
        stop = min(start + 100, len(keys))
        rows = np.arange(start, stop)[:, None] * np.arange(1, 9)
        writer.write(rows)
        print(stop, flush=True)
"""


def test_a_killed_process_leaves_a_file_that_resumes_to_the_same_digest(tmp_path):
    path = tmp_path / "f.h5"
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE)  # noqa: S603
        for _ in range(40):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        process.stdout.close()
        assert not path.exists()

    finished = subprocess.run([sys.executable, "-c", KILLED, path], check=True, capture_output=True, text=True)  # noqa: S603

    assert int(finished.stdout.split()[0]) > 1000
    rows = np.arange(100_000)[:, None] * np.arange(1, 9)
    expected = write_features(tmp_path / "e.h5", [str(row) for row in range(100_000)], rows, dataset="d", method="m")
    with FeatureFile.open(path) as file, FeatureFile.open(expected) as whole:
        assert file.digest == whole.digest


def test_a_writer_that_stops_early_says_what_is_missing(tmp_path):
    with (
        pytest.raises(FeatureError, match="missing at the end"),
        FeatureWriter(tmp_path / "f.h5", list("abc"), 2, ABOUT) as writer,
    ):
        writer.write(np.ones((2, 2)))
    assert not (tmp_path / "f.h5").exists()


def test_a_full_disk_ends_with_one_message_and_leaves_what_stood(tmp_path):
    code = (
        "import resource, sys, numpy as np, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from harness.features import write_features\n"
        "from harness.errors import RunError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "keys = [str(row) for row in range(5000)]\n"
        "try:\n"
        "    write_features(sys.argv[1], keys, np.ones((5000, 64)), dataset='d', method='m')\n"
        "except RunError as error:\n"
        "    print(error)\n"
    )
    path, _, stood = example(tmp_path)

    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)  # noqa: S603

    assert "the file could not be written" in done.stdout, done.stderr
    with FeatureFile.open(path) as file:
        assert np.array_equal(file.read(), stood)
