"""How names are resolved on the laptop: NetworkManager's back-ends for it.

| back-end | programs ask | which asks |
|---|---|---|
| default | what NetworkManager writes into resolv.conf | |
| systemd-resolved | its stub, 127.0.0.53 | the servers of each link, as NetworkManager tells it |
| dnsmasq | 127.0.0.1, which NetworkManager starts | the servers NetworkManager tells it |
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.lab.commands import Commands, wait_until
from tests.lab.sandbox import ROOT
from tests.lab.spec import Dns

RESOLVED = "systemd-resolved"
STUB = Path("/run/systemd/resolve/stub-resolv.conf")
PLACES = (ROOT / "build" / RESOLVED, Path("/"))
"""Where scripts/setup.sh unpacks it, for it must not be installed for this; and its own."""

RESOLVED_CONFIG = """\
[Resolve]
DNS=
FallbackDNS=
"""
"""Whatever the host has in /etc/systemd/resolved.conf."""

DNSMASQ_CONFIG = """\
# The only user of a namespace made by a plain user.
user=root
group=
"""


def nm_lines(dns: Dns) -> str:
    """Return the lines for the section [main] of NetworkManager.conf(5).

    Only /run/NetworkManager/resolv.conf is written; the lab's /etc/resolv.conf points to it, or to
    the stub of systemd-resolved.
    """
    resolved = str(dns == RESOLVED).lower()
    return f"dns={dns}\nrc-manager=unmanaged\nsystemd-resolved={resolved}\n"


def prepare(dns: Dns, commands: Commands) -> None:
    """Start what NetworkManager does not start itself, and write what it will read."""
    if dns == RESOLVED:
        _start_resolved(commands)
    elif dns == "dnsmasq":
        _write(Path("/etc/NetworkManager/dnsmasq.d/lab.conf"), DNSMASQ_CONFIG)


def _start_resolved(commands: Commands) -> None:
    """Start systemd-resolved, on the bus that is there, and have programs ask it."""
    _write(Path("/run/systemd/resolved.conf.d/lab.conf"), RESOLVED_CONFIG)
    STUB.parent.mkdir(parents=True)
    Path("/etc/resolv.conf").unlink()
    Path("/etc/resolv.conf").symlink_to(STUB)
    commands.start(RESOLVED, program("lib/systemd/systemd-resolved"))
    wait_until(STUB.exists, 10, "systemd-resolved has its stub")


def program(path: str) -> str:
    """Return where a program of the package systemd-resolved is.

    Raises FileNotFoundError with a hint.
    """
    for found in _candidates(path):
        if found.exists():
            return str(found)
    raise FileNotFoundError(f"no {path} of systemd-resolved\nhint: make setup")


def _candidates(path: str) -> Iterator[Path]:
    for place in PLACES:
        yield from (place / "usr" / path, place / path)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
