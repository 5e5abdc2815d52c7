"""What netswapd asks the kernel for is what its unit allows (SystemCallFilter, systemd.exec(5))."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from signal import SIGHUP, SIGTERM

from tests.lab import sandbox
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK

UNIT = sandbox.ROOT / "data/netswapd.service.in"
FILTER = re.compile(r"^SystemCallFilter=(~?)(.*)$", re.MULTILINE)
CHECKED = QUICK + '[[check]]\nmethod = "tcp"\ntarget = "198.51.100.1:9"\nevery_s = 5\n'


def calls_in(word: str) -> set[str]:
    """Return what a word of a filter stands for: a call, or the calls of a group."""
    if not word.startswith("@"):
        return {word}
    command = ["systemd-analyze", "--no-pager", "syscall-filter", word]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = [line.strip() for line in done.stdout.splitlines()[1:]]
    words = [line for line in listed if line and not line.startswith("#")]
    return set[str]().union(*(calls_in(word) for word in words))


def allowed(unit: str) -> set[str]:
    """Return the calls that a unit allows: its lists are put together in their order."""
    calls: set[str] = set()
    for without, words in FILTER.findall(unit):
        named = set[str]().union(*(calls_in(word) for word in words.split()))
        calls = calls - named if without else calls | named
    return calls


def used(summary: str) -> set[str]:
    """Return the calls in what `strace -c` wrote."""
    rows = [line.split() for line in summary.splitlines()[2:-2]]
    return {row[-1] for row in rows}


def test_its_unit_allows_what_it_needs(lab: Lab) -> None:
    config, summary = Path("/run/lab/netswap.toml"), Path("/run/lab/calls")
    config.write_text(CHECKED)
    daemon = [sys.executable, "-m", "netswap.daemon", "--config", str(config)]
    lab.commands.start("netswapd", "strace", "-D", "-f", "-c", "-o", str(summary), *daemon)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 20, "the tether stands by")
    lab.commands.services["netswapd"].send_signal(SIGHUP)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 10, "failover")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 10, "swap back")
    lab.commands.stop("netswapd", SIGTERM)
    text = wait_until(lambda: summary.exists() and summary.read_text(), 5, "strace has counted")
    assert {"epoll_wait", "sendto", "recvmsg"} <= used(str(text))
    assert used(str(text)) - allowed(UNIT.read_text()) == set()


def test_what_an_attacker_would_want_is_not_allowed() -> None:
    calls = allowed(UNIT.read_text())
    assert "openat" in calls
    assert not calls & {
        "fork", "vfork", "ptrace", "mount", "bpf", "symlinkat", "mknodat", "listen", "setuid",
        "process_vm_readv", "io_uring_setup", "userfaultfd", "keyctl",
    }  # fmt: skip
