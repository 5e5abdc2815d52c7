"""The way into the lab: namespaces of our own, so that nothing can reach or stay on the host.

A command runs in new user, network, mount, process and host-name namespaces. They end with the
command, and with them every process, device, route, rule and mount made inside. No root is needed
where the kernel lets a user make namespaces; where it refuses, root can do without the user one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The top of the source tree."""

STATE = Path("/run/netswap")
"""Where netswapd keeps what outlives it: private, as all of /run is."""

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


TOOLS = {
    "unshare": "util-linux",
    "ip": "iproute2",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "dbus-daemon": "dbus",
    "NetworkManager": "network-manager",
    "ping": "iputils-ping",
}
"""The programs a lab needs, and Debian's packages of them."""


class NoLabError(RuntimeError):
    """There can be no lab here; tells in one line why, in another how to mend it."""


def is_inside() -> bool:
    """Tell whether this process runs in a lab."""
    return MARK in os.environ


@cache
def unshare() -> tuple[str, ...]:
    """Return the unshare command that works here: without root if possible.

    Raises NoLabError where no private namespaces or not all programs are to be had.
    """
    path = environment()["PATH"]
    if missing := [tool for tool in TOOLS if shutil.which(tool, path=path) is None]:
        packages = " ".join(TOOLS[tool] for tool in missing)
        raise NoLabError(f"no lab without {', '.join(missing)}\nhint: apt install {packages}")
    ways = [ROOTLESS] if os.geteuid() else [ROOTLESS, ()]
    refusal = ""
    for way in ways:
        command = ("unshare", *way, *PRIVATE)
        trial = subprocess.run(
            [*command, "sh", "-c", TRIAL],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if trial.returncode == 0:
            return command
        refusal = trial.stderr.strip().splitlines()[-1] if trial.stderr.strip() else "no reason"
    raise NoLabError(f"no lab: private namespaces are refused ({refusal})\n{HINT}")


AS_ROOT = ("unshare", *PRIVATE)
"""For what needs more than the one user and group of a namespace made by a plain user."""


def command(argv: Sequence[str], way: Sequence[str] = ()) -> list[str]:
    """Return the command line that runs `argv` inside; with the environment of `environment()`.

    `way`: what to make the namespaces with, if not with what `unshare()` finds.

    `setpriv --pdeathsig`: unshare ignores SIGTERM and SIGINT while it waits (unshare(1)), so
    without it a killed test run would leave its labs behind.
    """
    die_with_us = ("setpriv", "--pdeathsig", "KILL")
    return [*die_with_us, *(way or unshare()), sys.executable, "-m", "tests.lab.inside", *argv]


def environment() -> dict[str, str]:
    """Return the environment to enter with: ours, with the source tree importable.

    A plain user's PATH has no /usr/sbin on Debian; the programs of the lab are there.
    """
    inherited = [entry for entry in os.environ.get("PYTHONPATH", "").split(":") if entry]
    return {
        **os.environ,
        "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin",
        "PYTHONPATH": ":".join([str(ROOT), *inherited]),
        MARK: "1",
        "STATE_DIRECTORY": str(STATE),
        "NETSWAP_DATABASE": str(STATE / "history.db"),
    }


def enter(argv: Sequence[str]) -> int:
    """Run `argv` inside on our terminal; return its exit status, 1 where no lab is possible."""
    try:
        line = command(argv)
    except NoLabError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run(line, env=environment(), check=False).returncode
