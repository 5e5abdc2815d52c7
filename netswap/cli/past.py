"""What the commands about the past have in common: their options, and the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from netswap.cli.options import duration
from netswap.errors import UserError
from netswap.history.store import DEFAULT_PATH, Reader, StoreError
from netswap.history.timeline import Timeline, timeline

Command = Callable[..., Any]

LONGEST_S = 365250 * 86400.0
database = click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_PATH,
    show_default=True,
    envvar="NETSWAP_DATABASE",
    show_envvar=True,
    help="Read this file.",
)
only_link = click.option("--link", "link", default="", metavar="LINK", help="Only this link.")


def _bounded(_ctx: click.Context, _param: click.Parameter, seconds: float) -> float:
    """Refuse what no calendar goes back to."""
    if seconds > LONGEST_S:
        raise click.BadParameter("a thousand years are the most")
    return seconds


def since(default: str) -> Callable[[Command], Command]:
    """Return the option that tells how far back to look."""
    return click.option(
        "--since",
        type=duration,
        callback=_bounded,
        default=default,
        show_default=True,
        help="Only the last so long.",
    )


@contextmanager
def opened(path: Path, link: str = "") -> Iterator[Reader]:
    """Open the database. Raises UserError where there is none, or not this link in it."""
    try:
        with Reader(path) as reader:
            known = reader.links()
            if link and link not in known:
                hint = f"links: {', '.join(known) or 'none'}"
                raise UserError(f"the history knows of no link {link!r}", hint=hint)
            yield reader
    except StoreError as error:
        hint = "netswapd writes it while it runs; `systemctl status netswapd` tells whether it does"
        if path != DEFAULT_PATH:
            hint = f"without --database it is {DEFAULT_PATH}"
        raise UserError(f"no history to read: {error}", hint=hint) from None


def line(reader: Reader, seconds: float, now_s: float | None = None) -> Timeline:
    """Return what was the case in the last so many seconds."""
    now_s = time.time() if now_s is None else now_s
    alive_s = reader.alive_s()
    if now_s - alive_s < ALIVE_S:  # it runs: what was the case a moment ago is so now
        alive_s = now_s
    return timeline(reader.facts(now_s - seconds), now_s - seconds, now_s, alive_s)


ALIVE_S = 90.0
"""netswapd tells every minute that it is there."""
