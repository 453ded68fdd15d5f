"""Budgets of memory and the blocks that fit into them."""

from __future__ import annotations

from harness.basics.host import free_memory
from harness.kernel.memory import block_images, budget


def test_blocks_grow_with_memory_within_limits():
    assert block_images(0, 512, streamed=True) == 256
    assert block_images(1 << 40, 512, streamed=True) == 16384
    assert block_images(1 << 24, 512, streamed=True) < block_images(1 << 24, 512, streamed=False)
    assert budget(12345) == 12345
    assert 0 < budget(None) <= min(free_memory(0), 1 << 30)
