"""Small types are ranked by what they store, exactly; files of one method join, and others do not."""

import h5py
import numpy as np
import pytest

from harness.errors import FeatureError, UsageError
from harness.features import FeatureFile, FeatureWriter, Provenance, write_features
from harness.features.changing import merge, quantise, verify
from harness.features.storage import Storage
from harness.kernel.ranking import rank
from harness.tasks.relevance import Relevance, RowLists
from tests.harness.features.made import example


def small(folder, word, features):
    keys = [f"{number}.jpg" for number in range(len(features))]
    path = write_features(folder / "f.h5", keys, features, dataset="d", method="m")
    with FeatureFile.open(path) as file:
        quantise(file, word, folder / f"{word}.h5")
    return FeatureFile.open(folder / f"{word}.h5")


def ranks(table, metric):
    """Return the positives' closer and tied negatives for the first 20 rows, whose positives are every seventh."""
    units = np.concatenate([np.arange(query % 7, len(table), 7) for query in range(20)])
    sizes = [len(range(query % 7, len(table), 7)) for query in range(20)]
    nothing = RowLists.empty(20)
    lists = RowLists(np.concatenate([[0], np.cumsum(sizes)]), units)
    (found,) = rank(table[0:20], table, Relevance(20, len(table), lists, nothing), metric=metric)
    return found


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_bits_are_ranked_by_their_hamming_distance(tmp_path, metric):
    features = np.random.default_rng(0).normal(size=(300, 21)).astype(np.float32)
    with small(tmp_path, "binary", features) as file:
        found = ranks(file.read(), metric)
    differ = ((features[:20, None] > 0) != (features[None] > 0)).sum(-1)

    for query in range(20):
        others = np.delete(differ[query], range(query % 7, 300, 7))
        part = slice(found.starts[query], found.starts[query + 1])
        own = differ[query][found.units[part]]
        assert found.closer[part].tolist() == [(others < one).sum() for one in own]
        assert found.tied[part].tolist() == [(others == one).sum() for one in own]


def test_int8_is_ranked_by_its_integers_whatever_their_scale(tmp_path):
    features = np.random.default_rng(0).normal(size=(300, 9)).astype(np.float32)
    with small(tmp_path, "int8", features) as file:
        integers = file.stored(0, 300).astype(np.int64)
        found = ranks(file.read(), "euclidean")
        assert np.abs(integers).max() == 127
        assert np.abs(integers * file.storage.scale - features).max() <= file.storage.scale / 2 * 1.001
    squares = ((integers[:20, None] - integers[None]) ** 2).sum(-1)

    for query in range(20):
        others = np.delete(squares[query], range(query % 7, 300, 7))
        part = slice(found.starts[query], found.starts[query + 1])
        own = squares[query][found.units[part]]
        assert found.closer[part].tolist() == [(others < one).sum() for one in own]
        assert found.tied[part].tolist() == [(others == one).sum() for one in own]


@pytest.mark.parametrize("word", ["float16", "int8", "binary"])
def test_a_small_file_keeps_keys_and_provenance_and_has_its_own_digest(tmp_path, word):
    path, keys, features = example(tmp_path, rows=600, width=13, seed=4)

    with FeatureFile.open(path) as file:
        storage, share = quantise(file, word, tmp_path / "small.h5")
        with FeatureFile.open(tmp_path / "small.h5") as made:
            assert made.storage == storage
            assert list(made.keys) == keys
            assert made.provenance == file.provenance
            assert made.digest != file.digest
            assert np.array_equal(made.read(keys[500:510]), made.read()[500:510])
            assert verify(made) == 600
    assert (tmp_path / "small.h5").stat().st_size < path.stat().st_size
    assert share == pytest.approx((features > 0).mean() if word == "binary" else 0)


def test_a_changed_byte_in_a_small_file_is_found(tmp_path):
    path, _, _ = example(tmp_path)
    with FeatureFile.open(path) as file:
        quantise(file, "int8", tmp_path / "small.h5")
        stored = file.storage.encode(file.read())
    with FeatureFile.open(tmp_path / "small.h5") as made:
        row = made.stored(300, 301).tobytes()
    content = (tmp_path / "small.h5").read_bytes()
    place = content.index(row)
    (tmp_path / "small.h5").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    with FeatureFile.open(tmp_path / "small.h5") as made, pytest.raises(FeatureError, match="damaged"):
        verify(made)
    assert stored.shape == (600, 4)


