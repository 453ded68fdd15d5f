"""Budgets of memory and the blocks that fit into them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.basics.host import free_memory
from harness.kernel import memory
from harness.kernel.memory import aligned, block_images, budget, query_rows


def test_blocks_grow_with_memory_within_limits():
    assert block_images(0, 512, streamed=True) == 256
    assert block_images(1 << 40, 512, streamed=True) == 16384
    assert block_images(1 << 40, 1, streamed=True) == 16384
    assert block_images(1 << 24, 512, streamed=True) < block_images(1 << 24, 512, streamed=False)
    assert budget(12345) == 12345
    assert 0 < budget(None) <= min(free_memory(0), 1 << 30)


def test_wide_rows_make_blocks_of_fewer_images():
    assert block_images(1 << 40, 1024, streamed=False) == 8192
    assert block_images(1 << 40, 2048, streamed=True) == 4096
    assert block_images(1 << 40, 1 << 30, streamed=False) == 256


def test_a_block_takes_half_of_a_budget_and_queries_a_quarter():
    """A row takes 4 bytes a number as multiplied, 8 more if it is read while another is used, 16 more for a
    mean, and 128 beside.
    """
    megabytes = 1 << 24

    assert block_images(megabytes, 100, streamed=False) == megabytes // 2 // (100 * 4 + 128)
    assert block_images(megabytes, 100, streamed=True) == megabytes // 2 // (100 * 12 + 128)
    assert block_images(megabytes, 100, streamed=False, means=True) == megabytes // 2 // (100 * 20 + 128)
    assert block_images(megabytes, 100, streamed=True, means=True) == megabytes // 2 // (100 * 28 + 128)
    assert query_rows(megabytes, 100) == megabytes // 4 // (100 * 8 + 128)
    assert query_rows(0, 100) == 256
    assert query_rows(1 << 40, 1) == (1 << 38) // 136


@pytest.mark.parametrize(("processes", "share"), [(1, 4), (3, 12)])
def test_a_process_takes_its_part_of_a_quarter_of_the_free_memory(monkeypatch, processes, share):
    monkeypatch.setattr(memory, "free_memory", lambda _otherwise: 1_200_000)
    assert budget(None, processes) == 1_200_000 // share
    assert budget(None) == 300_000

    monkeypatch.setattr(memory, "free_memory", lambda _otherwise: 1 << 50)
    assert budget(None, processes) == 1 << 30

    monkeypatch.setattr(memory, "free_memory", lambda otherwise: otherwise)
    assert budget(None, 1) == 1 << 30
    assert budget(None, 2) == 1 << 29


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint8])
@pytest.mark.parametrize("count", [0, 1, 33])
def test_room_begins_at_a_line_of_the_processor_and_is_the_callers(kind, count):
    rooms = [aligned(count, kind) for _ in range(5)]

    assert {room.ctypes.data % 64 for room in rooms if count} <= {0}
    assert {(room.shape, room.dtype) for room in rooms} == {((count,), np.dtype(kind))}
    for number, room in enumerate(rooms):
        room[:] = number
    assert [room.tolist() for room in rooms] == [[number] * count for number in range(5)]
