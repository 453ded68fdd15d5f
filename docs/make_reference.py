"""Write the pages in docs/reference/ from the registry, the hooks, the schemas and the commands.

    python docs/make_reference.py

Only what the project itself registers is on the pages, whatever else is installed. `python -m pytest tests/docs` fails
when a page is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "docs")) if path not in sys.path]

from pages import commands, files, hooks, measures, methods, protocols  # noqa: E402 - found by the line above

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "files.md": files.page,
    "hooks.md": hooks.page,
    "measures.md": measures.page,
    "methods.md": methods.page,
    "protocols.md": protocols.page,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
