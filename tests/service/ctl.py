"""netswapctl as a user runs it: a process of its own."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path
from typing import NamedTuple, Self

from tests.lab.commands import NeverHappenedError

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


def without_output(*arguments: str) -> Done:
    """Run a command whose output is closed, as `>&-` does it in a shell."""
    closing = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments]
    done = subprocess.run(closing, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    return Done(done.returncode, "", done.stderr)


class Running:
    """A command that stays, and what it prints. Leaving the context ends it."""

    def __init__(self, fd: int, process: subprocess.Popen[bytes]) -> None:
        self.out = ""
        self._fd = fd
        self._process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        os.close(self._fd)

    def wait_for(self, text: str, timeout_s: float = 10) -> str:
        """Read until a text has come since the last time; return what came before it."""
        deadline = time.monotonic() + timeout_s
        while text not in self.out:
            if not self._read(deadline - time.monotonic()):
                raise NeverHappenedError(f"not within {timeout_s:g} s: {text!r} in\n{self.out}")
        before, _, self.out = self.out.partition(text)
        return before

    def news(self) -> str:
        """Return what came since the last time."""
        while self._read(0):
            pass
        said, self.out = self.out, ""
        return said

    def line(self) -> str:
        """Return the next line."""
        return self.wait_for("\n")

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._process.poll() is None

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it (proc_pid_stat(5))."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def signal(self, number: int) -> None:
        """Send the command a signal."""
        self._process.send_signal(number)

    def end(self, timeout_s: float = 10) -> int:
        """Wait for its end and return the exit status; what it printed meanwhile is in `out`."""
        deadline = time.monotonic() + timeout_s
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0):
            pass
        return self._process.wait(0)

    def _read(self, timeout_s: float) -> bool:
        """Read what there is; return False if nothing came in time, or nothing will."""
        ready, _, _ = select.select([self._fd], [], [], max(0, timeout_s))
        part = os.read(self._fd, 65536) if ready else b""
        self.out += part.decode(errors="replace")
        return bool(part)


class InPipe(Running):
    """A command whose output is no terminal."""

    def __init__(self, *arguments: str) -> None:
        reading, writing = os.pipe()
        with os.fdopen(writing) as pipe:
            line = [*COMMAND, *arguments]
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=pipe)
        super().__init__(reading, process)


class Program(Running):
    """Another program of ours, and all that it prints."""

    def __init__(self, module: str, *arguments: str) -> None:
        reading, writing = os.pipe()
        line = [sys.executable, "-m", module, *arguments]
        with os.fdopen(writing) as pipe:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        super().__init__(reading, process)


class OnTerminal(Running):
    """A command on a terminal of 80 by 24, which it controls."""

    COMMAND: tuple[str, ...] = COMMAND

    def __init__(self, *arguments: str, term: str = "xterm") -> None:
        ours, self._terminal = pty.openpty()
        self._size(80, 24)
        self._found = termios.tcgetattr(self._terminal)
        process = subprocess.Popen(
            ["setsid", "--ctty", *self.COMMAND, *arguments],  # so that Ctrl-C reaches it
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            env={**os.environ, "TERM": term, "COLUMNS": "", "LINES": ""},
        )
        super().__init__(ours, process)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        os.close(self._terminal)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._fd, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal; the kernel tells the command (tty_ioctl(4))."""
        self._size(width, height)

    def end(self, timeout_s: float = 10) -> int:
        """Also check that the terminal is left as it was found."""
        status = super().end(timeout_s)
        assert termios.tcgetattr(self._terminal) == self._found
        return status

    def _size(self, width: int, height: int) -> None:
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
