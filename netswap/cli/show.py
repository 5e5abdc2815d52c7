"""The commands that read: status, probe, log, links, config."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from netswap.cli import render
from netswap.cli.client import Changed, Presence, Service, Transition, talk
from netswap.cli.options import DURATION, LINK, as_json
from netswap.cli.text import paint_for, width_of

CHECKED = {"preferred": 0, "backup": 10, "offline": 11, "starting": 12}
"""The exit status of `status --check` by state."""


@click.command()
@click.option("--follow", is_flag=True, help="Go on and print every change.")
@click.option(
    "--check",
    is_flag=True,
    help="Print one word and exit with 0: preferred, 10: backup, 11: offline, 12: starting.",
)
@as_json
def status(follow: bool, check: bool, in_json: bool) -> int:
    """Tell which link is active, since when and why, and how the others are."""
    if follow and check:
        raise click.UsageError("--follow and --check exclude each other")
    if follow:
        talk(follow_json if in_json else follow_text)
        return 0
    state = talk(Service.status)
    if in_json:
        print_json(state.as_json())
    elif check:
        click.echo(state.state)
    else:
        _print(render.status(state, time.time(), paint_for(), width_of()))
    return CHECKED.get(state.state, CHECKED["starting"]) if check else 0


async def follow_text(service: Service) -> None:
    """Print the status, then a line for each change, for ever."""
    async for event in service.events():
        if event == Presence(running=True):
            _print(render.status(await service.status(), time.time(), paint_for(), width_of()))
        elif event == Presence(running=False):
            click.echo("netswapd is not running; waiting for it")
        elif isinstance(event, Transition):
            click.echo(render.transition(event, paint_for()))


async def follow_json(service: Service) -> None:
    """Print the status in one line, again after each change, for ever."""
    async for event in service.events():
        if isinstance(event, Changed) or event == Presence(running=True):
            _json_line((await service.status()).as_json())


@click.command()
@click.argument("link", type=LINK)
@as_json
def probe(link: str, in_json: bool) -> int:
    """Send one round of probes over LINK now and tell the round-trip times."""
    found = talk(lambda service: service.probe(link))
    if in_json:
        _print_rows(found)
    else:
        _print(render.replies(link, found))
    return 0 if any(reply.rtt_s is not None for reply in found) else 1


@click.command()
@click.option("--since", type=DURATION, help="Only the last so long, such as 1h.")
@click.option("--follow", is_flag=True, help="Go on and print what happens.")
@as_json
def log(since: float | None, follow: bool, in_json: bool) -> None:
    """Tell what happened and why, newest last."""

    def show(event: Transition) -> None:
        if in_json:
            _json_line(event._asdict())
        else:
            click.echo(render.transition(event, paint_for()))

    async def work(service: Service) -> None:
        start_s = time.time() - since if since else 0.0
        if not follow:
            for event in await service.transitions(start_s):
                show(event)
            return
        shown: set[Transition] = set()
        async for event in service.events():
            if event == Presence(running=True):
                shown = set(past := await service.transitions(start_s))
                for before in past:
                    show(before)
            elif isinstance(event, Transition) and event not in shown:
                show(event)

    talk(work)


@click.command()
@as_json
def links(in_json: bool) -> None:
    """List what NetworkManager offers, in the order in which netswap ranks it."""
    found = talk(Service.offers)
    if in_json:
        _print_rows(found)
    else:
        _print(render.offers(found, paint_for(), width_of()))


@click.command()
@as_json
def config(in_json: bool) -> None:
    """List the effective settings and where each comes from."""
    found = talk(Service.settings)
    if in_json:
        _print_rows(found)
    else:
        _print(render.settings(found, paint_for()))


def _print(lines: Sequence[str]) -> None:
    click.echo("\n".join(lines))


def _json_line(value: Any) -> None:
    click.echo(json.dumps(value))


def print_json(value: Any) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, indent=2))


def _print_rows(rows: Sequence[NamedTuple]) -> None:
    print_json([row._asdict() for row in rows])
