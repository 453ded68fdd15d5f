import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import harness
from harness.errors import BenchError, FeatureError, RunError
from harness.features import FeatureFile, FeatureWriter, Provenance, write_features
from harness.features.layout import BLOCK

ABOUT = Provenance(method="mine", dataset="veri776")


def example(folder: Path, rows: int = 600, width: int = 4, **about) -> tuple[Path, list[str], np.ndarray]:
    keys = [f"image_test/{row:05d}.jpg" for row in range(rows)]
    features = np.random.default_rng(1).standard_normal((rows, width)).astype(np.float32)
    path = write_features(folder / "f.h5", keys, features, dataset="veri776", method="mine", **about)
    return path, keys, features


def test_what_was_written_is_read_with_its_provenance(tmp_path):
    path, keys, features = example(tmp_path, options={"a": [1, None]}, seed=3, metric="euclidean")

    with FeatureFile.open(path) as file:
        assert file.keys == tuple(keys)
        assert file.shape == features.shape
        assert file.dtype == np.float32
        assert file.provenance.options == {"a": [1, None]}
        assert (file.provenance.seed, file.provenance.metric) == (3, "euclidean")
        assert np.array_equal(file.read(), features)


def test_rows_come_in_the_order_that_was_asked_for_and_slice_by_slice(tmp_path):
    path, keys, features = example(tmp_path)
    order = np.random.default_rng(2).permutation(len(keys))[:300]

    with FeatureFile.open(path) as file:
        rows = file.rows([keys[row] for row in order])
        parts = [rows[start : start + 37] for start in range(0, len(order), 37)]
        assert rows.shape == (300, 4)
        assert np.array_equal(np.concatenate(parts), features[order])
        assert np.array_equal(rows[::-3], features[order][::-3])
        assert rows[5:5].shape == (0, 4)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(texts, min_size=1, max_size=30, unique=True),
    width=st.integers(1, 5),
    dtype=st.sampled_from(["float32", "float16"]),
    data=st.data(),
)
def test_any_keys_and_features_come_back(tmp_path_factory, keys, width, dtype, data):
    bits = 32 if dtype == "float32" else 16
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=bits)
    features = data.draw(hnp.arrays(dtype, (len(keys), width), elements=numbers))
    path = tmp_path_factory.mktemp("any") / "f.h5"

    write_features(path, keys, features, dataset="d", method="m", dtype=dtype)

    with FeatureFile.open(path) as file:
        assert file.keys == tuple(keys)
        assert file.read().tobytes() == features.tobytes()


def test_the_digest_is_of_keys_and_features_and_of_nothing_else(tmp_path):
    def digest(keys, features, **about) -> str:
        path = write_features(tmp_path / "f.h5", keys, features, **{"dataset": "d", "method": "m", **about})
        with FeatureFile.open(path) as file:
            return file.digest

    keys, features = ["a", "b"], np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    first = digest(keys, features)

    assert digest(keys, features, method="other", seed=9) == first
    assert digest(["a", "c"], features) != first
    assert digest(["b", "a"], features) != first
    assert digest(keys, features + np.float32(1e-6)) != first
    assert digest(keys, features, dtype="float16") != first


def test_writing_in_pieces_or_at_once_gives_one_digest(tmp_path):
    path, keys, features = example(tmp_path, rows=2 * BLOCK + 17)
    with FeatureWriter(tmp_path / "pieces.h5", keys, 4, ABOUT) as writer:
        for start in range(0, len(keys), 100):
            writer.write(features[start : start + 100])

    with FeatureFile.open(path) as whole, FeatureFile.open(tmp_path / "pieces.h5") as pieces:
        assert pieces.digest == whole.digest
        assert np.array_equal(pieces.read(), features)


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
    assert "not finished" in str(caught.value)

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

    assert "another process writes this feature file" in done.stderr
    assert FeatureFile.open(tmp_path / "f.h5").read().tolist() == [[1.0]]


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


