"""A disk that hangs, as netswapd meets it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self


class Hanging:
    """Every write to a file that netswapd begins takes a minute, or until this is over."""

    def __init__(self, pid: int) -> None:
        tasks = {int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()}
        self._pid, (self._writer,) = pid, tasks - {pid}
        self._log = Path(f"/run/lab/{pid}.writes")

    def __enter__(self) -> Self:
        slow = f"strace -o {self._log} -e pwrite64 -e inject=pwrite64:delay_enter=60s"
        command = [*slow.split(), "-p", str(self._writer)]
        self._strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._strace.stderr
        assert "attached" in self._strace.stderr.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._strace.kill()
        self._strace.communicate()

    @property
    def hangs(self) -> bool:
        """Whether a write has begun."""
        return "pwrite64" in self._log.read_text()

    @property
    def alone(self) -> bool:
        """Whether the process has ended but for the thread that writes (proc(5), zombie)."""
        return " Z " in Path(f"/proc/{self._pid}/task/{self._pid}/stat").read_text()
