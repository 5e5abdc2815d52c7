"""The commands that read: status, probe, links, config."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from netswap.cli import bars, render
from netswap.cli.client import Changed, Presence, Service, Transition, talk
from netswap.cli.options import as_json, the_link
from netswap.cli.text import paint_for, width_of
from netswap.errors import NOT_RUNNING, UserError

CHECKED = {"preferred": 0, "backup": 10, "offline": 11, "starting": 12}
"""The exit status of `status --check` by state."""


STATUS = f"""Tell which link is active and why, and how the others are.

With --format or --template it is one line, for a status bar or a script, also where netswapd is not
running; with --follow one again after what changes it. Fields of a template, each in braces; double
braces stand for one:

\b
{bars.fields()}
"""


def _template(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> bars.Format | None:
    try:
        return None if value is None else bars.template(value)
    except bars.TemplateError as error:
        raise click.BadParameter(str(error)) from None


@click.command(help=STATUS)
@click.option("--follow", is_flag=True, help="Go on and print every change.")
@click.option(
    "--check",
    is_flag=True,
    help="Print one word and exit with 0: preferred, 10: backup, 11: offline, 12: starting.",
)
@as_json
@click.option("--format", "bar", type=click.Choice(list(bars.FORMATS)), help="One line for a bar.")
@click.option(
    "--template", callback=_template, help="One line of your own, such as '{link} {rtt}'."
)
def status(
    *, follow: bool, check: bool, in_json: bool, bar: str | None, template: bars.Format | None
) -> int:
    """Tell how things stand."""
    if sum((check or in_json, bar is not None, template is not None)) > 1:
        raise click.UsageError(
            "--format and --template exclude each other, and both --json and --check"
        )
    if follow and check:
        raise click.UsageError("--follow and --check exclude each other")
    line = bars.FORMATS[bar] if bar else template
    if line:
        return _one_line(line, follow=follow)
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


def _one_line(line: bars.Format, *, follow: bool) -> int:
    if follow:
        talk(lambda service: follow_line(service, line))
        return 0
    try:
        state = talk(Service.status)
    except UserError as error:
        if error.status != NOT_RUNNING:
            raise
        state = None  # which a bar has to show, too
    click.echo(line(state, time.time()))
    return 0


async def follow_line(service: Service, line: bars.Format) -> None:
    """Print one line, again whenever it is another one, for ever."""
    printed = None
    async for event in service.events():
        state = None if event == Presence(running=False) else await service.status_at_last()
        if (text := line(state, time.time())) != printed:
            click.echo(text)
            printed = text


async def follow_text(service: Service) -> None:
    """Print the status, then a line for each change, for ever."""
    async for event in service.events():
        if event == Presence(running=True) and (state := await service.status_at_last()):
            print_lines(render.status(state, time.time(), paint_for(), width_of()))
        elif event == Presence(running=False):
            click.echo("netswapd is not running; waiting for it")
        elif isinstance(event, Transition):
            click.echo(render.transition(event, paint_for()))


async def follow_json(service: Service) -> None:
    """Print the status in one line, again after each change, for ever."""
    async for event in service.events():
        told = isinstance(event, Changed) or event == Presence(running=True)
        if told and (state := await service.status_at_last()):
            click.echo(json.dumps(state.as_json()))


@click.command()
@the_link
@as_json
def probe(link: str, in_json: bool) -> int:
    """Send one round of probes over LINK now.

    Exits with 1 if no target replied. Who may `use` a link may do this, too.
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
        print_lines(render.settings(found, paint_for(), width_of()))


def print_lines(lines: Sequence[str]) -> None:
    """Print for people."""
    click.echo("\n".join(lines))


def print_json(value: Any) -> None:
    """Print for programs."""
    click.echo(json.dumps(value, indent=2))


def print_rows(rows: Sequence[NamedTuple]) -> None:
    """Print a list for programs."""
    print_json([row._asdict() for row in rows])
