"""Reading a running netswapd: what it costs, and when it decided."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.lab import sandbox
from tests.lab.netswapd import Netswapd

NETSWAPCTL = Path(sys.executable).with_name("netswapctl")
DECIDED = re.compile(r"(?P<at>\S+ \S+) \S+ +Changing default interface from \S+ to (?P<to>\S+):")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used up to a moment."""

    at_s: float
    cpu_s: float
    wakeups: int


def cost(pid: int) -> Cost:
    """Add up what all threads have used.

    CPU time is the scheduler's own, in nanoseconds (proc(5) has it in ticks of 10 ms only). A
    wake-up is a voluntary context switch: it slept, and something woke it.
    """
    cpu_ns = wakeups = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        cpu_ns += int(task.joinpath("schedstat").read_text().split()[0])
        status = task.joinpath("status").read_text()
        wakeups += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return Cost(time.monotonic(), cpu_ns / 1e9, wakeups)


def netswapctl(*args: str) -> str:
    """Tell or ask the running daemon something; return what is printed."""
    command = (str(NETSWAPCTL), *args)
    done = subprocess.run(
        command, env=sandbox.environment(), check=True, capture_output=True, text=True
    )
    return done.stdout


def decided_at(daemon: Netswapd, target: str, since: float) -> float:
    """Return the monotonic time at which the daemon decided to use a link.

    It is the line's own time stamp, which no pipe delays. It has whole milliseconds, cut off, so
    the decision may seem up to 1 ms earlier than it was.
    """
    clocks = time.time() - time.monotonic()
    for arrived, line in reversed(daemon.log):
        match = DECIDED.match(line)
        if match and match["to"] == target and arrived >= since:
            return datetime.fromisoformat(match["at"]).timestamp() - clocks
    raise LookupError(f"netswapd has not decided to use {target}")
