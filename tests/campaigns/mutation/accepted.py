"""The mutants that need not be noticed, as `accepted.toml` lists them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from tests.campaigns.mutation.mutants import ROOT, Mutant

FILE = Path(__file__).with_name("accepted.toml")

KINDS = {"equivalent", "speed", "memory", "wording"}

GUARD = "strict=True", "strict=False"
"""A guard against lists of unequal lengths, which nothing makes: without it, nothing differs."""


@cache
def accepted() -> dict[tuple[str, str, str | None], str]:
    """Return the kind of each: by module, line, and what that becomes, None for anything."""
    found = {}
    for entry in tomllib.loads(FILE.read_text()).get("mutant", []):
        becomes = entry.get("becomes")
        if entry["kind"] not in KINDS or not entry["reason"]:
            raise ValueError(f"{FILE}: a mutant of {entry['module']} lacks a kind of {sorted(KINDS)} or a reason")
        for new in becomes if isinstance(becomes, list) else [becomes]:
            found[entry["module"], entry["line"], new] = entry["kind"]
    return found


@cache
def _lines(path: str) -> list[str]:
    return [line.strip() for line in (ROOT / path).read_text().splitlines()]


def kind_of(mutant: Mutant) -> str | None:
    """Return as what a mutant is accepted, None if it is not."""
    own = _lines(mutant.path)[mutant.line - 1]
    if GUARD[0] not in own and not any(mutant.path == path and own in line for path, line, _ in accepted()):
        return None  # without a look at what it changes, which takes long
    line, new = mutant.change
    if GUARD[0] in line and line.count(GUARD[0]) > new.count(GUARD[0]) and GUARD[1] in new:
        return "equivalent"
    return accepted().get((mutant.path, line, new)) or accepted().get((mutant.path, line, None))
