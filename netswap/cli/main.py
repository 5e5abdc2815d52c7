"""netswapctl: shows and steers netswapd. Talks to its service on the system bus, nothing else."""

from __future__ import annotations

import sys
from collections import UserDict
from importlib import import_module
from typing import Any, NoReturn

import click

from netswap import __version__
from netswap.errors import MISCONFIGURED, UserError

NAME = "netswapctl"
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""

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


class Imported(UserDict[str, click.Command]):
    """Commands, imported when needed: `status` does not wait for what `setup` is made of."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"netswap.cli.{COMMANDS[name]}"), name)
        return command


class Netswapctl(click.Group):
    """The commands in their order, and what becomes of their errors."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit with its status."""
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal may not know every character
        sys.exit(self._run(*args, **{**extra, "prog_name": NAME, "standalone_mode": False}))

    def _run(self, *args: Any, **extra: Any) -> int:
        try:
            status = super().main(*args, **extra)
        except UserError as error:
            return _complain(error)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            hint = f"see `{context.command_path if context else NAME} --help`"
            return _complain(UserError(error.format_message(), hint=hint, status=MISCONFIGURED))
        except (KeyboardInterrupt, click.Abort):
            return INTERRUPTED
        return status if isinstance(status, int) else 0


def _complain(error: UserError) -> int:
    click.echo(error.lines(NAME), err=True)
    return error.status


@click.group(
    NAME,
    cls=Netswapctl,
    commands=Imported(dict.fromkeys(COMMANDS)),  # type: ignore[arg-type]  # filled when asked
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name=NAME)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Show and steer netswapd, which keeps this computer online over its backup link.

    Exit status: 0 fine, 1 failed, 2 wrong usage or configuration, 3 netswapd is not running, 4 not
    allowed.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run netswapctl."""
    cli.main()


if __name__ == "__main__":
    main()
