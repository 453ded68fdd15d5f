"""Features stored as float16 and int8 give the integers of the same numbers in float32, and what is none is refused."""

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from harness.cli import main
from harness.errors import FeatureError
from harness.features import FeatureFile, write_features
from harness.features.layout import StoredKeys, checksum
from harness.features.storage import Storage
from harness.kernel.ranking import rank
from harness.kernel.settings import Tuning
from tests.strategies import features, relevances

ABOUT = {"dataset": "d", "method": "m"}
TYPES = [("float16", None), ("int8", None), ("int8", 2.0**-7)]


def integers(queries, gallery, relevance, metric, tuning=None):
    return [
        (one.asked.tolist(), one.units.tolist(), one.closer.tolist(), one.tied.tolist())
        for one in rank(queries, gallery, relevance, metric=metric, tuning=tuning)
    ]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("word", "scale"), TYPES)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), relevance=relevances())
def test_a_file_of_a_small_type_is_ranked_as_its_numbers_in_float32(
    tmp_path_factory, metric, word, scale, data, relevance
):
    images = relevance.units if relevance.unit_of is None else len(relevance.unit_of)
    table = data.draw(features(relevance.queries + images, data.draw(st.sampled_from([3, 32, 40]))))
    table = np.clip(table, -6e4, 6e4)  # float16 ends at 65,504
    if not len(table):
        return
    path = tmp_path_factory.mktemp("f") / "f.h5"
    write_features(path, [f"{row}.jpg" for row in range(len(table))], table, dtype=word, scale=scale, **ABOUT)

    with FeatureFile.open(path) as file:
        stored = file.stored(0, len(file))
        wide = stored.astype(np.float32)
        read = [file.rows(file.keys[part]) for part in (slice(relevance.queries), slice(relevance.queries, None))]
        wanted = integers(wide[: relevance.queries], wide[relevance.queries :], relevance, metric)
        found = [
            integers(*read, relevance, metric, Tuning(precision, block=5)) for precision in ("float32", "bfloat16")
        ]
        scaled = wide.astype(np.float64) * file.storage.scale

    assert stored.dtype == word
    assert found == [wanted, wanted]
    if word == "int8" and scale == 2.0**-7:  # the numbers that the integers stand for are float32 too
        numbers = scaled.astype(np.float32)
        assert integers(numbers[: relevance.queries], numbers[relevance.queries :], relevance, metric) == wanted


def test_int8_has_the_nearest_steps_of_its_scale(tmp_path):
    rows = np.array([[0.5, -1.0, 0.26], [300.0, -300.0, 0.0]])
    with FeatureFile.open(
        write_features(tmp_path / "a.h5", list("ab"), rows, dtype="int8", scale=0.5, **ABOUT)
    ) as file:
        assert file.stored(0, 2).tolist() == [[1, -2, 1], [127, -128, 0]]
        assert file.storage == Storage("int8", 3, 0.5)
    with FeatureFile.open(write_features(tmp_path / "b.h5", list("ab"), rows, dtype="int8", **ABOUT)) as file:
        assert file.storage.scale == 300 / 127
    own = np.array([[-128, 3], [7, 0]], dtype=np.int8)
    with FeatureFile.open(write_features(tmp_path / "c.h5", list("ab"), own, dtype="int8", **ABOUT)) as file:
        assert file.stored(0, 2).tolist() == own.tolist()
        assert file.storage.scale == 1
    with FeatureFile.open(write_features(tmp_path / "d.h5", list("ab"), 0 * rows, dtype="int8", **ABOUT)) as file:
        assert file.storage.scale == 1


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf"), "0.5", True])
def test_a_scale_that_is_none_is_refused_and_leaves_no_file(tmp_path, scale):
    with pytest.raises(FeatureError, match="cannot have this scale"):
        write_features(tmp_path / "f.h5", ["a"], [[1.0]], dtype="int8", scale=scale, **ABOUT)
    assert not list(tmp_path.iterdir())


def test_only_int8_has_a_scale(tmp_path):
    with pytest.raises(FeatureError, match="cannot have this scale"):
        write_features(tmp_path / "f.h5", ["a"], [[1.0]], dtype="float16", scale=0.5, **ABOUT)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("word", ["float16", "int8"])
