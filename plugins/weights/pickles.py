"""Reads a pickle without executing anything: tensors and plain values are known, everything else stays inert.

Python's unpickler imports and calls what a file names. Here the operations of a pickle, as ``pickletools`` lists them,
build plain values; a name outside the table of known ones is never imported or called. It becomes a ``Placeholder``, or
the file is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.basics.shown import visible
from plugins.weights.values import KNOWN, VALUES, Array, Damaged, Name, NumpyType, Storage

MAX_OPERATIONS = 2_000_000
"""A ResNet-152 takes 40,000 operations, a training state with its optimiser three times as many."""

LONGEST_NAME = 100
"""Of a name in a message, in characters."""

_MARK = object()


class Bytes(Protocol):
    """A file that is read forwards; ``read(n)`` must never allocate more than what is left of it."""

    def read(self, size: int, /) -> bytes:
        """Return at most the next ``size`` bytes."""

    def readline(self) -> bytes:
        """Return the rest of a line."""


class WantsCode(Exception):  # noqa: N818 - it is a finding, which becomes a message
    """The pickle names something that only code could make: ``os.system``, ``argparse.Namespace``."""


@dataclass(eq=False)
class Placeholder:
    """An object of the file that is not made: its class or function by name, and what it would have been given.

    Attributes:
        name: the dotted name.
        given: the arguments.
        state: what ``__setstate__`` would have received: for a module of torch, its parameters and parts.
        items: what would have been appended to it or set in it.
    """

    name: str
    given: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


def read_pickle(file: Bytes, *, inert: bool = False) -> Any:
    """Return the value of the next pickle of a file.

    Args:
        file: the file, which is left behind the pickle.
        inert: turn unknown names into placeholders instead of refusing them.

    Raises:
        WantsCode: it names something unknown, and ``inert`` is False.
        Damaged: it is no pickle, or is damaged.
    """
    machine = _Machine(inert)
    try:
        for count, (operation, argument, _) in enumerate(pickletools.genops(file)):  # type: ignore[arg-type]
            if count > MAX_OPERATIONS:
                raise Damaged(f"more than {MAX_OPERATIONS:,} operations")
            machine.do(operation.name, argument)
    except (WantsCode, Damaged):
        raise
    except Exception as problem:  # damaged bytes make genops and the operations fail in a dozen ways
        raise Damaged(_shown(f"{type(problem).__name__}: {problem}")) from None
    return machine.result


class _Machine:
    """The stack and the memo of one pickle, and its operations."""

    def __init__(self, inert: bool) -> None:
        self.inert = inert
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.result: Any = None

    def do(self, operation: str, argument: Any) -> None:
        """Do one operation."""
        if operation in CONSTANTS:
            self.stack.append(CONSTANTS[operation]())
        elif operation in PUSHED:
            self.stack.append(argument)
        elif operation in METHODS:
            METHODS[operation](self, argument)
        elif operation not in IGNORED:
            raise Damaged(f"the operation {operation}")

    def pop(self) -> Any:
        """Return the last value."""
        value = self.stack.pop()
        if value is _MARK:
            raise Damaged("a mark in place of a value")
        return value

    def marked(self) -> list[Any]:
        """Return the values since the last mark, and remove both."""
        place = len(self.stack) - 1
        while place >= 0 and self.stack[place] is not _MARK:
            place -= 1
        if place < 0:
            raise Damaged("values without a mark")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def name(self, module: Any, attribute: Any) -> Any:
        """Return what stands for a name: the name itself if it is known; nothing is imported."""
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise Damaged("a name that is no text")
        found = Name(module, attribute)
        if found in KNOWN or found in VALUES:
            return found
        if not self.inert:
            raise WantsCode(_shown(f"{module}.{attribute}"))
        return Placeholder(_shown(f"{module}.{attribute}"))

    def call(self, function: Any, given: Any) -> Any:
        """Return what a known name makes of its arguments; a placeholder for any other."""
        arguments = given if isinstance(given, tuple) else (given,)
        if isinstance(function, Name) and function in KNOWN:
            return KNOWN[function](*arguments)
        if isinstance(function, Placeholder):
            return Placeholder(function.name, arguments)
        raise Damaged("a call of a value")

    def build(self, _argument: Any) -> None:
        """Give a value its state; only placeholders and arrays have one."""
        state = self.pop()
        value = self.stack[-1]
        if isinstance(value, Placeholder):
            value.state = state
        elif isinstance(value, Array | NumpyType):
            value.build(state)
        elif not isinstance(value, dict):  # the metadata of a state dict is not needed
            raise Damaged("a state of a plain value")

    def add(self, pairs: list[Any]) -> None:
        """Set the items of a dictionary, or of a placeholder."""
        target = self.stack[-1]
        target = target.items if isinstance(target, Placeholder) else target
        if not isinstance(target, dict) or len(pairs) % 2:
            raise Damaged("items of no dictionary")
        target.update(zip(map(_key, pairs[::2]), pairs[1::2], strict=True))

    def extend(self, values: list[Any]) -> None:
        """Append to a list, a set or a placeholder."""
        target = self.stack[-1]
        if isinstance(target, Placeholder):
            target.items.update(enumerate(values, len(target.items)))
        elif isinstance(target, set):
            target.update(map(_key, values))
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise Damaged("values appended to no list")

    def persistent(self, _argument: Any) -> None:
        """Put a storage of torch.save in place of its description, or the class of a network beside its source."""
        described = self.pop()
        if isinstance(described, tuple) and len(described) == 4 and described[0] == "module":
            self.stack.append(described[1])
            return
        if not isinstance(described, tuple) or len(described) < 5 or described[0] != "storage":
            raise Damaged("a reference that is no storage")
        kind, key, _place, count = described[1:5]
        self.stack.append(Storage.of(kind, key, count, *described[5:6]))


def _key(value: Any) -> Any:
    """Return a key of a dictionary; one of nested tuples could take forever to be hashed."""
    if value is None or isinstance(value, str | bytes | int | float | Placeholder | Name):
        return value
    if isinstance(value, tuple) and all(isinstance(part, str | int | float) for part in value):
        return value
    raise Damaged("a key that is no plain value")


def _shown(name: str) -> str:
    """Return a name of the file as it can be printed."""
    return visible(name, keep="")[:LONGEST_NAME]


def _tuple(size: int) -> Callable[[_Machine, Any], None]:
    def build(machine: _Machine, _argument: Any) -> None:
        values = [machine.pop() for _ in range(size)]
        machine.stack.append(tuple(reversed(values)))

    return build


def _from_marked(kind: Callable[[list[Any]], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _argument: machine.stack.append(kind(machine.marked()))


def _dictionary(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(map(_key, values[::2]), values[1::2], strict=True))


def _pop(machine: _Machine, _argument: Any) -> None:
    machine.stack.pop()


def _pop_mark(machine: _Machine, _argument: Any) -> None:
    machine.marked()


def _stop(machine: _Machine, _argument: Any) -> None:
    machine.result = machine.pop()


def _put(machine: _Machine, place: Any) -> None:
    machine.memo[len(machine.memo) if place is None else place] = machine.stack[-1]


def _get(machine: _Machine, place: Any) -> None:
    machine.stack.append(machine.memo[place])


def _named(machine: _Machine, argument: Any) -> None:
    module, _, attribute = argument.partition(" ")
    machine.stack.append(machine.name(module, attribute))


def _stacked_name(machine: _Machine, _argument: Any) -> None:
    attribute, module = machine.pop(), machine.pop()
    machine.stack.append(machine.name(module, attribute))


def _reduce(machine: _Machine, _argument: Any) -> None:
    given, function = machine.pop(), machine.pop()
    machine.stack.append(machine.call(function, given))


def _new_with_words(machine: _Machine, _argument: Any) -> None:
    words, given, function = machine.pop(), machine.pop(), machine.pop()
    machine.stack.append(machine.call(function, (*given, words) if words else given))


def _instance(machine: _Machine, argument: Any) -> None:
    module, _, attribute = argument.partition(" ")
    given = tuple(machine.marked())
    machine.stack.append(machine.call(machine.name(module, attribute), given))


def _object(machine: _Machine, _argument: Any) -> None:
    function, *given = machine.marked()
    machine.stack.append(machine.call(function, tuple(given)))


def _append(machine: _Machine, _argument: Any) -> None:
    value = machine.pop()
    machine.extend([value])


def _set_item(machine: _Machine, _argument: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.add([key, value])


IGNORED = {"PROTO", "FRAME"}

PUSHED = {
    "INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
"""Operations whose argument is the value."""

CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
    "MARK": lambda: _MARK,
}

METHODS: dict[str, Callable[[_Machine, Any], None]] = {
    "STOP": _stop,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "TUPLE": _from_marked(tuple),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": _from_marked(list),
    "DICT": _from_marked(_dictionary),
    "FROZENSET": _from_marked(lambda values: {_key(value) for value in values}),
    "APPEND": _append,
    "APPENDS": lambda machine, _: machine.extend(machine.marked()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.marked()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine.add(machine.marked()),
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _put,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GLOBAL": _named,
    "STACK_GLOBAL": _stacked_name,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _new_with_words,
    "INST": _instance,
    "OBJ": _object,
    "BUILD": lambda machine, argument: machine.build(argument),
    "BINPERSID": lambda machine, argument: machine.persistent(argument),
}
