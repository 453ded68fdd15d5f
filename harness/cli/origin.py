"""The method that features or distances from elsewhere are said to be of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.grouped import METHOD, option

if TYPE_CHECKING:
    from harness.features.provenance import Embedding

LONGEST = 100

method = option(
    "--method",
    required=True,
    metavar="NAME[/VARIANT]",
    group=METHOD,
    help="Name of the method in tables and records, as you choose it; it need not be installed.",
)


def origin_of(name: str, seed: int | None) -> Embedding:
    """Return what is known of features that another program computed: the method, its variant, and maybe the seed.

    Raises:
        UsageError: the name is empty or very long, or has characters that cannot be shown.
    """
    from harness.errors import UsageError
    from harness.features.provenance import Embedding

    method_name, _, variant = name.strip().partition("/")
    if not method_name or len(name) > LONGEST or not name.isprintable():
        raise UsageError(
            "the method's name cannot be used",
            found=repr(name[:LONGEST]),
            expected=f"NAME or NAME/VARIANT of at most {LONGEST} printable characters",
            next_step="choose another with --method",
        )
    return Embedding(method=method_name, variant=variant, seed=seed)
