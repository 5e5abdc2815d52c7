"""The command line of netswap-notify."""

from __future__ import annotations

import asyncio
import logging

import click

from netswap import __version__
from netswap.adapters.bus import Bus, BusError
from netswap.cli.client import Service, talk
from netswap.command import HELP, Complaining
from netswap.errors import UserError
from netswap.notify.desktop import Desktop
from netswap.notify.teller import Teller
from netswap.notify.words import Words, catalogue

NAME = "netswap-notify"


@click.command(NAME, cls=Complaining, context_settings=HELP)
@click.version_option(__version__, prog_name=NAME)
def main() -> None:
    """Tell the desktop when another link becomes the active one, and when none works."""
    logging.basicConfig(level="INFO", format="%(message)s")
    talk(_run)


async def _run(service: Service) -> None:
    teller = Teller(service, Words(catalogue()))
    try:
        session, system = await Bus.connect(session=True), await Bus.connect()
    except BusError as error:
        hint = "start it in a graphical session"
        raise UserError(f"nobody to notify: {error}", hint=hint) from None
    desktop = Desktop(session, system, teller.pressed)
    if not await desktop.start():
        return  # there is one in this session, be it by systemd or by the autostart
    telling = asyncio.create_task(teller.tell(desktop))
    listening = asyncio.create_task(teller.listen())
    ending = asyncio.create_task(session.disconnected())
    done, _ = await asyncio.wait({telling, listening, ending}, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {ending}:  # which is the user logging out
        task.result()


if __name__ == "__main__":
    main()
