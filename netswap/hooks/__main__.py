"""The command line of netswap-hooks.

It is a program of its own, so that netswapd never starts another one: netswapd runs as a user that
may do next to nothing, hooks as root, and whatever a hook does nothing waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from pathlib import Path

import click

from netswap import __version__
from netswap.cli.client import Presence, Service, Swapped, talk
from netswap.cli.options import duration
from netswap.cli.status import Status
from netswap.command import HELP, Complaining
from netswap.errors import UserError
from netswap.hooks.facts import environment
from netswap.hooks.runner import Runner

NAME = "netswap-hooks"
FOLDER = Path("/etc/netswap/hooks.d")
PATIENCE_S = 2.0
"""How long netswapd may take to tell more about a swap; hooks run without it then."""

log = logging.getLogger(__name__)


@click.command(NAME, cls=Complaining, context_settings=HELP)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Run what is in this folder.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=duration,
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="End a hook that runs longer.",
)
@click.version_option(__version__, prog_name=NAME)
def main(folder: Path, timeout_s: float) -> None:
    """Run the programs in a folder whenever another link becomes the active one."""
    logging.basicConfig(level="INFO", format="%(message)s")
    folder = folder.absolute()  # hooks run in /
    talk(lambda service: _listen(service, Runner(folder, timeout_s)))


async def _listen(service: Service, runner: Runner) -> None:
    task = asyncio.current_task()
    assert task
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    runner.look()
    try:
        async for event in service.events():
            if isinstance(event, Presence):
                log.info("netswapd is %s", "there" if event.running else "not running")
            elif isinstance(event, Swapped):
                runner.start(environment(event, await _more(service), time.time()))
    except asyncio.CancelledError:
        pass  # asked to end
    finally:
        await runner.stop()


async def _more(service: Service) -> Status | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await service.status()
    except (UserError, TimeoutError):
        return None


if __name__ == "__main__":
    main()
