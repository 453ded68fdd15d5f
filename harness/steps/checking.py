"""The check of what a plugin registers as a step."""

from __future__ import annotations

import inspect

from pydantic import ValidationError

from harness.errors import PluginError, wanted
from harness.methods.method import Options
from harness.steps.stated import values_of
from harness.steps.step import Step, Undefined

NEEDS = ("camera", "track", "mirrored")
SIDES = ("query", "gallery")
UNDEFINED: tuple[Undefined, ...] = ("draws", "mean feature")


def checked(name: str, found: object) -> type[Step]:
    """Return the class of a step.

    Raises:
        PluginError: it is none, lacks ``apply`` or ``rank``, needs or leaves undefined what nobody knows, or has a
            parameter without a default or of another kind than numbers, words and truth values.
    """
    if not (inspect.isclass(found) and issubclass(found, Step)):
        raise PluginError(f"'{name}' is not a step", found=repr(found), expected="a subclass of harness.Step")
    if lacking := sorted(found.__abstractmethods__):
        raise PluginError(f"step '{name}' does not define {', '.join(lacking)}", next_step="see docs/your-hooks.md")
    known = {*NEEDS, *(f"{side}.{need}" for side in SIDES for need in NEEDS[:2])}
    _only_known(name, "needs", frozenset(found.needs), known)
    _only_known(name, "undefined", frozenset(found.undefined), set(UNDEFINED))
    if not (inspect.isclass(found.Options) and issubclass(found.Options, Options)):
        raise PluginError(
            f"the parameters of step '{name}' are of another kind",
            found=repr(found.Options),
            expected="Options, a subclass of harness.Options",
        )
    try:
        values_of(found.Options())
    except (ValidationError, TypeError) as problem:
        first = problem.errors()[0] if isinstance(problem, ValidationError) else None
        said = f"{'.'.join(map(str, first['loc']))}: {wanted(first)}" if first else str(problem)
        raise PluginError(
            f"the parameters of step '{name}' cannot be used",
            found=said,
            expected="defaults for all, each a number, a word or a truth value",
        ) from problem
    return found


def _only_known(name: str, field: str, found: frozenset[str], known: set[str]) -> None:
    if found - known:
        raise PluginError(
            f"{field} of step '{name}' has an unknown word",
            found=", ".join(sorted(found - known)),
            expected=", ".join(sorted(known)),
        )
