"""The way into a bench: a number from the environment, the sandbox, a terminal as it is."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from tests.lab import sandbox


def enter(module: str, variable: str, default: int, run: Callable[[int], int]) -> int:
    """Run in the sandbox with the whole number, at least 1, of a variable; return the exit status.

    `module` is what to start inside. Where there is no such number, or no sandbox, says so.
    """
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) < 1:
        print(f"{variable}={text} is no whole number of 1 or more", file=sys.stderr)
        return 2
    if not sandbox.is_inside():
        return sandbox.enter([sys.executable, "-m", module])
    os.environ.pop("JOURNAL_STREAM", None)  # netswapd would log without times
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ✓ and →
    return run(int(text))