def test_every_flipped_bit_is_found_or_changes_nothing_that_is_read(tmp_path):
    path, _, features = example(tmp_path, rows=40)
    with FeatureFile.open(path) as file:
        digest, keys, provenance = file.digest, file.keys, file.provenance
    content = path.read_bytes()
    harmless = 0
    generator = np.random.default_rng(5)
    for position in generator.choice(len(content), 1000, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        try:
            with FeatureFile.open(path) as file:
                assert (file.keys, file.digest, file.provenance) == (keys, digest, provenance)
                assert np.array_equal(file.read(), features)
                harmless += 1
        except FeatureError:
            pass
    assert harmless < 1000


@pytest.mark.parametrize("kept", [0, 1, 100, 0.3, 0.6, 0.9, -1])
def test_a_truncated_file_is_refused(tmp_path, kept):
    path, _, _ = example(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])

    with pytest.raises(FeatureError):
        FeatureFile.open(path).read()


def tampered(path: Path, change) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def replaced(name, make):
    def change(file):
        del file[name]
        make(file)

    return change


def external_storage(file):
    Path(file.filename).with_name("raw.bin").write_bytes(b"\0" * 9600)
    file.create_dataset("features", (600, 4), "<f4", external=[("raw.bin", 0, h5py.h5f.UNLIMITED)])


