"""What processes use: CPU time, wake-ups, memory."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from bench.daemon import Cost, cost


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process uses."""

    cpu_s_per_h: float
    wakeups_per_s: float
    memory_mb: float
    """Resident at the end, that of the processes that it has started included."""


def between(before: Cost, after: Cost, memory_mb: float) -> Usage:
    """Return what was used between two moments."""
    elapsed_s = after.at_s - before.at_s
    return Usage(
        (after.cpu_s - before.cpu_s) / elapsed_s * 3600,
        (after.wakeups - before.wakeups) / elapsed_s,
        memory_mb,
    )


def since(before: Cost, pid: int) -> Usage:
    """Return what a process has used since then."""
    return between(before, cost(pid), memory_mb(pid))


def of_whole_life(process: subprocess.Popen[bytes], born_s: float) -> Usage:
    """End a process; return what it and all the processes that it has started used together.

    A process that has ended leaves what it used to the one that waited for it (wait4(2)).
    """
    memory = memory_mb(process.pid)
    after_s = time.monotonic()
    process.terminate()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    total = Cost(after_s, used.ru_utime + used.ru_stime, used.ru_nvcsw)
    return between(Cost(born_s, 0.0, 0), total, memory)


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and of those below it."""
    lines = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = sorted(tuple(map(int, line.split())) for line in lines)
    family = {pid}
    for child, parent, _ in rows:
        if parent in family:
            family.add(child)
    return sum(rss for member, _, rss in rows if member in family) / 1000