REFUSED = {
    "twice smaller": ("binary", "int8", UsageError, "cannot be turned"),
    "float16 again": ("float16", "float16", UsageError, "cannot be turned"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_small_already_is_refused(tmp_path, case):
    first, then, kind, message = REFUSED[case]
    with small(tmp_path, first, np.array([[1.0, -1.0]])) as file, pytest.raises(kind, match=message):
        quantise(file, then, tmp_path / "out.h5")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("features", "word", "message"),
    [([[1.0, 2.0]], "binary", "every bit"), ([[0.0, -1.0]], "binary", "every bit"), ([[1e6]], "float16", "too large")],
)
def test_features_that_a_type_cannot_tell_apart_are_refused(tmp_path, features, word, message):
    with pytest.raises(FeatureError, match=message):
        small(tmp_path, word, np.array(features))
    assert [path.name for path in tmp_path.iterdir()] == ["f.h5"]


def test_parts_of_one_method_become_one_file(tmp_path):
    path, keys, features = example(tmp_path)
    halves = []
    for number, part in enumerate((slice(0, 350), slice(300, 600))):
        one = tmp_path / f"{number}.h5"
        halves.append(
            write_features(one, keys[part], features[part], dataset="veri776", method="mine", images=str(number))
        )

    assert merge(halves, tmp_path / "whole.h5") == (600, 50)

    with FeatureFile.open(tmp_path / "whole.h5") as whole, FeatureFile.open(path) as expected:
        assert whole.digest == expected.digest
        assert whole.provenance == expected.provenance


OTHERS = {
    "method": ({"method": "other"}, "differ in their method"),
    "seed": ({"seed": 3}, "differ in their seed"),
    "data set": ({"dataset": "vric"}, "differ in their dataset"),
    "type": ({"dtype": "float16"}, "how their numbers are stored"),
    "numbers": ({"features": [[2.0]]}, "two different features"),
    "width": ({"features": [[2.0, 1.0]]}, "how their numbers are stored"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_files_that_are_no_parts_of_one_are_refused(tmp_path, case):
    changes, message = OTHERS[case]
    first = write_features(tmp_path / "a.h5", ["a.jpg"], [[1.0]], dataset="d", method="m")
    words = {"keys": ["a.jpg"], "features": [[1.0]], "dataset": "d", "method": "m", **changes}
    other = write_features(tmp_path / "b.h5", words.pop("keys"), words.pop("features"), **words)

    with pytest.raises(FeatureError, match=message):
        merge([first, other], tmp_path / "out.h5")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("word", "width", "scale"),
    [("int4", 3, 1.0), ("float32", 0, 1.0), ("int8", 3, 0.0), ("int8", 3, float("nan")), ("binary", 3, 2.0)],
)
def test_impossible_storage_is_refused(word, width, scale):
    with pytest.raises(FeatureError):
        Storage(word, width, scale)


def test_a_word_without_a_scale_is_no_type_for_new_features(tmp_path):
    with pytest.raises(FeatureError, match="cannot be stored in this type"):
        FeatureWriter(tmp_path / "f.h5", ["a"], 3, Provenance(method="m", dataset="d"), "int8")


STORAGE = {
    "another scale": "int8 4 0x1.8000000000000p+0",
    "another width": "int8 5 0x1.0000000000000p+0",
    "another type": "binary 4 0x1.0000000000000p+0",
    "a scale of nothing": "int8 4 0x0.0p+0",
    "an endless scale": "int8 4 inf",
    "words": "int8 four 1",
    "a float type": "float32 4 0x1.0000000000000p+0",
    "a huge width": "int8 99999999999 0x1.0000000000000p+0",
    "nothing": "int8",
}


@pytest.mark.parametrize("text", STORAGE.values(), ids=STORAGE)
def test_a_small_file_that_says_something_else_of_its_numbers_is_refused(tmp_path, text):
    path = tmp_path / "f.h5"
    about = Provenance(method="m", dataset="d")
    with FeatureWriter(path, ["a", "b"], 4, about, Storage("int8", 4)) as writer:
        writer.write(np.arange(8).reshape(2, 4))
    with h5py.File(path, "r+") as file:
        file.attrs["storage"] = np.bytes_(text)

    with pytest.raises(FeatureError, match="damaged"):
        FeatureFile.open(path)
