"""The lab: a laptop with real NetworkManager and nftables between real DHCP servers.

Made inside the sandbox (`sandbox.enter`), whose network namespace is the laptop: a socket opened by
a test is opened on the laptop. One lab for each sandbox.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from signal import SIGKILL, SIGTERM
from types import TracebackType
from typing import Self

from tests.lab import kernel, sandbox, topology
from tests.lab.clocks import Clocks
from tests.lab.commands import CommandFailedError, Commands, wait_until
from tests.lab.link import Link
from tests.lab.netswapd import Netswapd
from tests.lab.services import Services
from tests.lab.spec import LabSpec

LAST_LINES = 150
"""How much of each service's log a dump shows."""


class Lab:
    """A whole lab; a context manager."""

    def __init__(self, spec: LabSpec | None = None) -> None:
        self.spec = spec or LabSpec()
        self.commands = Commands()
        self.services = Services(self.commands, self.spec)
        self.links = {link.name: Link(link, self.commands) for link in self.spec.links}
        self.daemons: list[Netswapd] = []
        self.clocks: Clocks | None = None
        """Those of netswapd, where it is to have its own."""

    def __enter__(self) -> Self:
        if not sandbox.is_inside():
            raise RuntimeError("a lab is made inside the sandbox only: see tests/lab/sandbox.py")
        try:
            self.start()
        except BaseException:
            print(self.dump())
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Build everything and wait until each link has its addresses and default routes.

        NetworkManager numbers the metrics of links of one type in the order of activation (100,
        101, …), hence one cable after the other.
        """
        topology.build(self.commands, self.spec)
        self.services.start()
        for link in self.links.values():
            link.plug()
            if not link.spec.autoconnect:
                continue
            wait_until(link.ready4, 20, f"{link.name} has an address and a default route")
            if not link.spec.has_internet:
                link.cut()
        for link in self.links.values():
            if link.spec.autoconnect:
                wait_until(link.ready, 20, f"{link.name} has an IPv6 default route")
        topology.wait_for_servers(self.commands)

    def close(self) -> None:
        """End every process of the lab. The namespaces end with the sandbox."""
        for daemon in self.daemons:
            daemon.kill()
        for name in list(self.commands.services)[::-1]:
            self.commands.stop(name, SIGKILL)

    def link(self, name: str) -> Link:
        """Return a link by its name."""
        return self.links[name]

    def active(self) -> str | None:
        """Return the interface whose IPv4 default route is in use: the lowest metric."""
        return kernel.active()

    def routes(self) -> list[kernel.DefaultRoute]:
        """Return the IPv4 default routes in the kernel, the one in use first."""
        return kernel.default_routes()

    def routes6(self) -> list[kernel.DefaultRoute]:
        """Return the IPv6 default routes in the kernel, the one in use first."""
        return kernel.default_routes6()

    def ruleset(self) -> str:
        """Return the laptop's nftables ruleset."""
        return self.sh("nft", "list", "ruleset")

    def guarded(self) -> set[str]:
        """Return the interfaces in netswap's guard."""
        listing = self.sh("nft", "list", "set", "inet", "netswap", "standby", check=False)
        return set(re.findall(r'"([^" ]+)"[ ,}]', listing.partition("elements")[2]))

    def nmcli(self, *args: str) -> str:
        """Run nmcli on the laptop; return its output."""
        return self.sh("nmcli", *args)

    def sh(self, *argv: str, netns: str | None = None, check: bool = True) -> str:
        """Run a command on the laptop or in a namespace; return its output."""
        return self.commands.sh(*argv, netns=netns, check=check)

    def name_servers(self) -> list[str]:
        """Return the name servers a program on the laptop asks, in order."""
        lines = Path("/etc/resolv.conf").read_text().splitlines()
        return [line.split()[1] for line in lines if line.startswith("nameserver ")]

    def stop_nm(self, sig: int = SIGTERM) -> None:
        """End NetworkManager."""
        self.services.stop_nm(sig)

    def start_nm(self) -> None:
        """Start NetworkManager and wait until it answers."""
        self.services.start_nm()

    def restart_nm(self, sig: int = SIGTERM) -> None:
        """End NetworkManager, start it, and wait until its links are connected."""
        self.stop_nm(sig)
        self.start_nm()
        for link in self.links.values():
            if link.spec.has_dhcp and link.carrier():
                wait_until(lambda: link.nm_state() == "connected", 20, f"{link.name} is connected")  # noqa: B023

    def netswapd(self, config: str | None = None, *args: str, by: str = "") -> Netswapd:
        """Start the daemon with this configuration; None: with no file at all.

        `by` is the command line of a program that starts it.
        """
        options: list[str] = []
        if config is not None:
            path = Path(f"/run/lab/netswap-{len(self.daemons)}.toml")
            path.write_text(config)
            options = ["--config", str(path)]
        self.commands.transcript.append(f"$ netswapd {' '.join([*options, *args])} &")
        environment = self.clocks.environment if self.clocks else {}
        daemon = Netswapd(*options, *args, environment=environment, by=by)
        self.daemons.append(daemon)
        return daemon

    def dump(self) -> str:
        """Return all there is to know about the lab, to be read after a failure."""
        parts = ["== transcript", *self.commands.transcript]
        parts += [f"== netswapd {daemon.pid}\n{daemon}" for daemon in self.daemons]
        for log in sorted(self.commands.log_of("").parent.glob("*.log")):
            last = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            parts += [f"== {log.name}", *last]
        looks = [
            "ip -br address",
            "ss -Htuanp",
            "ip route",
            "ip -6 route",
            "ip rule",
            "nft list ruleset",
        ]
        for look in [*looks, "nmcli device", "cat /etc/resolv.conf"]:
            with contextlib.suppress(CommandFailedError):
                parts.append(f"== {look}\n{self.sh(*look.split(), check=False)}")
        for link in self.spec.links:
            ruleset = self.sh("nft", "list", "ruleset", netns=link.isp, check=False)
            parts.append(f"== {link.isp}\n{ruleset}")
        return "\n".join(parts)
