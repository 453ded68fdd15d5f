import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

import harness
from harness.errors import FeatureError, RunError
from harness.features import FeatureFile, FeatureWriter, write_features
from harness.features.layout import BLOCK
from tests.harness.features.made import ABOUT, example


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


def test_features_that_are_not_finite_are_counted_and_named(tmp_path, monkeypatch):
    features = np.ones((300, 2), np.float32)
    features[[7, 290], 1] = np.nan, np.inf
    keys = [f"{row}.jpg" for row in range(300)]
    with pytest.raises(FeatureError, match="2 features are not finite") as caught:
        write_features(tmp_path / "f.h5", keys, features, dataset="d", method="m")
    assert "7.jpg, 290.jpg" in str(caught.value)
    assert not (tmp_path / "f.h5").exists()

    monkeypatch.setattr("harness.features.writer._finite", lambda rows, _storage: np.ones(len(rows), np.bool_))
    write_features(tmp_path / "f.h5", keys, features, dataset="d", method="m")
    with FeatureFile.open(tmp_path / "f.h5") as file, pytest.raises(FeatureError, match="2 features") as caught:
        file.read(keys[:10])
    assert "7.jpg, 290.jpg" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "features", "words"),
    [
        (["a"], np.ones((2, 3)), "do not match the keys"),
        (["a"], np.ones(3), "do not match the keys"),
        (["a"], [["x", "y"]], "not numbers"),
        (["a", "b"], [[1.0], [1.0, 2.0]], "differ in width"),
        (["a", "a"], np.ones((2, 3)), "a key is repeated"),
        (["a", ""], np.ones((2, 3)), "a key cannot be stored"),
        (["a", "b\0c"], np.ones((2, 3)), "a key cannot be stored"),
        (["a", "x" * 2000], np.ones((2, 3)), "a key cannot be stored"),
        (["a", "\ud800"], np.ones((2, 3)), "a key is not text"),
        ([], np.ones((0, 3)), "at least one image"),
        (["a"], np.ones((1, 0)), "have no width"),
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


def test_the_python_surface_offers_it(tmp_path):
    assert harness.write_features is write_features
    assert issubclass(RunError, harness.BenchError)


@pytest.mark.parametrize(("field", "value"), [("colour", "red"), ("seed", "zero"), ("input_size", 64)])
def test_a_provenance_that_does_not_fit_is_named(field, value, tmp_path):
    with pytest.raises(FeatureError, match=f"provenance of the features is invalid: {field}"):
        write_features(tmp_path / "f.h5", ["a.jpg"], [[1.0]], dataset="veri776", method="mine", **{field: value})
    assert not (tmp_path / "f.h5").exists()


def test_words_that_a_record_would_refuse_are_stored_all_the_same(tmp_path):
    about = {"checkpoint": "my.pt", "code": "abc", "options": {"t": (1, 2)}}
    path = write_features(tmp_path / "f.h5", ["a.jpg"], [[1.0]], dataset="veri776", method="m" * 300, **about)

    with FeatureFile.open(path) as file:
        assert (file.provenance.checkpoint, file.provenance.code) == ("my.pt", "abc")
