"""The commands that read: status, probe, links, config."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from netswap.cli import render
from netswap.cli.client import Changed, Presence, Service, Transition, talk
from netswap.cli.options import as_json, the_link
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
    """Tell which link is active and why, and how the others are."""
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
        print_lines(render.status(state, time.time(), paint_for(), width_of()))
    return CHECKED.get(state.state, CHECKED["starting"]) if check else 0


async def follow_text(service: Service) -> None:
    """Print the status, then a line for each change, for ever."""
    async for event in service.events():
        if event == Presence(running=True):
            state = await service.status()
            print_lines(render.status(state, time.time(), paint_for(), width_of()))
        elif event == Presence(running=False):
            click.echo("netswapd is not running; waiting for it")
        elif isinstance(event, Transition):
            click.echo(render.transition(event, paint_for()))


async def follow_json(service: Service) -> None:
    """Print the status in one line, again after each change, for ever."""
    async for event in service.events():
        if isinstance(event, Changed) or event == Presence(running=True):
            click.echo(json.dumps((await service.status()).as_json()))


@click.command()
@the_link
@as_json
def probe(link: str, in_json: bool) -> int:
    """Send one round of probes over LINK now.

    Exits with 1 if no target replied.
    """
    found = talk(lambda service: service.probe(link))
    if in_json:
        print_rows(found)
    else:
        print_lines(render.replies(link, found))
    return 0 if any(reply.rtt_s is not None for reply in found) else 1


@click.command()
@as_json
def links(in_json: bool) -> None:
    """List what NetworkManager offers, ranked by netswap."""
    found = talk(Service.offers)
    if in_json:
        print_rows(found)
    else:
        print_lines(render.offers(found, paint_for(), width_of()))


@click.command()
@as_json
def config(in_json: bool) -> None:
    """List the settings in force and their sources."""
    found = talk(Service.settings)
    if in_json:
        print_rows(found)
    else:
        print_lines(render.settings(found, paint_for()))


def print_lines(lines: Sequence[str]) -> None:
    """Print for people."""
    click.echo("\n".join(lines))


def print_json(value: Any) -> None:
    """Print for programs."""
    click.echo(json.dumps(value, indent=2))


def print_rows(rows: Sequence[NamedTuple]) -> None:
    """Print a list for programs."""
    print_json([row._asdict() for row in rows])
