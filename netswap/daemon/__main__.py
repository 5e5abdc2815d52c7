"""The command line of netswapd."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from netswap import __version__, config
from netswap.adapters import host
from netswap.adapters.nft.errors import GuardError
from netswap.command import HELP, Complaining
from netswap.config import Configuration
from netswap.daemon import log
from netswap.daemon.daemon import Daemon
from netswap.errors import UserError


@click.command("netswapd", cls=Complaining, context_settings=HELP)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Read this file instead of {config.DEFAULT_PATH}.",
)
@click.option("--dry-run", is_flag=True, help="Probe and decide, but change nothing.")
@click.option(
    "--log-level",
    type=click.Choice(log.LEVELS),
    default="info",
    show_default=True,
    help="How much to say.",
)
@click.version_option(__version__, prog_name="netswapd")
def main(path: Path | None, dry_run: bool, log_level: str) -> None:
    """Keep this computer online over its backup link when the preferred one stops working.

    Runs in the foreground and logs to stderr. SIGTERM and SIGINT stop it and put everything back
    as it was found; SIGHUP makes it read its configuration again, and look at everything. Without
    a configuration file it picks the links itself: Ethernet before Wi-Fi before modems and
    whatever is metered.
    """
    log.set_up(log_level, dry_run=dry_run)
    try:
        configuration = config.load(path)
        _check_capabilities(dry_run=dry_run)
        asyncio.run(_run(configuration, dry_run=dry_run))
    except GuardError as error:
        raise UserError(str(error), hint=error.hint) from None


async def _run(configuration: Configuration, *, dry_run: bool) -> None:
    await Daemon(configuration, dry_run=dry_run).run()


def _check_capabilities(*, dry_run: bool) -> None:
    needed = frozenset({"CAP_NET_RAW"}) if dry_run else host.NEEDED
    if missing := host.missing_capabilities(needed):
        raise UserError(
            f"not allowed: {' and '.join(sorted(missing))} missing",
            hint="run it as root, or through its systemd unit",
        )


if __name__ == "__main__":
    main()
