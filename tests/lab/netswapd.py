"""The daemon under test, as a process of the laptop."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL, SIGTERM

from tests.lab.commands import NeverHappenedError, wait_until

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
UNIT = Path(__file__).parents[2] / "data/netswapd.service.in"


def of_unit() -> dict[str, str]:
    """Return what netswapd's unit has it run with."""
    return dict(re.findall(r"^Environment=(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))


class Netswapd:
    """A running daemon and the lines it logs."""

    def __init__(self, *args: str, environment: Mapping[str, str] = {}, by: str = "") -> None:
        """Start it with these arguments, and by another program, if `by` is its command line."""
        self.log: list[tuple[float, str]] = []
        """What it wrote to stderr, each line with the monotonic time at which it came."""
        self.command = [*by.split(), sys.executable, "-m", "netswap.daemon", *args]
        """The command line."""
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **of_unit(), **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def lines(self) -> list[str]:
        """The lines logged so far."""
        return [line for _, line in list(self.log)]

    def wait_for(self, pattern: str | re.Pattern[str], timeout_s: float, since: float = 0) -> float:
        """Wait for a line with this text (or matching this pattern) logged after `since`.

        Returns its monotonic time. Raises NeverHappenedError, at once if the daemon has ended.
        """
        wanted = re.compile(re.escape(pattern)) if isinstance(pattern, str) else pattern

        def times() -> list[float]:
            return [at for at, line in list(self.log) if at >= since and wanted.search(line)]

        what = f"netswapd logs {pattern!r}"
        with contextlib.suppress(NeverHappenedError):
            wait_until(lambda: times() or not self._reader.is_alive(), timeout_s, what)
        if found := times():
            return found[0]
        end = "still runs" if self.running else f"ended with {self._process.poll()}"
        raise NeverHappenedError(f"not within {timeout_s:g} s: {what}; it {end}\n{self}")

    def stop(self, sig: int = SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit status (negative: by that signal)."""
        if self.running:
            self._process.send_signal(sig)
        return self.wait()

    def signal(self, sig: int) -> None:
        """Send a signal."""
        self._process.send_signal(sig)

    def wait(self, timeout_s: float = 20) -> int:
        """Wait until it ends by itself; return the exit status."""
        status = self._process.wait(timeout_s)
        self._reader.join()
        return status

    def kill(self) -> int:
        """End it with SIGKILL."""
        return self.stop(SIGKILL)

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def rss_kb(self) -> int:
        """Return its resident memory in kB (proc(5), VmRSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def cpu_s(self) -> float:
        """Return the CPU time it has used, user and system (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def __str__(self) -> str:
        return "\n".join(f"{at:.3f} {line}" for at, line in list(self.log))

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            for line in stderr:
                self.log.append((time.monotonic(), line.rstrip("\n")))
