"""Asking the processor for a row before it is needed, so that rows read here and there do not wait for memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LINE = 64
"""Bytes that the processor fetches at once."""

AHEAD = 4
"""Rows between asking and reading: from 2 to 8 all took the same, 0.6 of the time without."""


def _prefetch(_typing: Any, table: Any, row: Any) -> Any:
    """Ask for row ``row`` of a table (n, d) with contiguous rows; nothing else happens."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, number = signature.args
        array = context.make_array(kind)(context, builder, arguments[0])
        stride = builder.extract_value(array.strides, 0)
        place = builder.mul(context.cast(builder, arguments[1], number, types.intp), stride)
        first = builder.add(builder.ptrtoint(array.data, stride.type), place)
        size = builder.mul(builder.extract_value(array.shape, 1), array.itemsize)
        flag, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        kind_of_call = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        insert: Any = cgutils.get_or_insert_function
        ask = insert(builder.module, kind_of_call, "llvm.prefetch.p0")
        # To read, to keep in the second cache, as data.
        flags = (flag(0), flag(2), flag(1))
        with cgutils.for_range_slice(builder, stride.type(0), size, stride.type(LINE), stride.type) as (offset, _):
            builder.call(ask, [builder.inttoptr(builder.add(first, offset), pointer), *flags])
        return context.get_dummy_value()

    return types.void(table, row), code


prefetch = cast("Callable[[Any, Any], None]", intrinsic(_prefetch))
"""The function that loops call, with a table and a row's number."""
