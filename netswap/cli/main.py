"""netswapctl: shows and steers netswapd. Talks to its service on the system bus, nothing else.

Commands are imported when they are run, so that `status` does not wait for what only `setup`
needs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from netswap import __version__
from netswap.errors import MISCONFIGURED, UserError

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""

COMMANDS = {
    "status": "show",
    "watch": "watch",
    "use": "control",
    "auto": "control",
    "pause": "control",
    "resume": "control",
    "reload": "control",
    "probe": "show",
    "log": "show",
    "links": "show",
    "config": "show",
    "doctor": "doctor",
    "setup": "setup",
    "completion": "completion",
}
"""Each command, in the order of the help, and the module it is in."""


class Commands(click.Group):
    """The commands, imported when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"netswap.cli.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, cmd_name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netswapctl")
def cli() -> None:
    """Show and steer netswapd, which keeps this computer online over its backup link.

    Exit status: 0 fine, 1 failed, 2 wrong usage or configuration, 3 netswapd is not running, 4 not
    allowed.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run netswapctl."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know every character
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    try:
        status = cli.main(arguments, prog_name="netswapctl", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except UserError as error:
        return _complain(error)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "netswapctl"
        return _complain(
            UserError(error.format_message(), hint=f"see `{path} --help`", status=MISCONFIGURED)
        )
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more, as in `netswapctl log | head`. Python would complain once more
        # when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(error: UserError) -> int:
    click.echo(error.lines("netswapctl"), err=True)
    return error.status


if __name__ == "__main__":
    main()