def virtual(file):
    layout = h5py.VirtualLayout((600, 4), "<f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "features", (600, 4))
    file.create_virtual_dataset("features", layout)


def set_link(link):
    def make(file):
        file["features"] = link

    return make


def set_provenance(file, text):
    file.attrs["provenance"] = np.bytes_(text)
    file.attrs["provenance_digest"] = np.bytes_(sha256(text).hexdigest())


TAMPERED = {
    "external link": replaced("features", set_link(h5py.ExternalLink("elsewhere.h5", "/features"))),
    "soft link": replaced("features", set_link(h5py.SoftLink("/checksums"))),
    "external storage": replaced("features", external_storage),
    "virtual data set": replaced("features", virtual),
    "compression": replaced(
        "features", lambda file: file.create_dataset("features", (600, 4), "<f4", compression="gzip")
    ),
    "group": replaced("features", lambda file: file.create_group("features")),
    "float64": replaced("features", lambda file: file.create_dataset("features", (600, 4), "<f8")),
    "big-endian": replaced("features", lambda file: file.create_dataset("features", (600, 4), ">f4")),
    "integers": replaced("features", lambda file: file.create_dataset("features", (600, 4), "<i4")),
    "references": replaced("features", lambda file: file.create_dataset("features", (600, 4), h5py.ref_dtype)),
    "compound": replaced("features", lambda file: file.create_dataset("features", (600, 4), [("a", "<f4")])),
    "another shape": replaced("features", lambda file: file.create_dataset("features", (599, 4), "<f4")),
    "no width": replaced("features", lambda file: file.create_dataset("features", (600, 0), "<f4")),
    "one dimension": replaced("features", lambda file: file.create_dataset("features", (600,), "<f4")),
    "other features": lambda file: file["features"].__setitem__((0, 0), 7.0),
    "keys of variable length": replaced("keys", lambda file: file.create_dataset("keys", (600,), h5py.string_dtype())),
    "equal keys": lambda file: file["keys"].__setitem__(0, file["keys"][1]),
    "keys of no text": lambda file: file["keys"].__setitem__(0, b"\xff\xfe"),
    "a surplus part": lambda file: file.create_dataset("more", (1,), "<f4"),
    "a missing part": lambda file: file.__delitem__("checksums"),
    "no digest": lambda file: file.attrs.__delitem__("digest"),
    "another digest": lambda file: file.attrs.__setitem__("digest", np.bytes_("0" * 64)),
    "a digest of variable length": lambda file: file.attrs.__setitem__("digest", file.attrs["digest"].decode()),
    "more than the file holds": replaced("features", lambda file: file.create_dataset("features", (10**12, 4), "<f4")),
    "another provenance": lambda file: file.attrs.__setitem__(
        "provenance", np.bytes_(file.attrs["provenance"].replace(b"mine", b"ours"))
    ),
    "a digest of numbers": lambda file: file.attrs.__setitem__("digest", np.arange(4)),
    "no schema": lambda file: file.attrs.__delitem__("schema"),
    "a schema of text": lambda file: file.attrs.__setitem__("schema", "1"),
    "no provenance": lambda file: file.attrs.__delitem__("provenance"),
    "provenance of another form": lambda file: set_provenance(file, b"[1, 2]"),
    "endless provenance": lambda file: set_provenance(file, b"[" * 60000),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_file_that_is_not_what_the_schema_says_is_refused(tmp_path, change):
    path, _, _ = example(tmp_path)
    write_features(tmp_path / "elsewhere.h5", ["a"], [[1.0]], dataset="d", method="m")
    tampered(path, change)

    with pytest.raises(FeatureError) as caught:
        FeatureFile.open(path).read()

    assert str(path) in str(caught.value)


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path):
    path, _, _ = example(tmp_path)
    tampered(path, lambda file: file.attrs.__setitem__("schema", 2))

    with pytest.raises(FeatureError, match="newer schema") as caught:
        FeatureFile.open(path)
    assert "update vehicle-reid-bench" in str(caught.value)


def test_features_that_are_not_finite_are_counted_and_named(tmp_path, monkeypatch):
    features = np.ones((300, 2), np.float32)
    features[[7, 290], 1] = np.nan, np.inf
    keys = [f"{row}.jpg" for row in range(300)]
    with pytest.raises(FeatureError, match="2 features are not finite") as caught:
        write_features(tmp_path / "f.h5", keys, features, dataset="d", method="m")
    assert "7.jpg, 290.jpg" in str(caught.value)
    assert not (tmp_path / "f.h5").exists()

    monkeypatch.setattr("harness.features.writer._as_rows", lambda rows, *_: rows)
    write_features(tmp_path / "f.h5", keys, features, dataset="d", method="m")
    with FeatureFile.open(tmp_path / "f.h5") as file, pytest.raises(FeatureError, match="2 features") as caught:
        file.read(keys[:10])
    assert "7.jpg, 290.jpg" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "features", "words"),
    [
        (["a"], np.ones((2, 3)), "do not fit the keys"),
        (["a"], np.ones(3), "do not fit the keys"),
        (["a"], [["x", "y"]], "no numbers"),
        (["a", "b"], [[1.0], [1.0, 2.0]], "no common width"),
        (["a", "a"], np.ones((2, 3)), "a key stands twice"),
        (["a", ""], np.ones((2, 3)), "a key cannot be stored"),
        (["a", "b\0c"], np.ones((2, 3)), "a key cannot be stored"),
        (["a", "x" * 2000], np.ones((2, 3)), "a key cannot be stored"),
        (["a", "\ud800"], np.ones((2, 3)), "a key is no text"),
        ([], np.ones((0, 3)), "at least one image"),
        (["a"], np.ones((1, 0)), "have no numbers"),
        (["a"], [[1e30]], "not finite in float16"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_leaves_what_stood(tmp_path, keys, features, words):
    path, _, stood = example(tmp_path)
    dtype = "float16" if "float16" in words else "float32"

    with pytest.raises(FeatureError, match=words):
        write_features(path, keys, features, dataset="d", method="m", dtype=dtype)

    with FeatureFile.open(path) as file:
        assert np.array_equal(file.read(), stood)
    assert [file.name for file in tmp_path.iterdir()] == ["f.h5"]


def test_images_without_a_feature_are_counted_and_the_files_data_set_is_named(tmp_path):
    path, keys, _ = example(tmp_path)

    with FeatureFile.open(path) as file, pytest.raises(FeatureError, match="2 of 3 images have no feature") as caught:
        file.rows(["VeRi/x.jpg", keys[0], "VeRi/y.jpg"])
    assert "VeRi/x.jpg, VeRi/y.jpg" in str(caught.value)
    assert "'veri776'" in str(caught.value)


def test_a_writer_that_stops_early_says_what_is_missing(tmp_path):
    with (
        pytest.raises(FeatureError, match="missing at the end"),
        FeatureWriter(tmp_path / "f.h5", "abc", 2, ABOUT) as writer,
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


@pytest.mark.parametrize("kind", ["folder", "text", "another HDF5 file"])
def test_something_else_than_a_feature_file_is_refused(tmp_path, kind):
    path = tmp_path / "f.h5"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("image,feature\n")
    else:
        h5py.File(path, "w").close()

    with pytest.raises(BenchError):
        FeatureFile.open(path)


def test_the_python_surface_offers_it(tmp_path):
    assert harness.write_features is write_features
    assert issubclass(RunError, harness.BenchError)
