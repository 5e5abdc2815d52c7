"""netswapctl: shows and steers netswapd. Talks to its service on the system bus, nothing else."""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any, NoReturn

import click

from netswap import __version__
from netswap.command import HELP, INTERRUPTED, Complaining
from netswap.errors import FAILED, MISCONFIGURED, NOT_ALLOWED, NOT_RUNNING

NAME = "netswapctl"

COMMANDS = {
    "status": "show",
    "watch": "watch",
    "metrics": "metrics",
    "use": "control",
    "auto": "control",
    "pause": "control",
    "resume": "control",
    "reload": "control",
    "probe": "show",
    "log": "log",
    "history": "history",
    "report": "report",
    "graph": "graph",
    "links": "show",
    "config": "show",
    "doctor": "doctor",
    "setup": "setup",
    "completion": "completion",
}
"""Each command, in the order of the help, and the module it is in."""

STATUSES = {
    0: "fine",
    FAILED: "it could not be done",
    MISCONFIGURED: "wrong usage or configuration",
    NOT_RUNNING: "netswapd is not running, or there is no system bus",
    NOT_ALLOWED: "not allowed",
    INTERRUPTED: "interrupted",
}
"""What each exit status means."""

ABOUT = f"""Show and steer netswapd, which keeps this computer online over its backup link.

Exit status: {"; ".join(f"{status} {meaning}" for status, meaning in STATUSES.items())}.
"""


class Imported(UserDict[str, click.Command]):
    """Commands, imported when needed: `status` does not wait for what `setup` is made of."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"netswap.cli.{COMMANDS[name]}"), name)
        return command


class Netswapctl(Complaining, click.Group):
    """The commands in their order."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. What is wrong with how it was called leads to its own help.

        click's parser leaves out whose option lacks its value.
        """
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None and (name := ctx.invoked_subcommand):
                error.ctx = click.Context(self.commands[name], parent=ctx, info_name=name)
            raise


@click.group(
    NAME,
    help=ABOUT,
    cls=Netswapctl,
    commands=Imported(dict.fromkeys(COMMANDS)),  # type: ignore[arg-type]  # filled when asked
    invoke_without_command=True,
    context_settings=HELP,
)
@click.version_option(__version__, prog_name=NAME)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Run a command."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run netswapctl."""
    cli.main()


if __name__ == "__main__":
    main()
