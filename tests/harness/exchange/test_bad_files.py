"""Bad files get one message that says what is wrong; nothing is executed, and nothing is left behind."""

import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from harness.basics.child import ChildFailedError
from harness.errors import FeatureError
from harness.exchange import apart, contents, tables
from harness.exchange.selecting import Names
from tests.harness.exchange.made import (
    FEATURES,
    KEYS,
    ORDER,
    PARTS,
    QUERY,
    bring,
    brought,
    matlab,
    names,
    npy,
    npz,
    parquet,
    tensors,
    text,
)


class Executes:
    """What would leave a file behind if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def changed(values, row, column, value):
    values = values.copy()
    values[row, column] = value
    return values


def objects(folder):
    np.save(folder / "f.npy", np.array([Executes(folder / "executed")] * 3, dtype=object), allow_pickle=True)
    return folder / "f.npy"


def objects_in_npz(folder):
    np.savez(folder / "f.npz", features=np.array([[Executes(folder / "executed")]], dtype=object))
    return folder / "f.npz"


def pickled(folder, suffix="pt"):
    torch.save({"features": Executes(folder / "executed")}, folder / f"f.{suffix}")
    return folder / f"f.{suffix}"


def bare_pickle(folder):
    (folder / "f.pth").write_bytes(pickle.dumps(Executes(folder / "executed")))
    return folder / "f.pth"


def lines(folder, change):
    file = text(folder / "f.csv")
    rows = file.read_text().splitlines()
    change(rows)
    file.write_text("\n".join(rows))
    return file


def in_line_three(field):
    def change(rows):
        rows[2] = rows[2].rpartition(",")[0] + f",{field}"

    return change


def with_a_score(rows):
    rows[0] = "key,f0,f1,f2,f3,score"


def cells(folder):
    features = np.empty((1, 6), dtype=object)
    features[0] = list(PARTS["query_f"])
    savemat(folder / "f.mat", {"query_f": features})
    return folder / "f.mat"


def linked(folder):
    with h5py.File(folder / "f.hdf5", "w") as file:
        file["features"] = h5py.ExternalLink("/etc/other.h5", "/features")
        file["names"] = KEYS
    return folder / "f.hdf5"


def external(folder):
    with h5py.File(folder / "f.hdf5", "w") as file:
        file.create_dataset("features", (17, 5), "<f4", external=[("/etc/passwd", 0, 340)])
    return folder / "f.hdf5"


def shuffled(folder):
    order = np.array([1, 0, 2, 3, 4, 5])
    return matlab(folder / "f.mat", query_f=PARTS["query_f"][order], query_label=QUERY.vehicle[order])


BAD = {
    "too few rows": (lambda folder: npy(folder / "f.npy", FEATURES[:-1]), "too few features", "17 images"),
    "too many rows": (
        lambda folder: npy(folder / "f.npy", FEATURES[[0, *range(17)]]),
        "too many features",
        "17 images",
    ),
    "no rows": (lambda folder: npy(folder / "f.npy", FEATURES[:0]), "no rows and columns", "(0, 5)"),
    "one axis": (lambda folder: npy(folder / "f.npy", FEATURES[:, 0]), "no array of features", "(17,)"),
    "three axes": (
        lambda folder: npz(folder / "f.npz", features=np.zeros((17, 2, 3))),
        "no rows and columns",
        "(n, d)",
    ),
    "nan": (
        lambda folder: npy(folder / "f.npy", changed(FEATURES, 4, 2, np.nan)),
        "1 features are not finite",
        KEYS[4],
    ),
    "inf": (
        lambda folder: npy(folder / "f.npy", changed(FEATURES, 4, 2, np.inf)),
        "1 features are not finite",
        KEYS[4],
    ),
    "too large for float32": (
        lambda folder: npy(folder / "f.npy", changed(FEATURES.astype(float), 0, 0, 1e300)),
        "not finite in float32",
        KEYS[0],
    ),
    "strings": (
        lambda folder: npz(folder / "f.npz", features=FEATURES.astype(str)),
        "no array of features",
        "several axes",
    ),
    "complex": (lambda folder: npy(folder / "f.npy", FEATURES.astype(complex)), "no array of features", "complex128"),
    "doubled keys": (
        lambda folder: npz(folder / "f.npz", keys=np.array([*KEYS[:-1], KEYS[0]])),
        "more than once",
        KEYS[0],
    ),
    "keys of another data set": (
        lambda folder: npz(folder / "f.npz", keys=np.array([f"x/{number}.png" for number in range(17)])),
        "no key of the file",
        "x/0.png",
    ),
    "fewer keys": (lambda folder: npz(folder / "f.npz", keys=np.array(KEYS[1:])), "too many features", "16 images"),
    "square": (
        lambda folder: npz(folder / "f.npz", features=np.ones((17, 17))),
        "rows and columns cannot be told apart",
        "--images-in",
    ),
    "several arrays": (lambda folder: npz(folder / "f.npz", feats=FEATURES), "several arrays", "feats, features"),
    "objects": (objects, "holds objects", "np.asarray"),
    "objects in npz": (objects_in_npz, "holds objects", "np.asarray"),
    "a pickle that wants code": (pickled, "could execute code", "it asks for"),
    "a bare pickle": (bare_pickle, "could execute code", "save tensors"),
    "a ragged table": (lambda folder: lines(folder, in_line_three("1,2")), "differ in length", "f.csv:3"),
    "a word in a table": (lambda folder: lines(folder, in_line_three("red")), "not a number", "'red'"),
    "an underscore in a number": (lambda folder: lines(folder, in_line_three("1_0")), "not a number", "'1_0'"),
    "an empty field": (lambda folder: lines(folder, in_line_three("")), "not a number", "column 'f4'"),
    "nan in a table": (lambda folder: lines(folder, in_line_three("nan")), "not finite", KEYS[1]),
    "a strange column": (lambda folder: lines(folder, with_a_score), "no feature", "score"),
    "an open quote": (lambda folder: lines(folder, lambda rows: rows.append('"')), "cannot be read", "table of text"),
    "a table that is not UTF-8": (
        lambda folder: (folder / "f.csv").write_bytes("schlüssel,f0\nä.jpg,1".encode("cp1252")) and folder / "f.csv",
        "cannot be read as a table of text",
        "UTF-8",
    ),
    "other variables": (
        lambda folder: savemat(folder / "f.mat", {"hist": FEATURES, "w": FEATURES}) or folder / "f.mat",
        "several arrays",
        "hist, w",
    ),
    "a cell array": (cells, "no array of features", "cell2mat"),
    "another order": (shuffled, "the vehicles are not those of the list", "query_f, row 1"),
    "labels too few": (
        lambda folder: matlab(folder / "f.mat", query_label=QUERY.vehicle[1:]),
        "fewer vehicles ('query_label') than images",
        "expected: 6",
    ),
    "a link out of the file": (linked, "no array of features", "features: a link"),
    "numbers of another file": (external, "no array of features", "stored in another file"),
    "no known format": (lambda folder: names(folder / "f.bin"), "no format that can be imported", ".npy"),
    "no file": (lambda folder: folder / "nothing.npy", "the file is missing", "nothing.npy"),
    "a folder": (lambda folder: folder, "the file is missing", ".npy"),
    "html": (
        lambda folder: (folder / "f.mat").write_text("<html>404</html>") and folder / "f.mat",
        "no format that can be imported",
        ".mat",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_message_and_leaves_nothing(tmp_path, case):
    make, what, detail = BAD[case]
    (tmp_path / "in").mkdir()
    file = make(tmp_path / "in")
    order = () if "key" in case or case in {"square", "objects"} or file.suffix in {".csv", ".hdf5"} else ORDER

    with pytest.raises(FeatureError) as caught:
        bring(tmp_path / "out.h5", file, order=order)

    assert what in caught.value.what
    assert detail in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert not (tmp_path / "in" / "executed").exists()


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "checkpoint"])
def test_weights_are_not_taken_for_features(tmp_path, wrapped):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 7))
    state = network.state_dict()
    torch.save({"state_dict": state, "epoch": 3} if wrapped else state, tmp_path / "best.pth")

    with pytest.raises(FeatureError, match="this looks like the weights of a network") as caught:
        bring(tmp_path / "out.h5", tmp_path / "best.pth", order=ORDER)

    assert f"bench run --method torch --set network=... --set weights={tmp_path}" in str(caught.value.next_step)
    said = Names(features=("state_dict.2.weight" if wrapped else "2.weight",))
    with pytest.raises(FeatureError, match="too few features"):
        bring(tmp_path / "out.h5", tmp_path / "best.pth", order=ORDER, names=said)


def test_an_existing_file_stays_as_it_was_if_the_new_one_fails(tmp_path):
    bring(tmp_path / "out.h5", npy(tmp_path / "f.npy"), order=ORDER)
    before = (tmp_path / "out.h5").read_bytes()

    with pytest.raises(FeatureError):
        bring(tmp_path / "out.h5", npy(tmp_path / "f.npy", FEATURES[1:]), order=ORDER)

    assert (tmp_path / "out.h5").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.npy", "out.h5"]


def test_a_zip_bomb_is_refused_by_its_declared_size(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "LARGEST", 1 << 30)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 20, 1 << 12)})
    with zipfile.ZipFile(tmp_path / "f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", header.getvalue())
    content = bytearray((tmp_path / "f.npz").read_bytes())
    place = content.index(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 0xFFFF_FFFE)  # the size that the zip's directory declares
    (tmp_path / "f.npz").write_bytes(content)

    with pytest.raises(FeatureError, match="more than is read into memory") as caught:
        bring(tmp_path / "out.h5", tmp_path / "f.npz", order=ORDER)
    assert caught.value.found == f"{0xFFFF_FFFE} bytes"


@pytest.mark.parametrize("make", [npz, tensors, text, matlab], ids=lambda make: make.__name__)
def test_sizes_are_checked_before_they_are_read(tmp_path, monkeypatch, make):
    monkeypatch.setattr(contents, "LARGEST", 100)
    file = make(tmp_path / {npz: "f.npz", tensors: "f.pt", text: "f.csv", matlab: "f.mat"}[make])
    from harness.exchange import matlab as reader

    with pytest.raises(FeatureError, match="more than is read into memory") as caught:
        reader.read_matlab(file) if make is matlab else bring(tmp_path / "out.h5", file)
    assert ".npy" in str(caught.value)


def test_a_packed_variable_of_matlab_is_unpacked_no_further_than_the_limit(tmp_path, monkeypatch):
    from harness.exchange import matlab as reader

    monkeypatch.setattr(contents, "LARGEST", 1 << 20)
    bomb = zlib.compress(bytes(64 << 20), 9)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "f.mat").write_bytes(header + struct.pack("<II", 15, len(bomb)) + bomb)

    with pytest.raises(FeatureError, match="more than is read into memory"):
        reader.read_matlab(tmp_path / "f.mat")


@pytest.mark.parametrize("form", ["by image", "list", "array", "several arrays"])
def test_tensors_that_repeat_one_number_fill_no_memory(tmp_path, monkeypatch, form):
    monkeypatch.setattr(contents, "LARGEST", 1 << 20)
    monkeypatch.setattr(np, "stack", None)
    row = torch.zeros(1).expand(1 << 17)
    rows = {"by image": dict.fromkeys(KEYS, row), "list": [row] * 17, "array": row.expand(17, -1)}
    rows["several arrays"] = {f"features{number}": row.expand(2, -1) for number in range(9)}
    torch.save(rows[form] if form in {"by image", "several arrays"} else {"features": rows[form]}, tmp_path / "f.pt")
    assert (tmp_path / "f.pt").stat().st_size < 10_000

    with pytest.raises(FeatureError, match="more than is read into memory"):
        bring(tmp_path / "out.h5", tmp_path / "f.pt", order=ORDER)


def test_a_packed_file_of_torch_is_refused(tmp_path):
    tensors(tmp_path / "f.pt")
    with zipfile.ZipFile(tmp_path / "f.pt") as source, zipfile.ZipFile(tmp_path / "packed.pt", "w", 8) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) + bytes(1000))

    with pytest.raises(FeatureError) as caught:
        bring(tmp_path / "out.h5", tmp_path / "packed.pt")
    assert "which torch.save never does" in str(caught.value)


def test_a_reader_that_crashes_or_hangs_is_one_message(tmp_path, monkeypatch):
    def call(*_words):
        raise ChildFailedError("its process ended with status -11")

    monkeypatch.setattr(apart, "call", call)

    with pytest.raises(FeatureError, match="cannot be read as a MATLAB file") as caught:
        bring(tmp_path / "out.h5", matlab(tmp_path / "f.mat"), order=ORDER)
    assert caught.value.found == "its process ended with status -11"


def test_a_parquet_table_that_repeats_one_text_fills_no_memory(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow.parquet import write_table

    places = pyarrow.array(np.zeros(2_000_000, dtype=np.int8))
    repeated = pyarrow.DictionaryArray.from_arrays(places, pyarrow.array(["x" * 4000]))
    write_table(pyarrow.table({"key": repeated}), tmp_path / "f.parquet", store_schema=False)
    assert (tmp_path / "f.parquet").stat().st_size < 2_000_000

    with pytest.raises(FeatureError, match=r"cannot be read as a Parquet table|more than is read into memory"):
        bring(tmp_path / "out.h5", tmp_path / "f.parquet")


def test_a_parquet_table_of_too_many_rows_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    monkeypatch.setattr(tables, "MOST_ROWS", 16)

    with pytest.raises(FeatureError, match="cannot be read as a Parquet table") as caught:
        tables.read_parquet(parquet(tmp_path / "f.parquet"))
    assert "17 rows" in caught.value.found


def test_modules_in_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    for name in ("numpy.py", "scipy.py", "harness/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()")
    monkeypatch.chdir(tmp_path)

    bring(tmp_path / "out.h5", matlab(tmp_path / "f.mat"), order=ORDER)

    assert not (tmp_path / "executed").exists()


def test_the_reading_process_needs_no_working_folder_of_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    bring(tmp_path / "out.h5", matlab(tmp_path / "f.mat"), order=ORDER)

    assert np.array_equal(brought(tmp_path / "out.h5"), FEATURES)
