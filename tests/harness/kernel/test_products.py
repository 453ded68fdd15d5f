"""The fastest product that a processor has is chosen, and all of them are right."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from threadpoolctl import ThreadpoolController

from harness.compute.machine import Machine
from harness.kernel import products, walk
from harness.kernel.products import Products, fastest, full_precision, one_thread_each, open_numpy
from harness.kernel.ranking import rank
from harness.kernel.settings import Settings, Tuning
from tests.harness.kernel.problems import random_problem, same


@pytest.mark.parametrize("hardware", [False, True])
@pytest.mark.parametrize("onednn", [False, True])
def test_bfloat16_is_the_fastest_only_in_hardware_and_with_onednn(monkeypatch, hardware, onednn):
    monkeypatch.setattr(products, "has_instruction", lambda: False)
    monkeypatch.setattr(products, "multiplies_bfloat16", lambda: hardware)
    monkeypatch.setattr(products, "_has_onednn", lambda: onednn)

    assert fastest() == ("bfloat16" if hardware and onednn else "float32")


@pytest.mark.parametrize(
    ("flags", "width", "there", "chosen"),
    [
        ({"avx512_vnni"}, 32_768, True, "int8"),
        ({"avx512_vnni"}, 32_769, True, "bfloat16"),
        ({"avx512_vnni", "amx_bf16"}, 512, True, "bfloat16"),
        ({"avx512_bf16"}, 512, False, "bfloat16"),
    ],
)
def test_bytes_are_the_fastest_with_their_instruction_but_not_beside_tiles_of_bfloat16(
    monkeypatch, flags, width, there, chosen
):
    monkeypatch.setattr(products, "processor_flags", lambda: flags)
    monkeypatch.setattr(products, "has_instruction", lambda: there)
    monkeypatch.setattr(products, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(products, "_has_onednn", lambda: True)

    assert fastest(width) == chosen


def wrong(_a, _b):
    return torch.zeros(2, 2)


def half_wrong(_a, _b):
    return torch.tensor([[2.0, 2.0], [2.0, 3.0]])


def raising(problem):
    def product(_a, _b):
        raise problem

    return product


@pytest.mark.parametrize("product", [wrong, half_wrong, raising(AttributeError()), raising(RuntimeError())])
def test_a_product_that_is_not_there_or_wrong_is_not_used(monkeypatch, product):
    products._has_onednn.cache_clear()
    monkeypatch.setattr(products, "_onednn", product)
    try:
        assert products._has_onednn() is False
    finally:
        products._has_onednn.cache_clear()


def test_a_right_product_is_used(monkeypatch):
    products._has_onednn.cache_clear()
    monkeypatch.setattr(products, "_onednn", lambda a, b: a @ b.T)
    try:
        assert products._has_onednn() is True
    finally:
        products._has_onednn.cache_clear()


@pytest.mark.parametrize(("flags", "there", "chosen"), [("AuthenticAMD", True, True), ("AuthenticAMD", False, False)])
def test_float32_goes_to_onednn_on_amd_only(monkeypatch, flags, there, chosen):
    monkeypatch.setattr(products, "processor_flags", lambda: {flags})
    monkeypatch.setattr(products, "_has_onednn", lambda: there)
    assert Products("float32").onednn is chosen
    assert Products("bfloat16").onednn is True
    monkeypatch.setattr(products, "processor_flags", lambda: {"GenuineIntel"})
    assert Products("float32").onednn is False


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("onednn", [False, True])
def test_products_are_those_of_every_pair(precision, onednn):
    rng = np.random.default_rng(4)
    queries, gallery = (rng.integers(-4, 5, (rows, 6)).astype(np.float32) for rows in (5, 7))
    half = precision == "bfloat16"
    factors = [
        torch.from_numpy(rows).bfloat16().view(torch.uint16).numpy() if half else rows for rows in (queries, gallery)
    ]
    multiply = Products(precision)
    if not half:
        multiply.onednn = onednn and products._has_onednn()

    product = multiply(*factors)

    assert multiply.half == half
    assert product.dtype == (np.uint16 if half else np.float32)
    found = torch.from_numpy(product).view(torch.bfloat16).float().numpy() if half else product
    assert found.tolist() == (queries @ gallery.T).tolist()


def test_settings_of_torch_are_restored_after_an_error():
    threads, before = torch.get_num_threads(), torch.get_float32_matmul_precision()

    def failing():
        with full_precision(), one_thread_each(2) as pool:
            assert {task.result() for task in [pool.submit(torch.get_num_threads) for _ in range(4)]} == {1}
            torch.set_num_threads(threads + 1)
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert torch.get_float32_matmul_precision() == before
    assert torch.get_num_threads() == threads


def test_an_older_torch_is_told_by_its_one_setting(monkeypatch):
    monkeypatch.setattr(products, "_by_backend", lambda: False)
    asked = []
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
    monkeypatch.setattr(torch, "set_float32_matmul_precision", asked.append)

    with full_precision():
        assert asked == ["highest"]
    assert asked == ["highest", "medium"]


def test_numpy_multiplies_what_torch_does():
    rng = np.random.default_rng(4)
    queries, gallery = (rng.integers(-4, 5, (rows, 6)).astype(np.float32) for rows in (5, 7))

    multiply = Products("float32", by_numpy=True)

    assert multiply.onednn is False
    assert multiply(queries, gallery).tolist() == Products("float32")(queries, gallery).tolist()


def test_numpys_own_threads_rest_while_a_pool_multiplies():
    def threads():
        return {found["num_threads"] for found in ThreadpoolController().select(user_api="blas").info()}

    before = threads()
    with open_numpy(3) as (pool, count):
        assert count == 3
        assert pool.submit(threads).result() <= {1}
    assert threads() == before
    with open_numpy(None) as (_pool, count):
        assert count == max(before, default=count)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_ranks_are_the_same_whether_numpy_or_torch_multiplies(monkeypatch, metric):
    problem = random_problem(12)
    ranks = []
    for without in (True, False):
        monkeypatch.setattr(walk, "_without_torch", lambda *_, chosen=without: chosen)
        ranks.append(rank(problem.queries, problem.gallery, problem.relevance, metric=metric))

    assert same(*ranks)


def test_torch_ranks_where_it_is_loaded_or_asked_for_or_the_problem_is_large(monkeypatch):
    relevance = random_problem(12).relevance
    pairs = relevance.queries * len(relevance.unit_of)

    def without_torch(settings=None, of=relevance):
        return walk._without_torch(settings or Settings(), of, 8)

    monkeypatch.setattr(walk, "multiplies_bytes", lambda _width: False)
    monkeypatch.delitem(sys.modules, "torch")
    assert without_torch()
    assert without_torch(Settings(tuning=Tuning(precision="float32")))

    assert not without_torch(Settings(tuning=Tuning(precision="bfloat16")))
    assert not without_torch(Settings(machine=Machine("cuda")))
    assert not without_torch(Settings(by_torch=True))
    monkeypatch.setattr(walk, "SMALL", {"bfloat16": pairs + 1})
    assert without_torch()
    monkeypatch.setattr(walk, "SMALL", {"bfloat16": pairs})
    assert not without_torch()
    of_images = replace(relevance, unit_of=None)
    for more in (0, 1):
        monkeypatch.setattr(walk, "SMALL", {"bfloat16": relevance.queries * relevance.units + more})
        assert without_torch(of=of_images) == bool(more)
    assert without_torch(Settings(tuning=Tuning(precision="int16")))
    monkeypatch.setattr(walk, "multiplies_bytes", lambda width: width == 8)
    assert without_torch()
    assert not without_torch(Settings(tuning=Tuning(precision="float32")))
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert not without_torch()


def test_without_torch_bytes_or_float32_are_the_fastest(monkeypatch):
    for instruction, expected in ((True, "int8"), (False, "float32")):
        monkeypatch.setattr(products, "multiplies_bytes", lambda _width, there=instruction: there)
        assert fastest(8, by_numpy=True) == expected


class Libraries:
    """Libraries that multiply for NumPy, each with a number of threads."""

    def __init__(self, *threads: int) -> None:
        self.threads = threads
        self.asked: list[int] = []

    def select(self, user_api):
        assert user_api == "blas"
        return self

    def info(self):
        return [{"num_threads": number} for number in self.threads]

    def limit(self, *, limits):
        self.asked.append(limits)
        return nullcontext()


@pytest.mark.parametrize(("known", "cores", "count"), [((2, 5, 3), 9, 5), ((), 9, 9), ((), None, 1)])
def test_a_pool_has_as_many_threads_as_numpy_or_as_the_processor_has(monkeypatch, known, cores, count):
    libraries = Libraries(*known)
    monkeypatch.setattr("threadpoolctl.ThreadpoolController", lambda: libraries)
    monkeypatch.setattr("os.cpu_count", lambda: cores)

    with open_numpy(None) as (pool, chosen):
        assert chosen == count
        assert libraries.asked == [1]
        pool.submit(int).result()
        assert libraries.asked == [1, 1]  # each thread asks for itself
