import json
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest

from harness.errors import BenchError, FeatureError
from harness.features import FeatureFile, write_features
from tests.harness.features.made import example


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
    "schema 0": lambda file: file.attrs.__setitem__("schema", 0),
    "schema 2 without its storage": lambda file: file.attrs.__setitem__("schema", 2),
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
    tampered(path, lambda file: file.attrs.__setitem__("schema", 3))

    with pytest.raises(FeatureError, match="newer schema") as caught:
        FeatureFile.open(path)
    assert "update vehicle-reid-bench" in str(caught.value)


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "a\x1b[31m"}, "method"),
        ({"variant": "a\u202eb"}, "variant"),
        ({"dataset": "x\n" * 2}, "dataset"),
        ({"train_on": "t" * 2000}, "train_on"),
        ({"seed": 10**18 * 10}, "19"),
        ({"seed": 10**30}, "31 digits"),
        ({"input_size": [10**9, 10**9]}, "input_size"),
        ({"parameters": -1}, "parameters"),
        ({"options": {"x": json.loads("[" * 300 + "]" * 300)}}, "nested more than 64 deep"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_words_and_numbers_of_a_provenance_have_their_form(tmp_path, change, message):
    path, _, _ = example(tmp_path, rows=4)

    def change_provenance(file):
        text = json.dumps({**json.loads(file.attrs["provenance"]), **change}, sort_keys=True, separators=(",", ":"))
        file.attrs["provenance"] = np.bytes_(text)
        file.attrs["provenance_digest"] = np.bytes_(sha256(text.encode()).hexdigest())

    tampered(path, change_provenance)

    with pytest.raises(FeatureError, match="damaged") as caught:
        FeatureFile.open(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500
