"""Feature files that are added to a gallery: what they must be, and how their rows are read."""

from __future__ import annotations

import hashlib
import tracemalloc
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.errors import FeatureError
from harness.features import FeatureFile, layout
from harness.features.added.distractors import open_distractors
from harness.features.added.joined import JoinedRows
from harness.features.changing import quantise

MODEL = {"checkpoint": "a" * 64, "seed": 1, "options": {"epochs": 3}}


def written(path: Path, keys, width=4, drawn=0, **about):
    values = np.random.default_rng(drawn).standard_normal((len(keys), width))
    return harness.write_features(path, keys, values, **{"dataset": "city", "method": "mine", **about})


def opened(tmp_path, *others, **about):
    """Open some files as distractors of a test's features, and close all of them again."""
    test = written(tmp_path / "test.h5", ["q.jpg", "g.jpg"], **about)
    with FeatureFile.open(test) as file, open_distractors(others, file) as found:
        return found, found.keys, found.images, found.note


def refused(tmp_path, *others, **about) -> str:
    with pytest.raises(FeatureError) as raised:
        opened(tmp_path, *others, **about)
    return str(raised.value)


def test_the_digest_of_the_images_depends_on_their_keys_alone(tmp_path):
    one = written(tmp_path / "1.h5", ["a.jpg", "b.jpg"])
    two = written(tmp_path / "2.h5", ["c.jpg"], drawn=1)
    all_of_them = written(tmp_path / "3.h5", ["c.jpg", "b.jpg", "a.jpg"], drawn=2)

    images = {opened(tmp_path, *files)[2] for files in [(one, two), (two, one), (all_of_them,)]}

    assert len(images) == 1
    assert opened(tmp_path, one)[2] not in images
    assert opened(tmp_path, one, two)[3] == "3 distractor images were added to the gallery"
    assert opened(tmp_path, two)[3] == "1 distractor image was added to the gallery"


def test_keys_of_several_files_are_sorted_together_whatever_their_lengths(tmp_path):
    names = [["b.jpg", "a/a longer name.jpg"], ["\u00fc.jpg", "a.jpg", "z.jpg"], ["c"]]
    files = [written(tmp_path / f"{number}.h5", keys, drawn=number) for number, keys in enumerate(names)]
    every = sorted(key for keys in names for key in keys)

    assert opened(tmp_path, *files)[2] == hashlib.sha256("".join(f"{key}\n" for key in every).encode()).hexdigest()


@pytest.mark.parametrize("ordered", [True, False])
def test_millions_of_distractors_would_fit_because_no_key_becomes_a_text(tmp_path, monkeypatch, ordered):
    monkeypatch.setattr(layout, "PORTION", 1000)
    numbers = np.arange(50_000) if ordered else np.random.default_rng(0).permutation(50_000)
    keys = np.array([b"others/%08d.jpg" % number for number in numbers])
    found = written(tmp_path / "d.h5", keys, width=1)
    test = written(tmp_path / "test.h5", ["q.jpg", "g.jpg"], width=1)
    with FeatureFile.open(test) as file:
        tracemalloc.start()
        with open_distractors([found], file) as distractors:
            distractors.refuse(["q.jpg", "g.jpg"], "city/main")
            rows = distractors.behind(file.all_rows)
            assert len(distractors.images) == 64
            assert rows[49_990:50_002].shape == (12, 1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 60 * len(keys)  # 19 are a key, 8 its place in their order; a text and its place in a tuple take 76


def test_another_width_is_refused(tmp_path):
    message = refused(tmp_path, written(tmp_path / "d.h5", ["d.jpg"], width=5))

    assert "distractors cannot be compared" in message
    assert "found: 5 numbers a feature" in message
    assert "expected: 4 numbers a feature, as in" in message


def test_numbers_stored_in_another_way_are_refused_but_float16_is_not(tmp_path):
    source = written(tmp_path / "d.h5", ["d.jpg", "e.jpg"])
    with FeatureFile.open(source) as file:
        for word in ("float16", "int8", "binary"):
            quantise(file, word, tmp_path / f"{word}.h5")

    assert opened(tmp_path, tmp_path / "float16.h5")[1] == ("d.jpg", "e.jpg")
    assert "found: binary\n  expected: float32" in refused(tmp_path, tmp_path / "binary.h5")
    assert "found: int8 with the scale" in refused(tmp_path, tmp_path / "int8.h5")


def test_int8_of_another_scale_is_refused(tmp_path):
    for name, seed in (("one", 0), ("other", 1)):
        with FeatureFile.open(written(tmp_path / f"{name}.h5", [f"{name}.jpg", "x.jpg"], drawn=seed)) as file:
            quantise(file, "int8", tmp_path / f"{name}8.h5")

    with (
        FeatureFile.open(tmp_path / "one8.h5") as test,
        pytest.raises(FeatureError, match="cannot be compared"),
        open_distractors([tmp_path / "other8.h5"], test),
    ):
        pass


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"method": "yours"}, ("method", "found: yours", "expected: mine, as in")),
        ({"checkpoint": "b" * 64}, ("checkpoint", f"found: {'b' * 64}")),
        ({"options": {"epochs": 4}}, ("option epochs", "found: 4", "expected: 3")),
        ({"options": {}}, ("option epochs", "found: nothing", "expected: 3")),
        ({"seed": 2}, ("seed", "found: 2", "expected: 1")),
        ({"weights": "c" * 64}, ("weights", "expected: nothing")),
        ({"train_on": "veri776"}, ("train on", "found: veri776")),
    ],
)
def test_features_of_another_model_are_refused_with_what_differs(tmp_path, other, named):
    message = refused(tmp_path, written(tmp_path / "d.h5", ["d.jpg"], **{**MODEL, **other}), **MODEL)

    assert f"features of another model: they differ in their {named[0]}\n" in message
    assert all(words in message for words in named[1:])


