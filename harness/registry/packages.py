"""A check that the packages of this distribution are not hidden by a user's own folders of the same names."""

from __future__ import annotations

from pathlib import Path

from harness.errors import PluginError

NAMES = ("leaderboard", "plugins", "protocols")


def check_packages() -> None:
    """Raise a PluginError, with both places, if Python would import another package under one of the names."""
    import importlib.util

    own = Path(__file__).resolve().parents[2]
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        places = list(spec.submodule_search_locations or [spec.origin or ""]) if spec else []
        if not places or Path(places[0]).resolve() != own / name:
            raise PluginError(
                f"Python finds another package under the name '{name}', which bench needs",
                found=places[0] if places else "no package of that name",
                expected=own / name,
                next_step="run bench from another folder, rename yours, or take its parent out of PYTHONPATH",
            )
