"""What a lab is made of: plain values, and the addresses that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

TARGETS = ("198.51.100.1", "198.51.100.2")
TARGETS6 = ("2001:db8:ffff::1", "2001:db8:ffff::2")
"""Where the internet answers (RFC 5737 and RFC 3849: documentation addresses)."""

INTERNET = "internet"
"""The namespace of the targets."""

Dns = Literal["default", "systemd-resolved", "dnsmasq"]
"""NetworkManager's back-ends for names, as NetworkManager.conf(5) calls them."""


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One link of the laptop, its profile in NetworkManager, and the ISP at its other end."""

    name: str
    metered: bool = False
    ipv6: bool = False
    dhcp6: bool = False
    """With `ipv6`: its address comes by DHCPv6 (RFC 8415); else by SLAAC (RFC 4862)."""
    metric: int | None = None
    """The profile's ipv4.route-metric and ipv6.route-metric; None: NetworkManager's default."""
    dhcp_timeout_s: int | None = None
    """The profile's ipv4.dhcp-timeout; None: NetworkManager's default (45 s)."""
    lease_s: int = 3600
    """A client renews after half of it (RFC 2131, 4.4.5). dnsmasq gives no less than 120."""
    has_internet: bool = True
    filters_sources: bool = False
    """Whether the ISP drops what comes from an address that is not one of its own (RFC 2827)."""
    has_dhcp: bool = True
    """False: the link comes up and never gets an address."""
    autoconnect: bool = True
    rtt_ms: float = 0
    """How long a frame takes to the ISP and back, at least; see tests/lab/delay.py."""
    home: bool = False
    """Whether the ISP's router is a home router: all of one make have one network, give the same
    lease, and translate addresses (NAT)."""

    @property
    def isp(self) -> str:
        """The namespace of its ISP."""
        return f"isp-{self.name}"

    @property
    def line(self) -> str:
        """The namespace of the long line to its ISP, if it has one."""
        return f"line-{self.name}"

    @property
    def socket(self) -> tuple[str, str]:
        """What the laptop is plugged into: a namespace, and the device at the cable's end."""
        return (self.line, "near") if self.rtt_ms else (self.isp, "lan")


CABLE = LinkSpec("cable0")
TETHER = LinkSpec("tether0", metered=True)


@dataclass(frozen=True, slots=True)
class LabSpec:
    """A whole lab. The links are activated in this order, one after the other."""

    links: tuple[LinkSpec, ...] = (CABLE, TETHER)
    connectivity_check_s: int | None = None
    """The interval of NetworkManager's own connectivity check; None: it is off."""
    dispatcher: bool = False
    """Whether nm-dispatcher runs, which starts the hooks in /etc/NetworkManager/dispatcher.d."""
    dns: Dns = "default"
    """How names are resolved, see tests/lab/resolving.py."""
    nm_log_level: str = "INFO"


def far(spec: LabSpec, rtt_ms: float) -> LabSpec:
    """Return the same lab with every ISP so far away."""
    return replace(spec, links=tuple(replace(link, rtt_ms=rtt_ms) for link in spec.links))


DUAL = LabSpec(
    links=(LinkSpec(CABLE.name, ipv6=True), LinkSpec(TETHER.name, metered=True, ipv6=True))
)
"""Both links with IPv6."""

TWO_HOMES = LabSpec(links=(replace(CABLE, home=True), replace(TETHER, home=True)))
"""Both links with the same IPv4 address."""

FILTERING = LabSpec(
    links=tuple(replace(link, filters_sources=True) for link in DUAL.links),
)
"""The same, with ISPs that let only addresses of their own out."""