def test_the_same_model_on_other_images_boxes_and_machines_is_taken(tmp_path):
    own = {"boxes": {"parts": "d" * 64}, "versions": {"torch": "3"}, "images": "e" * 64, "precision": "bf16-mixed"}

    assert opened(tmp_path, written(tmp_path / "d.h5", ["d.jpg"], **MODEL, **own), **MODEL)[1] == ("d.jpg",)


def test_features_that_do_not_say_their_model_are_taken_unless_their_methods_have_different_names(tmp_path):
    silent = written(tmp_path / "s.h5", ["s.jpg"])
    unnamed = written(tmp_path / "u.h5", ["u.jpg"], method="given")

    assert opened(tmp_path, silent, unnamed, **MODEL)[1] == ("s.jpg", "u.jpg")
    assert "differ in their method" in refused(tmp_path, silent, method="other", **MODEL)


def test_an_image_in_two_files_is_refused(tmp_path):
    one, two = (written(tmp_path / f"{name}.h5", [f"{name}.jpg", "both.jpg"], drawn=3) for name in "ab")

    message = refused(tmp_path, one, two)

    assert "1 distractors are in two files" in message
    assert f"both.jpg, which {one} has too" in message


def test_images_of_the_test_itself_are_refused(tmp_path):
    found = written(tmp_path / "d.h5", ["d.jpg", "g.jpg"])
    with (
        FeatureFile.open(written(tmp_path / "test.h5", ["q.jpg", "g.jpg"])) as test,
        open_distractors([found], test) as distractors,
        pytest.raises(FeatureError) as raised,
    ):
        distractors.refuse(["q.jpg", "g.jpg"], "city/main")

    assert "1 keys are queries or gallery of city/main" in str(raised.value)
    assert "found: g.jpg" in str(raised.value)


def test_a_missing_file_is_refused_in_one_message(tmp_path):
    assert "the feature file is missing" in refused(tmp_path, tmp_path / "none.h5")


def test_joined_rows_are_those_of_their_tables_in_any_order(tmp_path):
    counts = (300, 700, 5)
    names = [[f"{table}/{row}.jpg" for row in range(count)] for table, count in enumerate(counts)]
    with ExitStack() as held:
        files = [
            held.enter_context(FeatureFile.open(written(tmp_path / f"{number}.h5", keys, drawn=number)))
            for number, keys in enumerate(names)
        ]
        whole = np.concatenate([file.read() for file in files])
        order = np.random.default_rng(0).permutation(1005)[:900]
        tables = [file.rows(file.keys) for file in files]

        for rows in (slice(290, 1004), slice(10, 20), slice(300, 1000), slice(1000, 2000), slice(7, 7)):
            assert np.array_equal(JoinedRows(tables)[rows], whole[rows])
        assert np.array_equal(JoinedRows(tables).take(order[:50])[:], whole[order[:50]])
        everything = [file.all_rows for file in files]
        assert np.array_equal(JoinedRows(everything)[290:1004], whole[290:1004])
        assert np.array_equal(everything[1].take(np.array([5, 2]))[:], whole[[305, 302]])
        assert [table.digest for table in everything] == [table.digest for table in tables]
        shuffled = JoinedRows(tables, order)
        assert shuffled.shape == (900, 4)
        assert np.array_equal(shuffled[3:850], whole[order[3:850]])
        assert shuffled[5:5].shape == (0, 4)
        assert shuffled.digest == JoinedRows(tables, order.copy()).digest != JoinedRows(tables).digest
