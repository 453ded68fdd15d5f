"""The kinds of things that plugins register: one value here and one hook in ``hookspecs`` for each kind.

The checks import their contracts late, so that listing names imports neither torch nor pydantic.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from harness.errors import PluginError
from harness.registry import hookspecs
from harness.registry.catalogue import Kind, one_line

if TYPE_CHECKING:
    from harness.compute.engine import Engine
    from harness.corruptions.corruption import Corruption
    from harness.data.layout import Layout
    from harness.measures.family import MeasureFamily
    from harness.methods.detector import Detector
    from harness.methods.method import Method
    from harness.steps.step import Step
    from harness.tasks.protocol import Protocol


RESERVED = """query key vehicle camera track first_hit protocol task convention fingerprint official method variant
changes recipe rerank post chosen metric seed run runs rank path train_on control width parameters input_height
input_width queries ignored_queries ties draws"""
SUFFIXES = ("_low", "_high", "_deviation", "_repeats")
"""The columns of tables of results, which no measure may be named like."""


def _subclass(name: str, found: object, wanted: type[Any]) -> Any:
    if not (inspect.isclass(found) and issubclass(found, wanted)):
        expected = f"a subclass of harness.{wanted.__name__}"
        raise PluginError(f"'{name}' is not a {wanted.__name__.lower()}", found=repr(found), expected=expected)
    return found


def _instance(name: str, found: object, wanted: type[Any]) -> Any:
    kind = _subclass(name, found, wanted)
    try:
        return kind()
    except Exception as problem:
        what = f"{wanted.__name__.lower()} '{name}' could not be set up"
        raise PluginError(what, found=one_line(problem)) from problem


def _method(_name: str, found: object) -> type[Method]:
    from harness.methods.method import complete

    return complete(found)


def _detector(name: str, found: object) -> type[Detector]:
    from harness.methods.detector import Detector

    return cast("type[Detector]", _subclass(name, found, Detector))


def _protocol(name: str, found: object) -> Protocol:
    from harness.tasks.protocol import Protocol

    return cast("Protocol", _instance(name, found, Protocol))


def _layout(name: str, found: object) -> Layout:
    from harness.data.layout import Layout

    return cast("Layout", _instance(name, found, Layout))


def _measure(name: str, found: object) -> MeasureFamily:
    from harness.measures.family import MeasureFamily

    if not isinstance(found, MeasureFamily):
        raise PluginError(f"'{name}' is not a measure", found=repr(found), expected="a harness.MeasureFamily")
    if found.word != name:
        raise PluginError(f"measure '{name}' has a different word", found=found.word, expected=name)
    if name in RESERVED.split() or name.endswith(SUFFIXES):
        raise PluginError(f"'{name}' cannot name a measure", expected="no column of the results' tables")
    try:
        found.measure(f"{name}@1" if found.cutoff else name).name.strip()
    except Exception as problem:
        raise PluginError(f"the title of measure '{name}' cannot be shown", found=one_line(problem)) from problem
    return found


def _observer(name: str, found: object) -> type[Any]:
    marked = [word for word in vars(hookspecs) if hasattr(getattr(found, word, None), f"{hookspecs.GROUP}_impl")]
    if not inspect.isclass(found) or not marked:
        expected = "a class with bench_started, bench_epoch or another hook of a run, marked with harness.hookimpl"
        raise PluginError(f"'{name}' is not an observer", found=repr(found), expected=expected)
    return found


def _engine(name: str, found: object) -> type[Engine]:
    from harness.compute.engine import Engine

    if not (inspect.isclass(found) and issubclass(found, Engine)):
        expected = "a subclass of harness.Engine"
        raise PluginError(f"'{name}' is not an engine", found=repr(found), expected=expected)
    return found


def _step(name: str, found: object) -> type[Step]:
    from harness.steps.checking import checked

    return checked(name, found)


def _corruption(name: str, found: object) -> Corruption:
    from harness.corruptions.corruption import Corruption, checked

    return checked(name, _subclass(name, found, Corruption))


METHOD = Kind("method", "bench_register_methods", _method)
PROTOCOL = Kind("protocol", "bench_register_protocols", _protocol)
DETECTOR = Kind("detector", "bench_register_detectors", _detector)
LAYOUT = Kind("layout", "bench_register_layouts", _layout)
MEASURE = Kind("measure", "bench_register_measures", _measure)
OBSERVER = Kind("observer", "bench_register_observers", _observer)
ENGINE = Kind("engine", "bench_register_engines", _engine)
STEP = Kind("step", "bench_register_steps", _step)
CORRUPTION = Kind("corruption", "bench_register_corruptions", _corruption)

KINDS: tuple[Kind[Any], ...] = tuple(value for value in list(vars().values()) if isinstance(value, Kind))
