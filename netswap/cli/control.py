"""The commands that change something: use, auto, pause, resume, reload."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import click

from netswap import units
from netswap.cli import render
from netswap.cli.client import Service, talk
from netswap.cli.options import duration, the_link
from netswap.cli.status import Status
from netswap.errors import UserError

how_long = click.option(
    "--for",
    "seconds",
    type=duration,
    help=f"For so long, such as 30m; at most a year ({units.duration(units.YEAR_S)}).",
)


@click.command()
@the_link
@how_long
@click.option("--even-if-dead", is_flag=True, help="Even where it does not work.")
def use(link: str, seconds: float | None, even_if_dead: bool) -> int:
    """Make LINK the active one.

    Until `auto`, or for as long as given; and until it is dead, but with --even-if-dead. A link on
    demand is connected first.
    """
    state = _after(lambda service: service.use(link, seconds or 0, even_if_dead=even_if_dead))
    if state.active_link == link:
        return 0
    if state.mode == "pinned":
        click.echo(f"{link} becomes active as soon as it is connected; see `netswapctl watch`")
        return 0
    reason = next((found.reason for found in state.links if found.name == link), "it is gone")
    raise UserError(f"{link} does not work: {reason}", hint="--even-if-dead uses it all the same")


@click.command()
@click.option(
    "--now", is_flag=True, help="Also use links again that are held back for failing too often."
)
def auto(now: bool) -> None:
    """Let netswap choose again; ends `use` and `pause`."""

    async def orders(service: Service) -> None:
        await service.order("Auto")
        if now:
            await service.order("Forgive")

    _after(orders)


@click.command()
@how_long
def pause(seconds: float | None) -> None:
    """Leave links alone: none is guarded, no metric changes.

    Until `resume`, or for as long as given; links are still probed. Ends `use`.
    """
    _after(lambda service: service.pause(seconds or 0))


@click.command()
def resume() -> None:
    """End a pause, and nothing else."""
    _after(lambda service: service.order("Resume"))


@click.command()
def reload() -> None:
    """Have netswapd read its configuration again.

    If there is an error in it, the old one stays in force.
    """
    talk(lambda service: service.order("Reload"))
    click.echo("The configuration is in force.")


def _after(change: Callable[[Service], Awaitable[None]]) -> Status:
    """Change something, and tell how things stand then."""

    async def work(service: Service) -> Status:
        await change(service)
        return await service.status()

    state = talk(work)
    now_s = time.time()
    click.echo("\n".join([render.headline(state, now_s), *render.notes(state, now_s)]))
    return state
