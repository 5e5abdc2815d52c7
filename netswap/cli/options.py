"""Options and arguments that several commands take."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from netswap import units
from netswap.errors import UserError

COMPLETION_S = 0.5
"""Longer than this nobody waits after pressing Tab."""


class Duration(click.ParamType):
    """A duration such as 30m, in seconds."""

    name = "duration"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Turn what was typed into seconds."""
        if isinstance(value, float):
            return value
        try:
            return units.parse_duration_s(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class LinkName(click.ParamType):
    """The name of a link; which ones there are knows the service alone."""

    name = "link"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take any name: the service says which it does not know."""
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the links of the running service; nothing, and quietly, where there is none."""
        from netswap.cli.client import Service, talk  # noqa: PLC0415 (for this alone)

        try:
            state = talk(Service.status, timeout_s=COMPLETION_S)
        except UserError:
            return []
        return [
            CompletionItem(link.name, help=f"{link.health}, {link.role}")
            for link in state.links
            if link.name.startswith(incomplete)
        ]


DURATION = Duration()
LINK = LinkName()
as_json = click.option("--json", "in_json", is_flag=True, help="Print JSON for programs.")
