"""The mutants that need not be noticed, as `accepted.toml` lists them."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from tests.campaigns.mutation.mutants import Mutant

FILE = Path(__file__).with_name("accepted.toml")


@cache
def accepted() -> dict[tuple[str, str, str | None], str]:
    """Return the reason of each: by module, line, and what that becomes, None for anything."""
    found = {}
    for entry in tomllib.loads(FILE.read_text()).get("mutant", []):
        becomes = entry.get("becomes")
        for new in becomes if isinstance(becomes, list) else [becomes]:
            found[entry["module"], entry["line"], new] = entry["reason"]
    return found


def reason_for(mutant: Mutant) -> str | None:
    """Return why a mutant is accepted, None if it is not."""
    line, new = mutant.change
    return accepted().get((mutant.path, line, new)) or accepted().get((mutant.path, line, None))
