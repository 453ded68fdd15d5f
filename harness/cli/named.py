"""The group of a listing verb: ``bench methods NAME`` is short for ``bench methods show NAME``."""

from __future__ import annotations

import click
import cloup


class Named(cloup.Group):
    """A group whose sub-command ``show`` takes any word that is not a sub-command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is not a sub-command as the name of the thing to show."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])