def test_what_is_not_finite_is_refused_with_all_its_images_in_any_type(tmp_path, word, wrong):
    rows = np.ones((9000, 2))
    rows[[5, 4100, 8999], 1] = wrong
    keys = [f"{row}.jpg" for row in range(9000)]

    with pytest.raises(FeatureError, match=rf"3 features are not finite in {word}(.|\n)*5.jpg, 4100.jpg"):
        write_features(tmp_path / "f.h5", keys, rows, dtype=word, **ABOUT)
    assert not list(tmp_path.iterdir())


def test_an_array_of_bytes_names_the_rows_as_texts_do(tmp_path):
    names = ["b/ü.jpg", "a.jpg", "c/long name.jpg"]
    rows = np.eye(3)
    made = [
        write_features(tmp_path / f"{number}.h5", keys, rows, **ABOUT)
        for number, keys in enumerate((names, np.array([name.encode() for name in names])))
    ]

    found = []
    for path in made:
        with FeatureFile.open(path) as file:
            found.append((file.keys, file.digest))
    assert found[0] == found[1]
    assert found[0][0] == tuple(names)


@pytest.mark.parametrize(
    ("keys", "message"),
    [([b"a", b"a"], "repeated"), ([b"a", b""], "cannot be stored"), ([b"a", b"\xff"], "not text")],
)
def test_bytes_that_are_no_keys_are_refused(tmp_path, keys, message):
    with pytest.raises(FeatureError, match=message):
        write_features(tmp_path / "f.h5", np.array(keys), np.eye(2), **ABOUT)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    write_features("test.h5", ["a.jpg", "b.jpg"], rng.standard_normal((2, 5)), **ABOUT)
    write_features("others.h5", ["c.jpg", "d.jpg"], 10 * rng.standard_normal((2, 5)), **ABOUT)


def quantise(*words, status=0):
    found = CliRunner().invoke(main, ["features", "quantise", *words])
    assert found.exit_code == status, found.output
    return found.output


def test_a_file_takes_the_scale_of_another_and_says_what_it_cut_off(files):
    quantise("test.h5", "--to", "int8", "--out", "t8.h5")
    said = quantise("others.h5", "--to", "int8", "--scale-of", "t8.h5", "--out", "o8.h5")

    with FeatureFile.open("t8.h5") as test, FeatureFile.open("o8.h5") as others:
        assert others.storage == test.storage
    assert "% of the numbers are beyond this scale and were cut off" in said


def test_the_scale_of_a_file_without_one_is_refused_in_one_message(files):
    said = quantise("others.h5", "--to", "int8", "--scale-of", "test.h5", "--out", "o8.h5", status=2)
    assert said.count("bench: ") == 1
    assert "this file has no scale" in said
    assert "--scale-of is for --to int8" in quantise(
        "others.h5", "--to", "float16", "--scale-of", "test.h5", "--out", "o8.h5", status=2
    )


@pytest.mark.parametrize("bits", [0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFFFF])
def test_every_float16_that_is_not_finite_is_found_in_a_file_and_the_greatest_is_taken(tmp_path, bits):
    rows = np.full((300, 3), np.finfo(np.float16).max, dtype=np.float16)
    path = write_features(tmp_path / "f.h5", [f"{row}.jpg" for row in range(300)], rows, dtype="float16", **ABOUT)
    with FeatureFile.open(path) as file:
        assert np.array_equal(file.read(), rows)
    rows.view(np.uint16)[299, 1] = bits
    with h5py.File(path, "r+") as file:  # as a writer that checks nothing would have written it
        file["features"][299] = rows[299]
        sums = file["checksums"][:]
        sums[1] = checksum(rows[256:])
        file["checksums"][1] = sums[1]
        file.attrs["digest"] = np.bytes_(Storage("float16", 3).digest(StoredKeys(file["keys"][:]), sums))

    with FeatureFile.open(path) as file, pytest.raises(FeatureError, match=r"1 features are not finite(.|\n)*299.jpg"):
        file.read()


@pytest.mark.parametrize("scale", ["nan", "inf", "0x0.0p+0", "-0x1.0p+0", "0x1.0p+9999", "1.0", "0x1p+0", "", "x"])
def test_a_file_with_an_odd_scale_is_refused_in_one_message(files, scale):
    quantise("test.h5", "--to", "int8", "--out", "t8.h5")
    with h5py.File("t8.h5", "r+") as file:
        file.attrs["storage"] = np.bytes_(f"int8 5 {scale}")

    done = CliRunner().invoke(main, ["features", "info", "t8.h5"])

    assert done.exit_code == 2
    assert done.output.count("bench: ") == 1
    assert "the feature file is damaged" in done.output
