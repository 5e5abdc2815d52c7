"""Options and arguments that several commands take."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from netswap import units
from netswap.errors import UserError

COMPLETION_S = 0.5
"""Longer than this nobody waits after pressing Tab."""


def duration(text: str) -> float:
    """Turn a duration such as 30m into seconds."""
    try:
        return units.parse_duration_s(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def link_names(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the links of the running service; nothing, and quietly, where there is none."""
    import asyncio  # noqa: PLC0415 (this alone needs it)

    from netswap.cli.client import Service, talk  # noqa: PLC0415
    from netswap.cli.status import Status  # noqa: PLC0415

    async def work(service: Service) -> Status:
        return await asyncio.wait_for(service.status(), COMPLETION_S)

    try:
        state = talk(work, timeout_s=COMPLETION_S)
    except (UserError, TimeoutError):
        return []
    return [
        CompletionItem(link.name, help=f"{link.health}, {link.role}")
        for link in state.links
        if link.name.startswith(incomplete)
    ]


the_link = click.argument("link", shell_complete=link_names)
as_json = click.option("--json", "in_json", is_flag=True, help="Print JSON for programs.")
