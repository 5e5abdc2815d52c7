"""One link of the lab, and what can go wrong with it."""

from __future__ import annotations

import socket
import struct
from fcntl import ioctl
from pathlib import Path

from tests.lab import kernel
from tests.lab.commands import Commands
from tests.lab.spec import LinkSpec

SIOCGIFADDR = 0x8915
"""Get an interface's first IPv4 address (netdevice(7))."""


class Link:
    """A link and its ISP. The troubles add up; `heal` and `start_…` end them.

    It remembers nothing, so any process in the lab may make one.
    """

    def __init__(self, spec: LinkSpec, commands: Commands) -> None:
        self.spec = spec
        self.name = spec.name
        self._commands = commands

    def cut(self) -> None:
        """Let the ISP silently drop all that it forwards; its own DHCP and DNS still answer."""
        self._rule("forward", "drop")

    def cut_icmp(self) -> None:
        """Let the ISP silently drop ICMP and ICMPv6 that it forwards, and nothing else."""
        self._rule("forward", "meta l4proto { icmp, ipv6-icmp } drop")

    def lose(self, percent: int) -> None:
        """Let the ISP drop so many of the packets on their way out (a reply is never lost)."""
        self._rule("forward", f"iifname lan numgen random mod 100 < {percent} drop")

    def heal(self) -> None:
        """Let the ISP forward everything again."""
        self._commands.sh("nft", "flush chain inet isp forward", netns=self.spec.isp)

    def filter_sources(self) -> None:
        """Let the ISP drop what is sent from an IPv4 address it did not give (RFC 2827)."""
        table = f"""table inet isp {{
          chain customers {{
            type filter hook forward priority -1
            iifname lan ip saddr != {self.address()} drop
          }}
        }}"""
        self._commands.sh("nft", "-f", "-", netns=self.spec.isp, stdin=table)

    def stop_dhcp(self) -> None:
        """Let the ISP's DHCP servers (v4 and v6) answer nothing."""
        self._rule("input", "udp dport { 67, 547 } drop")

    def start_dhcp(self) -> None:
        """Let the ISP's DHCP servers answer again."""
        self._commands.sh("nft", "flush chain inet isp input", netns=self.spec.isp)

    def stop_dns(self) -> None:
        """Let the ISP's name server answer nothing."""
        self._rule("names", "meta l4proto { tcp, udp } th dport 53 drop")

    def start_dns(self) -> None:
        """Let the ISP's name server answer again."""
        self._commands.sh("nft", "flush chain inet isp names", netns=self.spec.isp)

    def pull(self) -> None:
        """Take the cable out: the laptop's end loses its carrier."""
        self._plug("down")

    def plug(self) -> None:
        """Put the cable in."""
        self._plug("up")

    def address(self) -> str | None:
        """Return the laptop's IPv4 address on the link."""
        request = struct.pack("16s16x", self.name.encode())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            try:
                answer = ioctl(any_socket, SIOCGIFADDR, request)
            except OSError:  # EADDRNOTAVAIL: none; ENODEV: no such device
                return None
        return socket.inet_ntoa(answer[20:24])

    def address6(self) -> str | None:
        """Return a global IPv6 address of the laptop on the link that can be used."""
        show = ("ip", "-6", "-o", "address", "show", "dev", self.name, "scope", "global")
        lines = self._commands.sh(*show, "-tentative", check=False).splitlines()
        return next((line.split()[3] for line in lines if "inet6" in line), None)

    def use_privacy(self) -> None:
        """Have NetworkManager activate it anew, with IPv6 addresses that change (RFC 8981)."""
        self._commands.sh("nmcli", "connection", "modify", self.name, "ipv6.ip6-privacy", "2")
        self._commands.sh("nmcli", "connection", "up", self.name)

    def privacy_address(self) -> str | None:
        """Return the link's IPv6 address of that kind, once it can be used."""
        show = ("ip", "-6", "-o", "address", "show", "dev", self.name, "temporary", "-tentative")
        fields = self._commands.sh(*show).split()
        return fields[3].partition("/")[0] if fields else None

    def carrier(self) -> bool:
        """Tell whether the kernel sees a carrier, which it cannot while the device is down."""
        try:
            return Path(f"/sys/class/net/{self.name}/carrier").read_text() == "1\n"
        except OSError:
            return False

    def metric(self) -> int | None:
        """Return the lowest metric of the link's IPv4 default routes in the kernel."""
        return min(self.metrics(), default=None)

    def metrics(self) -> list[int]:
        """Return the metrics of all the link's IPv4 default routes in the kernel."""
        return [route.metric for route in kernel.default_routes() if route.interface == self.name]

    def metric6(self) -> int | None:
        """Return the lowest metric of the link's IPv6 default routes in the kernel."""
        routes = kernel.default_routes6()
        return min((route.metric for route in routes if route.interface == self.name), default=None)

    def leads6(self) -> bool:
        """Tell whether IPv6 goes by the link, with an address that is ready to be used."""
        show = ("ip", "-6", "address", "show", "dev", self.name, "tentative")
        first = next(iter(kernel.default_routes6()), None)
        return first is not None and first.interface == self.name and not self._commands.sh(*show)

    def nm_state(self) -> str:
        """Return NetworkManager's state of the device, as nmcli words it ("connected")."""
        lines = self._commands.sh("nmcli", "-t", "-f", "DEVICE,STATE", "device").splitlines()
        return dict(line.split(":", 1) for line in lines).get(self.name, "absent")

    def ready4(self) -> bool:
        """Tell whether the link has its IPv4 address and default route, if it is to have any."""
        return not self.spec.has_dhcp or (self.address() is not None and self.metric() is not None)

    def ready(self) -> bool:
        """Tell whether all addresses and default routes which the link is to have are there."""
        return self.ready4() and (not self.spec.ipv6 or self.metric6() is not None)

    def _plug(self, state: str) -> None:
        netns, device = self.spec.socket
        self._commands.sh("ip", "-n", netns, "link", "set", device, state)

    def _rule(self, chain: str, rule: str) -> None:
        self._commands.sh("nft", f"add rule inet isp {chain} {rule}", netns=self.spec.isp)
