"""Checks for the test suite of a method's author; the command for the same is ``bench check``.

Example:
    >>> class TestMyMethod(MethodTests):  # each property is a test of its own
    ...     method = "my-method"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness.authoring.conformance import Check
from harness.authoring.finding import Finding
from harness.authoring.properties import PROPERTIES
from harness.authoring.trial import Asked

__all__ = ["Finding", "MethodTests", "check_method"]


def check_method(
    method: str | type,
    *,
    options: Mapping[str, Any] | None = None,
    protocol: str = "synthetic",
    data: str | Path | None = None,
    plugins: tuple[str | Path, ...] = (),
) -> list[Finding]:
    """Return what is found about each property that a method must have.

    Args:
        method: ``name`` or ``name/variant`` of a registered method, or the class.
        options: the options that differ from the defaults.
        protocol: where a few images come from; ``synthetic`` draws its own.
        data: folder of the protocol's data set, or None for its default.
        plugins: files with hooks, in which the method may be registered.

    Raises:
        UsageError: there is no method or protocol of that name.
        PluginError: a given file is no plugin.
        DataError: the protocol's images, or the boxes that the method needs, cannot be read.
    """
    asked = Asked(method, dict(options or {}), protocol=protocol, data=data, plugins=plugins)
    return list(Check(asked).findings())


class MethodTests:
    """Tests that pytest collects from a subclass whose name begins with ``Test``: one for each property.

    Attributes:
        method: ``name`` or ``name/variant`` of a registered method, or the class.
        options: the options that differ from the defaults.
        protocol: where a few images come from; ``synthetic`` draws its own.
        data: folder of the protocol's data set, or None for its default.
    """

    method: ClassVar[str | type]
    options: ClassVar[Mapping[str, Any]] = {}
    protocol: ClassVar[str] = "synthetic"
    data: ClassVar[str | Path | None] = None
    _check: ClassVar[Check]

    @classmethod
    def _found(cls, name: str) -> Finding:
        if "_check" not in vars(cls):  # all tests of a class share one
            cls._check = Check(Asked(cls.method, dict(cls.options), protocol=cls.protocol, data=cls.data))
        return cls._check.finding(name)


def _test(name: str) -> Callable[[MethodTests], None]:
    def test(self: MethodTests) -> None:
        import pytest

        found = self._found(name)
        if found.result == "failed":
            pytest.fail(found.detail, pytrace=False)
        if found.result == "skipped":
            pytest.skip(found.detail)

    test.__doc__ = PROPERTIES[name].__doc__
    return test


for _name in PROPERTIES:
    setattr(MethodTests, f"test_{_name.replace(' ', '_')}", _test(_name))
