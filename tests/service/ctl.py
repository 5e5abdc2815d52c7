"""netswapctl as a user runs it: a process of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from typing import NamedTuple

COMMAND = (sys.executable, "-m", "netswap.cli.main")


class Done(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def netswapctl(*arguments: str, typed: str = "", env: dict[str, str] | None = None) -> Done:
    """Run a command to its end."""
    done = subprocess.run(
        [*COMMAND, *arguments], input=typed, env=env, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


class OnTerminal:
    """A command on a terminal of 80 by 24."""

    def __init__(self, *arguments: str, term: str = "xterm") -> None:
        self.out = ""
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.found = termios.tcgetattr(theirs)
        self._fd, self._terminal = ours, theirs
        self._process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": term}, start_new_session=True,
        )  # fmt: skip

    def wait_for(self, text: str, timeout_s: float = 10) -> None:
        """Read until a text has come since the last time; the rest stays to be waited for."""
        deadline = time.monotonic() + timeout_s
        while text not in self.out:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"not within {timeout_s:g} s: {text!r} in\n{self.out}")
        self.out = self.out.partition(text)[2]

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._fd, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal, and tell the command."""
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._process.send_signal(signal.SIGWINCH)

    def signal(self, number: int) -> None:
        """Send the command a signal."""
        self._process.send_signal(number)

    def end(self, timeout_s: float = 10) -> int:
        """Wait for its end; check that the terminal is as it was; return the exit status."""
        deadline = time.monotonic() + timeout_s
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        status = self._process.wait(1)
        while self._read(0):
            pass
        assert termios.tcgetattr(self._terminal) == self.found
        os.close(self._fd)
        os.close(self._terminal)
        return status

    def _read(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(0, timeout_s))
        if ready:
            self.out += os.read(self._fd, 65536).decode(errors="replace")
        return bool(ready)
