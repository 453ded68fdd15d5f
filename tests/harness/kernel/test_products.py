"""The fastest product that a processor has is chosen, and all of them are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.kernel import products
from harness.kernel.products import Products, fastest, full_precision, one_thread_each


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
