"""What the programs have in common: every error is one line and a hint, and an exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Any, NoReturn

import click

from netswap.errors import FAILED, MISCONFIGURED, UserError

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells have it."""
UNWRITABLE = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
HELP = {"help_option_names": ["-h", "--help"]}


class Complaining(click.Command):
    """A command that tells what is wrong, and exits."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run, and exit with a status."""
        assert self.name
        for name in ("stdout", "stderr"):  # closed: click minds it, before 8.2
            if getattr(sys, name) is None:
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (to the end)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal may not know every character
        sys.exit(self._run(*args, **{**extra, "prog_name": self.name, "standalone_mode": False}))

    def _run(self, *args: Any, **extra: Any) -> int:
        try:
            status = super().main(*args, **extra)
            if sys.stdout:  # it may be closed
                sys.stdout.flush()
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            return self._give_up(error)
        except UserError as error:
            return self._complain(error)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            hint = f"see `{context.command_path if context else self.name} --help`"
            message = " ".join(error.format_message().split())
            return self._complain(UserError(message, hint=hint, status=MISCONFIGURED))
        except (KeyboardInterrupt, click.Abort):
            return INTERRUPTED
        return status if isinstance(status, int) else 0

    def _give_up(self, error: OSError) -> int:
        """Say that the output cannot be written; nothing where whoever reads it has had enough."""
        with contextlib.suppress(OSError, ValueError):  # or Python tries once more at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            return FAILED
        return self._complain(UserError(f"the output cannot be written: {error.strerror}"))

    def _complain(self, error: UserError) -> int:
        click.echo(error.lines(str(self.name)), err=True)
        return error.status
