"""A laptop with the package's own systemd, bus, polkit and NetworkManager, between two ISPs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM

from tests.lab import kernel, topology
from tests.lab.commands import Commands, wait_until
from tests.lab.link import Link
from tests.lab.services import nm_config, profile
from tests.lab.spec import LabSpec

NM = Path("/etc/NetworkManager")
SPEC = LabSpec()
QUICK = """\
[probe]
targets = ["198.51.100.1"]
interval_s = 0.2
standby_interval_s = 0.2
[damping]
stay_s = 0
"""
"""A netswap.toml for this internet, in which the target of the defaults is not there."""

ELSEWHERE = (
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    "/var/tmp",
    "/netswap",
    "/source",
    "/deb",
    "/out",
)
"""Not on the laptop's disk."""

RECORDS = (
    "/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-", "/etc/passwd", "/etc/passwd-",
    "/etc/shadow", "/etc/shadow-", "/etc/.pwd.lock", "/var/cache", "/var/lib/NetworkManager",
    "/var/lib/dpkg", "/var/lib/private", "/var/lib/systemd", "/var/log",
)  # fmt: skip
"""Where the system writes down what it did: the user netswap stays, as is usual in Debian."""


class Laptop:
    """The container itself, as root sees it."""

    def __init__(self) -> None:
        self.commands = Commands()
        self.links = {link.name: Link(link, self.commands) for link in SPEC.links}
        self.cable, self.tether = self.links["cable0"], self.links["tether0"]

    def start(self) -> None:
        """Build the ISPs, and have NetworkManager connect to them."""
        topology.build(self.commands, SPEC)
        # Unlike in the lab, polkit decides.
        config = nm_config(SPEC).replace("auth-polkit=false", "auth-polkit=true")
        (NM / "conf.d/laptop.conf").write_text(config)
        for spec in SPEC.links:
            keyfile = NM / f"system-connections/{spec.name}.nmconnection"
            keyfile.write_text(profile(spec))
            keyfile.chmod(0o600)
        self.sh("systemctl", "restart", "NetworkManager")
        for name, link in self.links.items():
            link.plug()
            wait_until(link.ready, 20, f"{name} is ready")
        topology.wait_for_servers(self.commands)

    def stop(self) -> None:
        """End the servers of the ISPs."""
        for name in list(self.commands.services):
            self.commands.stop(name, SIGKILL)

    def sh(self, *argv: str, status: int = 0) -> str:
        """Run a command that ends with this status; return what it prints."""
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=90)
        assert done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def active(self) -> str | None:
        """Return the interface whose IPv4 default route is in use."""
        return kernel.active()

    def unit(self, name: str) -> str:
        """Return a property of netswapd.service."""
        return self.sh("systemctl", "show", "--value", f"--property={name}", "netswapd").strip()

    @contextlib.contextmanager
    def monitor(self, service: str) -> Iterator[Path]:
        """Write down, in the file given, what is sent to a service of the bus meanwhile."""
        rule = f"destination={service}"
        self.commands.start("monitor", "busctl", "monitor", f"--match={rule}")
        log = self.commands.log_of("monitor")
        wait_until(lambda: "Monitoring" in log.read_text(), 5, "the bus is watched")
        try:
            yield log
        finally:
            self.commands.stop("monitor", SIGTERM)

    def journal(self) -> str:
        """Return what netswapd has logged."""
        return self.sh("journalctl", "--unit=netswapd", "--output=cat", "--no-pager")


def on_disk() -> dict[str, str]:
    """Name all files and directories, with what is in them; without the system's records."""
    return {str(path): content(path) for path in below(Path("/"))}


def below(directory: Path) -> Iterator[Path]:
    """Yield everything below a directory that is on the disk and no record."""
    for entry in os.scandir(directory):
        if entry.path not in ELSEWHERE + RECORDS:
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from below(Path(entry.path))


def content(path: Path) -> str:
    """Return what tells whether an entry has changed."""
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return "directory"


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Name what came, went, or is another one now."""
    paths = after.keys() | before.keys()
    return {path for path in paths if after.get(path) != before.get(path)}
