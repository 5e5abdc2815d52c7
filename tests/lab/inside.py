"""The first process inside: private mounts, then one command, and the end with it.

`python -m tests.lab.inside ARGV…` is what `sandbox.command` starts. As process 1 of its namespace
it reaps orphans, and when it ends the kernel kills whatever is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

PRIVATE = (
    "/run",
    "/var/lib/NetworkManager",
    "/usr/lib/NetworkManager/conf.d",
    "/usr/lib/NetworkManager/dispatcher.d",
)
"""Replaced by empty directories: the host's sockets, leases, defaults and hooks stay out."""

ETC = Path("/run/lab/etc")
HOST_ETC = Path("/run/lab/host-etc")

ETC_OURS: dict[str, str | None] = {
    "NetworkManager": None,
    "netns": None,
    "netswap": None,
    "ufw": None,
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "passwd": "root:x:0:0::/root:/bin/sh\nmessagebus:x:0:0::/:/bin/sh\n"
    "systemd-resolve:x:0:0::/:/bin/sh\n",
    "group": "root:x:0:\nsystemd-resolve:x:0:\n",
}
"""Our own instead of the host's: a text, or None for an empty directory. Services that change to
a user of their own stay root, the only user there is in a namespace made by a plain user."""


def mount(*argv: str) -> None:
    """Mount, as mount(8)."""
    subprocess.run(["mount", *argv], check=True)


def private_etc() -> None:
    """Put a directory of links to the host's /etc over /etc, with our own files in it.

    NetworkManager renames a new resolv.conf into place, which neither a bind-mounted file nor the
    host's /etc allows; here /etc/resolv.conf points to the one NetworkManager keeps for itself.
    """
    HOST_ETC.mkdir(parents=True)
    ETC.mkdir()
    mount("--rbind", "/etc", str(HOST_ETC))
    mount("-o", "remount,bind,ro", str(HOST_ETC))
    for entry in HOST_ETC.iterdir():
        if entry.name not in ETC_OURS and entry.name != "resolv.conf":
            ours = ETC / entry.name
            ours.symlink_to(entry.readlink() if entry.is_symlink() else entry)
    for name, text in ETC_OURS.items():
        if text is None:
            (ETC / name).mkdir()
        else:
            (ETC / name).write_text(text)
    (ETC / "resolv.conf").symlink_to("/run/NetworkManager/resolv.conf")
    mount("--bind", str(ETC), "/etc")


def prepare() -> None:
    """Make everything private that a lab writes to.

    A read-only /sys is how NetworkManager tells that there is no udev to wait for, as in a
    container (nm-linux-platform.c).
    """
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "sysfs", "-o", "ro", "sysfs", "/sys")
    for path in PRIVATE:
        if Path(path).is_dir():
            mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
    private_etc()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def run(argv: list[str]) -> int:
    """Run one command, reaping every orphan meanwhile; return its exit status."""
    # A handler that does nothing: the terminal's interrupt is for the command, and unlike an
    # ignored signal a handled one is back to its default in the command.
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    main = subprocess.Popen(argv)
    while True:
        pid, status = os.wait()
        if pid == main.pid:
            main.returncode = os.waitstatus_to_exitcode(status)
            return main.returncode if main.returncode >= 0 else 128 - main.returncode


if __name__ == "__main__":
    prepare()
    sys.exit(run(sys.argv[1:]))
