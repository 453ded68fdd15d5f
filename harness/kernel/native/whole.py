"""Products of int8 rows in whole numbers, by the instruction that multiplies four bytes at once where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba.core.registry
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from harness.kernel.native.compiled import compiled

Array = Any

ROWS = 6
"""Queries multiplied at once: with four registers of images each, 24 of the processor's 32 registers are sums."""

LANES = 16
"""Sums in a register."""

PANEL = 64
"""Images multiplied at once, four registers of them."""

FOUR = 4
"""Numbers of a row that are multiplied by one instruction; rows are filled up with zeros."""

LIFT = 128
"""What is added to each number of the gallery, since the instruction multiplies numbers from 0 to 255 by others."""

WIDEST = 32768
"""Numbers of a row up to which a sum of products of 255 and 127 stays within int32."""


def has_instruction() -> bool:
    """Say whether loops are compiled for a processor that multiplies four bytes at once, in 512 bits."""
    features: str = numba.core.registry.cpu_target.target_context.codegen().magic_tuple()[2]
    return {"+avx512f", "+avx512vnni"} <= set(features.split(","))


def _add_products(context: Any, builder: Any, total: Any, lifted: Any, others: Any) -> Any:
    """Return 16 sums and, added to each, the products of its four unsigned and its four signed bytes."""
    if has_instruction():
        kind = ir.FunctionType(total.type, [total.type] * 3)
        insert: Any = cgutils.get_or_insert_function
        return builder.call(insert(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512"), [total, lifted, others])
    for place in range(FOUR):
        by, up = (ir.Constant(total.type, [shift] * LANES) for shift in (8 * place, 24 - 8 * place))
        low = ir.Constant(total.type, [255] * LANES)
        unsigned = builder.and_(builder.lshr(lifted, by), low)
        signed = builder.ashr(builder.shl(others, up), ir.Constant(total.type, [24] * LANES))
        total = builder.add(total, builder.mul(unsigned, signed))
    return total


def _multiply_panel(
    _typing: Any, rows: Any, row: Any, sums: Any, panels: Any, panel: Any, out: Any, at: Any, column: Any
) -> Any:
    """Write the products of ``ROWS`` rows and the images of a panel; see ``multiply``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, number = ir.IntType(64), ir.IntType(32)
        vector = ir.VectorType(number, LANES)
        made = {
            place: context.make_array(signature.args[place])(context, builder, arguments[place])
            for place in (0, 2, 3, 5)
        }
        first, which, to, aside = (
            context.cast(builder, arguments[place], signature.args[place], types.intp) for place in (1, 4, 6, 7)
        )
        start = {place: builder.ptrtoint(array.data, word) for place, array in made.items()}
        pitch = {place: builder.extract_value(made[place].strides, 0) for place in (0, 3, 5)}

        def at_byte(address: Any, kind: Any) -> Any:
            loaded = builder.load(builder.inttoptr(address, kind.as_pointer()))
            loaded.align = 1
            return loaded

        def everywhere(value: Any) -> Any:
            nothing = ir.Constant(vector, ir.Undefined)
            return builder.shuffle_vector(
                builder.insert_element(nothing, value, number(0)), nothing, ir.Constant(vector, [0] * LANES)
            )

        row_at, begin = [], []
        for r in range(ROWS):
            own = builder.add(first, word(r))
            row_at.append(builder.add(start[0], builder.mul(own, pitch[0])))
            begin += [everywhere(at_byte(builder.add(start[2], builder.mul(own, word(4))), number))] * (PANEL // LANES)
        panel_at = builder.add(start[3], builder.mul(which, pitch[3]))
        before, loop = builder.block, builder.append_basic_block("fours")
        after = builder.append_basic_block("written")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(word)
        step.add_incoming(word(0), before)
        totals = []
        for value in begin:
            total = builder.phi(vector)
            total.add_incoming(value, before)
            totals.append(total)
        images_at = builder.add(panel_at, builder.mul(step, word(FOUR * PANEL)))
        images = [
            at_byte(builder.add(images_at, word(FOUR * LANES * place)), vector) for place in range(PANEL // LANES)
        ]
        ended = []
        for r in range(ROWS):
            numbers = everywhere(at_byte(builder.add(row_at[r], builder.mul(step, word(FOUR))), number))
            for place, image in enumerate(images):
                ended.append(_add_products(context, builder, totals[r * len(images) + place], image, numbers))
        following = builder.add(step, word(1))
        step.add_incoming(following, loop)
        for total, value in zip(totals, ended, strict=True):
            total.add_incoming(value, loop)
        steps = builder.extract_value(made[3].shape, 1)
        builder.cbranch(builder.icmp_signed("<", following, steps), loop, after)
        builder.position_at_end(after)
        for r in range(ROWS):
            out_at = builder.add(start[5], builder.mul(builder.add(to, word(r)), pitch[5]))
            out_at = builder.add(out_at, builder.mul(aside, word(4)))
            for place in range(len(images)):
                address = builder.add(out_at, word(4 * LANES * place))
                written = builder.store(
                    ended[r * len(images) + place], builder.inttoptr(address, vector.as_pointer()), align=1
                )
                assert written is not None
        return context.get_dummy_value()

    return types.void(rows, row, sums, panels, panel, out, at, column), code


multiply_panel = cast("Callable[..., None]", intrinsic(_multiply_panel))


@compiled
def multiply(rows: Array, sums: Array, panels: Array, begin: int, end: int, first: int, last: int, out: Array) -> None:
    """Write the products of some queries and of some panels of images.

    Args:
        rows: (at least end + ROWS - 1, 4 k) int8, with zeros behind a row's own numbers.
        sums: (as many,) int32, minus ``LIFT`` times the sum of each row.
        panels: (panels, k, 4 * PANEL) uint8: four numbers of one image, then of the next, all plus ``LIFT``.
        begin: the first query.
        end: behind the last.
        first: the first panel.
        last: behind the last.
        out: (at least end - begin + ROWS - 1, PANEL * (last - first)) int32.
    """
    for panel in range(first, last):
        for row in range(begin, end, ROWS):
            multiply_panel(rows, row, sums, panels, panel, out, row - begin, PANEL * (panel - first))
