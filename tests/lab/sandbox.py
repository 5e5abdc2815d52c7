"""The way into the lab: namespaces of our own, so that nothing can reach or stay on the host.

A command runs in new user, network, mount, process and host-name namespaces. They end with the
command, and with them every process, device, route, rule and mount made inside. No root is needed
where the kernel lets a user make namespaces; where it refuses, root can do without the user one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The top of the source tree."""

MARK = "NETSWAP_LAB_INSIDE"
"""Set in the environment of everything inside."""

ROOTLESS = ("--user", "--map-root-user")
PRIVATE = ("--net", "--mount", "--pid", "--uts", "--fork", "--kill-child")
"""`--kill-child`: the first process inside dies with unshare, and the rest with it
(pid_namespaces(7))."""

TRIAL = "mount -t proc proc /proc && mount -t sysfs -o ro sysfs /sys && ip link set lo up"
"""What a lab needs most. Ubuntu 24.04's AppArmor rule allows the namespace, then refuses these."""

HINT = (
    "hint: allow them with `sudo sysctl kernel.unprivileged_userns_clone=1` (Debian) or "
    "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu), or run this as root; "
    "in a container, start it privileged"
)


class NamespacesRefusedError(RuntimeError):
    """The kernel lets us make no private namespaces; tells what was refused and how to mend it."""


def is_inside() -> bool:
    """Tell whether this process runs in a lab."""
    return MARK in os.environ


@cache
def unshare() -> tuple[str, ...]:
    """Return the unshare command that works here: without root if possible."""
    ways = [ROOTLESS] if os.geteuid() else [ROOTLESS, ()]
    refusal = ""
    for way in ways:
        command = ("unshare", *way, *PRIVATE)
        try:
            trial = subprocess.run(
                [*command, "sh", "-c", TRIAL], capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise NamespacesRefusedError(f"no lab without {error.filename} (util-linux)") from error
        if trial.returncode == 0:
            return command
        refusal = trial.stderr.strip().splitlines()[-1] if trial.stderr.strip() else "no reason"
    raise NamespacesRefusedError(f"no lab: private namespaces are refused ({refusal})\n{HINT}")


def command(argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` inside; with the environment of `environment()`.

    `setpriv --pdeathsig`: unshare ignores SIGTERM and SIGINT while it waits (unshare(1)), so
    without it a killed test run would leave its labs behind.
    """
    die_with_us = ("setpriv", "--pdeathsig", "KILL")
    return [*die_with_us, *unshare(), sys.executable, "-m", "tests.lab.inside", *argv]


def environment() -> dict[str, str]:
    """Return the environment to enter with: ours, with the source tree importable."""
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry]
    return {**os.environ, "PYTHONPATH": ":".join([str(ROOT), *inherited]), MARK: "1"}


def enter(argv: Sequence[str]) -> int:
    """Run `argv` inside on our terminal; return its exit status, 1 where no lab is possible."""
    try:
        line = command(argv)
    except NamespacesRefusedError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run(line, env=environment(), check=False).returncode
