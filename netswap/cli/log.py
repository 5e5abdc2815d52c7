"""The command `log`: what happened and why."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import click

from netswap.cli import render
from netswap.cli.client import Presence, Service, Transition, talk
from netswap.cli.options import as_json, duration
from netswap.cli.text import paint_for


@click.command()
@click.option("--since", type=duration, help="Only the last so long, such as 1h.")
@click.option("--follow", is_flag=True, help="Go on and print what happens.")
@as_json
def log(since: float | None, follow: bool, in_json: bool) -> None:
    """Tell what happened and why, newest last.

    netswapd remembers the last 500 things since it was started. With --json: one object a line.
    """
    start_s = time.time() - since if since else 0.0
    paint = paint_for()

    async def work(service: Service) -> None:
        happened = from_now_on(service, start_s) if follow else _so_far(service, start_s)
        async for event in happened:
            line = json.dumps(event._asdict()) if in_json else render.transition(event, paint)
            click.echo(line)

    talk(work)


async def _so_far(service: Service, start_s: float) -> AsyncIterator[Transition]:
    for event in await service.transitions(start_s):
        yield event


async def from_now_on(service: Service, start_s: float = 0.0) -> AsyncIterator[Transition]:
    """Yield what happened and what happens, each thing once, also over a restart of the service."""
    shown: set[Transition] = set()
    async for event in service.events():
        if event == Presence(running=True):
            before = await service.transitions_at_last(start_s)
            shown = set(before)
            for earlier in before:
                yield earlier
        elif isinstance(event, Transition) and event not in shown:
            yield event
