"""Products of rows of bytes, or of words of 16 bits, in whole numbers, by instructions for them where there are any."""

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
"""Bytes of a row that are multiplied at once for one sum: four numbers, or two of 16 bits. Rows end with zeros."""

LIFT = 128
"""What is added to each byte of the gallery, since the instruction multiplies numbers from 0 to 255 by others."""

WIDEST = 32768
"""Bytes of a row up to which a sum of products of 255 and 127 stays within int32."""

LENGTH = 46_000.0
"""Greatest length of a row of words: sums of products, of any part of two rows, are then below 2^31."""


def has_instruction() -> bool:
    """Say whether loops are compiled for a processor that multiplies and adds bytes at once, in 512 bits."""
    features: str = numba.core.registry.cpu_target.target_context.codegen().magic_tuple()[2]
    return {"+avx512f", "+avx512vnni"} <= set(features.split(","))


def _add_products(builder: Any, total: Any, images: Any, queries: Any, *, words: bool) -> Any:
    """Return 16 sums and, added to each, its products: of two signed words, or of four bytes, unsigned and signed."""
    if has_instruction():
        kind = ir.FunctionType(total.type, [total.type] * 3)
        insert: Any = cgutils.get_or_insert_function
        name = f"llvm.x86.avx512.{'vpdpwssd' if words else 'vpdpbusd'}.512"
        return builder.call(insert(builder.module, kind, name), [total, images, queries])
    bits = 16 if words else 8

    def everywhere(value: int) -> Any:
        return ir.Constant(total.type, [value] * LANES)

    def signed(numbers: Any, place: int) -> Any:
        return builder.ashr(builder.shl(numbers, everywhere(32 - bits - bits * place)), everywhere(32 - bits))

    for place in range(32 // bits):
        unsigned = builder.and_(builder.lshr(images, everywhere(bits * place)), everywhere(2**bits - 1))
        image = signed(images, place) if words else unsigned
        total = builder.add(total, builder.mul(image, signed(queries, place)))
    return total


def _panel_code(
    rows: Any, row: Any, sums: Any, panels: Any, panel: Any, out: Any, at: Any, column: Any, *, words: bool
) -> Any:
    """Return what writes the products of ``ROWS`` rows and the images of a panel; see ``multiply``."""

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
                ended.append(_add_products(builder, totals[r * len(images) + place], image, numbers, words=words))
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
                pointer = builder.inttoptr(address, vector.as_pointer())
                builder.store(ended[r * len(images) + place], pointer, align=1)
        return context.get_dummy_value()

    return types.void(rows, row, sums, panels, panel, out, at, column), code


def _byte_panel(
    _typing: Any, rows: Any, row: Any, sums: Any, panels: Any, panel: Any, out: Any, at: Any, column: Any
) -> Any:
    return _panel_code(rows, row, sums, panels, panel, out, at, column, words=False)


def _word_panel(
    _typing: Any, rows: Any, row: Any, sums: Any, panels: Any, panel: Any, out: Any, at: Any, column: Any
) -> Any:
    return _panel_code(rows, row, sums, panels, panel, out, at, column, words=True)


multiply_bytes = cast("Callable[..., None]", intrinsic(_byte_panel))
multiply_words = cast("Callable[..., None]", intrinsic(_word_panel))


@compiled
def multiply(
    rows: Array, sums: Array, panels: Array, words: bool, begin: int, end: int, first: int, last: int, out: Array
) -> None:
    """Write the products of some queries and of some panels of images.

    Args:
        rows: (at least end + ROWS - 1, k) uint32, each of four signed bytes or two signed words, zeros behind the last.
        sums: (as many,) int32, that each row's sums begin with: minus ``LIFT`` times the sum of its bytes, else 0.
        panels: (panels, k, PANEL) uint32: four bytes of one image, plus ``LIFT``, then of the next; or two words each.
        words: whether numbers have 16 bits, not 8.
        begin: the first query.
        end: behind the last.
        first: the first panel.
        last: behind the last.
        out: (at least end - begin + ROWS - 1, PANEL * (last - first)) int32.
    """
    for panel in range(first, last):
        for row in range(begin, end, ROWS):
            if words:
                multiply_words(rows, row, sums, panels, panel, out, row - begin, PANEL * (panel - first))
            else:
                multiply_bytes(rows, row, sums, panels, panel, out, row - begin, PANEL * (panel - first))
