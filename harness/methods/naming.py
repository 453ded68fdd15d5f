"""The name of a run, which follows from its options alone: equal options have one name, whatever was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.errors import UsageError
from harness.methods.files import portable
from harness.methods.method import Method, Options, resolve_options

LONGEST_VALUE = 40
"""The longest value in a name, in characters."""


class Naming(NamedTuple):
    """The variant that a run is named after, the options that differ from it, and the variants that are no different.

    Attributes:
        variant: empty for the method as published.
        changes: the options, as written after ``--set``.
        aliases: all other variants that differ in nothing from the run under its recipe, ``""`` being the method as
            published.
    """

    variant: str
    changes: Mapping[str, str]
    aliases: tuple[str, ...] = ()


def name_run(name: str, method: type[Method], options: Options, recipe: str = "") -> Naming:
    """Return the variant from which the fewest of a run's options differ under its recipe, and these options.

    Of equally near ones ``Method.rows`` come first, then the method as published, then the variants in the order of the
    class. Where a file of the user's lies is no difference (``Method.own_files``).
    """
    found = []
    for variant in (*method.rows.get(recipe, ()), "", *method.variants):
        try:
            own = resolve_options(name, method, variant=variant, recipe=recipe)
        except UsageError:  # a variant need not fit every recipe
            continue
        found.append(Naming(variant, _differences(method, own, options)))
    named = min(found, key=lambda one: len(one.changes), default=Naming("", _differences(method, None, options)))
    same = dict.fromkeys(one.variant for one in found if not one.changes and one.variant != named.variant)
    return named._replace(aliases=tuple(same))


def _differences(method: type[Method], own: Options | None, options: Options) -> dict[str, str]:
    """Return the options that differ from a variant's own, or all of them if it has none, sorted by name."""
    named = {} if own is None else own.model_dump(mode="json")
    shown = portable(options)
    return {
        option: _short(option, shown[option], of_file=option in method.own_files)
        for option, value in sorted(options.model_dump(mode="json").items())
        if option not in named or _content(method, option, value) != _content(method, option, named[option])
    }


def _content(method: type[Method], option: str, value: object) -> object:
    """Return the value, or for a file of the user's the word that it stands for."""
    words = method.own_files.get(option)
    return words[0] if words and value not in words else value


def _short(option: str, value: object, *, of_file: bool) -> str:
    """Return a value as in a name: short, and of a path only the file's name, since folders are those of a machine."""
    text = as_set(option, value)
    if isinstance(value, str) and (of_file or re.match(r"[/\\~]|[A-Za-z]:[/\\]|\.\.?[/\\]", value)):
        text = re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def as_set(option: str, value: object) -> str:
    """Return the value of an option as written after ``--set``: ``false``, ``40,70``, ``256x128`` for an input size."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ("x" if option == "input_size" else ",").join(map(str, value))
    return str(value)
