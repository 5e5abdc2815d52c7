"""The stage: a lab, netswapd as systemd would keep it, and what it looks like when all is well."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL, SIGTERM

from netswap.core.words import STARTED
from tests.chaos.watcher import Watcher
from tests.lab import topology
from tests.lab.clocks import Clocks
from tests.lab.commands import LOGS
from tests.lab.hanging import Hanging
from tests.lab.hook import install_hook
from tests.lab.kernel import DefaultRoute
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED
from tests.lab.netswapd import Netswapd
from tests.lab.nmbus import NmBus, plain
from tests.lab.spec import LabSpec, LinkSpec

SPEC = LabSpec(links=(LinkSpec("cable0"), LinkSpec("tether0", metered=True)), dispatcher=True)
LAPTOPS = {
    "plain": SPEC,
    "ipv6": replace(SPEC, links=tuple(replace(link, ipv6=True) for link in SPEC.links)),
    "checked": replace(SPEC, connectivity_check_s=5),
}
"""With IPv4 only, with both, and with NetworkManager's own connectivity check (N16)."""
PREFERRED, BACKUP = (link.name for link in SPEC.links)
RESTART_S = 5.0
"""The unit's RestartSec."""
EXTERNAL = "connected (externally)"
PENALTY = 20000
"""What NetworkManager adds to the metric of a link that its check doubts."""
RENAMED = "usb9"
PROTOCOL = 110
"""What netswap's own routes and rules are known by."""


