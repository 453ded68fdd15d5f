"""What people hold in Python as keys and features is taken rightly, or refused in one message."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

import harness
from harness.errors import BenchError, FeatureError
from harness.features import FeatureFile, FeatureWriter
from harness.features.given import as_array, as_keys
from tests.harness.features.made import ABOUT

WORDS = ["image_query/0.jpg", "image_query/1.jpg", "image_query/2.jpg"]

NUMBERS = np.arange(12, dtype=np.float32).reshape(3, 4)

TENSOR = torch.from_numpy(NUMBERS)


def written(tmp_path, keys, features):
    path = harness.write_features(tmp_path / "f.h5", keys, features, dataset="d", method="m")
    with FeatureFile.open(path) as file:
        return list(file.keys), file.read()


@pytest.mark.parametrize(
    "features",
    [
        pytest.param(TENSOR.clone().requires_grad_(), id="requires grad"),
        pytest.param(TENSOR.clone().requires_grad_() * 1, id="result of a graph"),
        pytest.param(torch.nn.Parameter(TENSOR), id="parameter"),
        pytest.param(TENSOR.bfloat16(), id="bfloat16"),
        pytest.param(TENSOR.bfloat16().requires_grad_(), id="bfloat16 that requires grad"),
        pytest.param(TENSOR.half(), id="half"),
        pytest.param(TENSOR.double(), id="double"),
        pytest.param(TENSOR.long(), id="integers"),
        pytest.param(TENSOR.to_sparse(), id="sparse"),
        pytest.param(TENSOR.clone().requires_grad_().to_sparse(), id="sparse that requires grad"),
        pytest.param(TENSOR.T.contiguous().T, id="by columns"),
        pytest.param(torch._neg_view(-TENSOR), id="negative view"),
        pytest.param(list(TENSOR), id="list of tensors"),
        pytest.param([row.requires_grad_() for row in TENSOR.clone()], id="list of tensors that require grad"),
        pytest.param(tuple(TENSOR.bfloat16()), id="tuple of bfloat16"),
        pytest.param(NUMBERS.tolist(), id="lists"),
        pytest.param(scipy.sparse.csr_array(NUMBERS), id="sparse of SciPy"),
        pytest.param(pd.DataFrame(NUMBERS), id="frame"),
        pytest.param(NUMBERS.astype(">f4"), id="big endian"),
        pytest.param(np.asfortranarray(NUMBERS), id="Fortran"),
        pytest.param(np.ma.masked_array(NUMBERS, mask=False), id="nothing masked"),
    ],
)
def test_features_are_taken_from_wherever_they_are(tmp_path, features):
    assert np.array_equal(written(tmp_path, WORDS, features)[1], NUMBERS)


@pytest.mark.filterwarnings("ignore")  # torch's own, of kinds that are new or going
def test_rarer_layouts_of_tensors_are_taken_or_refused(tmp_path):
    assert np.array_equal(written(tmp_path, WORDS, TENSOR.to_sparse_csr())[1], NUMBERS)
    for rare in (
        torch.quantize_per_tensor(TENSOR, 0.1, 0, torch.qint8),
        torch.nested.nested_tensor([TENSOR[0], TENSOR[1, :2], TENSOR[2]]),
    ):
        with pytest.raises(FeatureError, match="cannot be read as an array"):
            written(tmp_path, WORDS, rare)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_features_are_taken_from_a_gpu(tmp_path, dtype):
    assert np.array_equal(written(tmp_path, WORDS, TENSOR.to("cuda", dtype).requires_grad_())[1], NUMBERS)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (TENSOR.to("meta"), "cannot be read as an array"),
        (TENSOR.to(torch.complex64), "not numbers"),
        (TENSOR > 3, "not numbers"),
        (list(TENSOR.split(2)), "differ in width"),
        ([TENSOR[0], TENSOR[1, :2], TENSOR[2]], "differ in width"),
        (TENSOR[:, :, None, None], r"do not match the keys\n.*\(3, 4, 1, 1\)"),
        (TENSOR[0], "do not match the keys"),
        ((row for row in TENSOR), "no rows in order"),
        (dict(zip(WORDS, TENSOR, strict=True)), r"as the keys and numpy.stack\(list\(features.values"),
        ({1.0, 2.0, 3.0}, "no rows in order"),
        (None, "not numbers"),
        ("features.npy", "not numbers"),
        (pd.Series(list(NUMBERS)), r"not numbers\n.*\n.*\n.*numpy.stack"),
        (np.ma.masked_array(NUMBERS, mask=NUMBERS > 9), "numbers of the features are masked\n  found: 2 of 12"),
        (np.array([["1", "2"]] * 3), "not numbers"),
    ],
)
def test_features_that_are_not_clear_are_refused_in_one_message(tmp_path, features, said):
    with pytest.raises(FeatureError, match=said):
        written(tmp_path, WORDS, features)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(tuple(WORDS), id="tuple"),
        pytest.param([PurePosixPath(word) for word in WORDS], id="paths"),
        pytest.param([Path(word) for word in WORDS], id="paths of this system"),
        pytest.param([PureWindowsPath(word) for word in WORDS], id="paths of Windows"),
        pytest.param([word.encode() for word in WORDS], id="bytes"),
        pytest.param(np.array(WORDS), id="numpy"),
        pytest.param(np.array(WORDS, dtype="S"), id="numpy bytes"),
        pytest.param(np.array(WORDS, dtype=object), id="numpy objects"),
        pytest.param(pd.Index(WORDS), id="index"),
        pytest.param(pd.Series(WORDS, index=[9, 8, 7]), id="series"),
        pytest.param(dict.fromkeys(WORDS), id="dict"),
        pytest.param(dict.fromkeys(WORDS).keys(), id="keys of a dict"),
    ],
)
def test_keys_are_taken_as_other_programs_hold_them(tmp_path, keys):
    assert written(tmp_path, keys, NUMBERS)[0] == WORDS


def test_keys_may_come_one_by_one(tmp_path):
    assert written(tmp_path, (word for word in WORDS), NUMBERS)[0] == WORDS
    assert written(tmp_path, map(Path, WORDS), NUMBERS)[0] == WORDS


WRONG_KEYS = [
    (set(WORDS), "the keys are a set, which has no order\n  found: 3 keys"),
    (frozenset(WORDS), "the keys are a set"),
    ("abc", r"the keys are one text\n  found: 'abc', str\n.*\n  next: give \['abc'\]"),
    (b"abc", "the keys are one text"),
    (Path("abc"), "the keys are one text"),
    ([1, 2, 3], "a key is not text\n  where: key 1\n  found: 1, int"),
    (range(3), "a key is not text"),
    (np.arange(3), "a key is not text"),
    (torch.arange(3), "a key is not text"),
    ([*WORDS[:2], float("nan")], "a key is not text\n  where: key 3\n  found: nan, float"),
    ([*WORDS[:2], None], "a key is not text"),
    ([*WORDS[:2], b"\xff.jpg"], r"a key is not text\n  where: key 3\n  found: b'\\xff.jpg', bytes"),
    (None, "the keys are no list\n  found: None, NoneType"),
    (3, "the keys are no list"),
    (np.array([WORDS]), "the keys are no list"),
    (np.array("a.jpg"), "the keys are no list"),
]


@pytest.mark.parametrize(("keys", "said"), WRONG_KEYS)
def test_keys_that_are_not_clear_are_refused_in_one_message(tmp_path, keys, said):
    with pytest.raises(FeatureError, match=said):
        written(tmp_path, keys, NUMBERS)
    with pytest.raises(FeatureError, match=said):
        FeatureWriter(tmp_path / "g.h5", keys, 4, ABOUT)

    assert list(tmp_path.iterdir()) == []


def test_a_long_wrong_key_is_cut_off():
    with pytest.raises(FeatureError) as caught:
        as_keys([("x" * 5000,)])

    assert len(str(caught.value)) < 500


def test_an_array_that_fails_in_its_own_way_is_refused_too():
    class Odd:
        def __array__(self, *_args, **_words):
            raise ZeroDivisionError("odd")

    with pytest.raises(FeatureError, match="cannot be read as an array\n  found: Odd: odd"):
        as_array(Odd())


def test_rows_are_read_by_keys_of_the_same_kinds(tmp_path):
    written(tmp_path, WORDS, NUMBERS)

    with FeatureFile.open(tmp_path / "f.h5") as file:
        assert np.array_equal(file.read([Path(WORDS[2]), WORDS[0]]), NUMBERS[[2, 0]])
        assert np.array_equal(file.read(word for word in WORDS[1:]), NUMBERS[1:])
        for wrong, said in WRONG_KEYS:
            with pytest.raises(FeatureError, match=said):
                file.rows(wrong)


def test_a_writer_takes_tensors_in_pieces(tmp_path):
    with FeatureWriter(tmp_path / "f.h5", map(Path, WORDS), 4, ABOUT) as writer:
        writer.write(TENSOR[:2].clone().requires_grad_())
        writer.write(list(TENSOR[2:].bfloat16()))

    with FeatureFile.open(tmp_path / "f.h5") as file:
        assert np.array_equal(file.read(), NUMBERS)


@pytest.mark.parametrize("keys", [set(WORDS), "abc", [1, 2, 3]])
def test_features_in_memory_are_evaluated_by_the_same_rules(small_synthetic, keys):
    with pytest.raises(BenchError, match=r"the keys are|a key is not text"):
        harness.evaluate((keys, TENSOR), "synthetic", data=small_synthetic)


def test_folders_in_options_are_not_stored(tmp_path):
    weights = tmp_path / "w.pth"
    weights.write_bytes(b"w")
    options = {"weights": str(weights), "other": "/home/somebody/gone.pth", "rate": 0.1}
    path = harness.write_features(tmp_path / "f.h5", ["a"], [[1.0]], dataset="d", method="m", options=options)

    with FeatureFile.open(path) as file:
        stored = file.provenance.options
    assert stored["weights"] == "w.pth"
    assert stored["other"] == "gone.pth"
    assert stored["rate"] == 0.1
    assert b"somebody" not in path.read_bytes()