class Stage:
    """All that a fault may reach for."""

    def __init__(self, lab: Lab, daemon: Netswapd | None = None) -> None:
        """Take a lab over; netswapd is started, unless there is one."""
        self.lab = lab
        self.number = {link.name: n for n, link in enumerate(lab.spec.links, 1)}
        self.helpers: dict[str, subprocess.Popen[bytes]] = {}
        """Processes that a fault started; ended with it."""
        self.lab.clocks = self.lab.clocks or Clocks()
        self.clocks = self.lab.clocks
        self.rp_filter = Path("/proc/sys/net/ipv4/conf/all/rp_filter").read_text().strip()
        self._serial = 1
        self._claimed: dict[str, str] = {}
        if daemon is None:
            install_hook()
            self.start()
        else:
            self.daemon, self.wanted, self._started_at = daemon, True, time.monotonic()

    # netswapd

    def start(self) -> None:
        """Start netswapd."""
        self._started_at = time.monotonic()
        self.daemon = self.lab.netswapd(NAMED)
        self.wanted = True

    def cannot_start(self, by: str = "") -> None:
        """Start it where it must not start."""
        assert self.lab.netswapd(NAMED, by=by).wait(60) == 1, "netswapd starts"

    def kill(self) -> None:
        """Let it die as by the kernel's hand."""
        self.wanted = False
        self.daemon.kill()

    def stop(self) -> None:
        """Stop it, as `systemctl stop` does."""
        self.wanted = False
        self.daemon.signal(SIGTERM)
        status = self.daemon.wait(60)
        assert status == 0, f"netswapd ended with {status} when it was stopped"

    def hang_disk(self) -> None:
        """Let whatever it writes to a file take a minute."""
        self._disk = Hanging(self.daemon.pid)
        self._disk.__enter__()

    def free_disk(self) -> None:
        """Let it be written at last."""
        self._disk.__exit__()

    @property
    def toml(self) -> Path:
        """Its configuration file."""
        return Path(self.daemon.command[-1])

    def crashed(self) -> str | None:
        """Tell what is wrong with the process, if anything.

        One that could not start, since there was no bus or no NetworkManager, is started again, as
        systemd does.
        """
        if self.wanted and not self.daemon.running:
            if self.daemon.wait() == 1 and not any(STARTED in line for line in self.daemon.lines):
                if time.monotonic() > self._started_at + RESTART_S:
                    self.start()
                return None
            return f"netswapd ended by itself, with {self.daemon.wait()}"
        stumbled = [line for line in self.daemon.lines if line.startswith("Traceback")]
        return "netswapd stumbled: a traceback in its log" if stumbled else None

    # what all is well means

    def wrong(self, watcher: Watcher) -> str | None:
        """Tell what is not as it should be while nothing is wrong with the world."""
        routes = self.lab.routes()
        if not _right(routes):
            return f"default routes are {routes}"
        if routes[0].interface != PREFERRED:
            return f"{BACKUP} leads"
        if (guarded := watcher.guarded) != {BACKUP}:
            return f"{guarded or 'nothing'} is guarded"
        if not watcher.online():
            return "a user's connections fail"
        number = self.number[PREFERRED]
        ours = {f"10.{number}.0.1", f"2001:db8:{number}::1"}
        if not ours & set((servers := self.lab.name_servers())[:1]):
            return f"name servers are {servers}"
        states = {link.name: link.nm_state() for link in self.lab.links.values()}
        return None if set(states.values()) == {"connected"} else f"the links are {states}"

    def left(self) -> str | None:
        """Tell what netswap left behind, once it was stopped while all was well."""
        if "netswap" in self.lab.sh("nft", "list", "tables"):
            return "the nftables table is left"
        if f"proto {PROTOCOL}" in (rules := self.lab.sh("ip", "rule")):
            return f"rules are left: {rules}"
        routes = ("ip", "route", "show", "table", "all", "proto", str(PROTOCOL))
        if ours := self.lab.sh(*routes):
            return f"routes are left: {ours}"
        default = self.lab.routes()
        if not _right(default):
            return f"default routes are left: {default}"
        if [r for r in default if not 100 <= r.metric % PENALTY < 200]:
            return f"a metric is left: {default}"
        return self._left_in_networkmanager()

    def _left_in_networkmanager(self) -> str | None:
        with NmBus() as nm:
            for name in (PREFERRED, BACKUP):
                applied = plain(nm.applied(name)[0])
                found = {
                    "user.data": applied.get("user", {}).get("data", {}),
                    "route-metric": applied["ipv4"].get("route-metric"),
                    "dns-priority": applied["ipv4"].get("dns-priority"),
                    "dhcp-timeout": applied["ipv4"].get("dhcp-timeout"),
                }
                if left := {k: v for k, v in found.items() if v not in (None, {}, -1, 0)}:
                    return f"in NetworkManager's memory of {name} is left: {left}"
        return None

    # what faults do to the world

    def restart_dhcp(self, link: str, *more: str, replace: tuple[str, str] = ("", "")) -> None:
        """Restart an ISP's server, which remembers no lease, with other options."""
        spec = self.lab.link(link).spec
        with contextlib.suppress(KeyError):
            self.lab.commands.stop(spec.isp, SIGTERM)
        (LOGS / f"{spec.isp}.leases").unlink(missing_ok=True)
        line = [part.replace(*replace) for part in topology.dnsmasq(spec, self.number[link])]
        self.lab.commands.start(spec.isp, *line, *more, netns=spec.isp)

    def claim(self, link: str, address: str | None) -> None:
        """Let the ISP's router have this address, too, and nobody's if there is none."""
        isp = self.lab.link(link).spec.isp
        if address:
            self._claimed[link] = address
            self.lab.sh("ip", "addr", "replace", f"{address}/24", "dev", "lan", netns=isp)
        elif claimed := self._claimed.pop(link, None):
            self.lab.sh("ip", "addr", "del", f"{claimed}/24", "dev", "lan", netns=isp)

    def remove_device(self, link: str) -> None:
        """Take the device away, as a USB adapter is."""
        self.lab.sh("ip", "link", "del", link, check=False)

    def insert_device(self, link: str) -> None:
        """Put in a device of the same name, with another index and hardware address."""
        self._serial += 1
        spec, number = self.lab.link(link).spec, self.number[link]
        line = topology.device_line(spec, number, self._serial)
        self.lab.sh("ip", *line.split())
        address = (
            f"addr add 10.{number}.0.1/24 dev lan\n"
            f"addr add 2001:db8:{number}::1/64 dev lan nodad\n"
            "link set lan up"
        )
        self.lab.commands.sh("ip", "-n", spec.isp, "-batch", "-", stdin=address)
        self.restart_dhcp(link)

    def rename(self, old: str, new: str) -> None:
        """Rename a device, as udev does."""
        for device, command in ((old, "down"), (old, f"name {new}"), (new, "up")):
            self.lab.sh("ip", "link", "set", device, *command.split(), check=False)

    def reconnect(self) -> list[str]:
        """Let the user connect what NetworkManager, restarted meanwhile, has forsaken.

        What it finds without a carrier, or renamed, it takes for somebody else's, or leaves.
        """
        states = {link.name: link.nm_state() for link in self.lab.links.values()}
        forsaken = [n for n, s in states.items() if s in {"disconnected", EXTERNAL}]
        for name in forsaken:
            self.nmcli("connection", "up", str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))
        return forsaken

    def nmcli(self, *args: str) -> None:
        """Let a user do something; NetworkManager may refuse it, or not be there."""
        self.lab.sh("nmcli", "--wait", "5", *args, check=False)

    def help(self, module: str, *args: str) -> None:
        """Start a helper of a fault; of those that hit a link there is one for each."""
        name = " ".join((module, *args[:2]))
        line = [sys.executable, "-m", f"tests.chaos.{module}", *args]
        self.helpers[name] = subprocess.Popen(line)

    def dismiss(self, name: str) -> None:
        """End a helper."""
        helper = self.helpers.pop(name)
        helper.terminate()
        helper.wait()

    def set_rp_filter(self, value: str) -> None:
        """Set the kernel's reverse-path filter for all devices (ip-sysctl.rst)."""
        self.lab.sh("sysctl", "-qw", f"net.ipv4.conf.all.rp_filter={value}")

    def stop_nm(self, sig: int) -> None:
        """End NetworkManager."""
        self.lab.stop_nm(sig)

    def start_nm(self) -> None:
        """Start NetworkManager and wait until it answers."""
        self.lab.start_nm()

    def stop_bus(self) -> None:
        """End the system bus, and what ends with it."""
        self.lab.services.stop_bus()
        self.lab.stop_nm(SIGKILL)

    def start_bus(self) -> None:
        """Start the bus, and what the machine starts with it."""
        self.lab.services.start_bus()
        self.restart_dispatcher()
        self.start_nm()

    def stop_dispatcher(self) -> None:
        """End the dispatcher of hooks."""
        with contextlib.suppress(KeyError):
            self.lab.commands.stop("nm-dispatcher", SIGKILL)

    def restart_dispatcher(self) -> None:
        """Start it, or start it again."""
        self.stop_dispatcher()
        self.lab.services.start_dispatcher()


def _right(routes: list[DefaultRoute]) -> bool:
    """Tell whether each link has its default route, and the backup no other.

    NetworkManager, when killed, leaves the routes it made, and makes others when it comes back
    (N19). Those of the preferred link netswap has not touched; it leaves them alone.
    """
    links = [route.interface for route in routes]
    return PREFERRED in links and links.count(BACKUP) == 1
