"""What is behind the laptop: a namespace that it forwards for, as for a hotspot or containers.

It has three addresses of each family: what comes from the first follows the laptop's routes, what
comes from the next ones is sent by one link each, whatever the routes say.
"""

from __future__ import annotations

import ipaddress

from tests.lab.lab import Lab

NAME = "behind"
DEVICE = "hotspot0"
ROUTED = ("10.9.0.10", "2001:db8:9::10")

_NAT = """
table inet behind {
  chain out {
    type nat hook postrouting priority srcnat;
    ip saddr 10.9.0.0/24 masquerade
    ip6 saddr 2001:db8:9::/64 masquerade
  }
}
"""
_LAPTOP = f"""
link add {DEVICE} type veth peer name eth0 netns {NAME}
link set {DEVICE} up
addr add 10.9.0.1/24 dev {DEVICE}
addr add 2001:db8:9::1/64 dev {DEVICE} nodad
"""
_FORWARD = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")


def addresses(lab: Lab) -> list[str]:
    """Return all addresses that are sent from, in the order of the links after the routed ones."""
    count = len(lab.links) + 1
    return [
        str(ipaddress.ip_address(first) + number) for number in range(count) for first in ROUTED
    ]


def build(lab: Lab) -> None:
    """Make the namespace and have the laptop forward for it."""
    lab.sh("ip", "netns", "add", NAME)
    lab.commands.sh("ip", "-batch", "-", stdin=_LAPTOP)
    lab.commands.sh("ip", "-n", NAME, "-batch", "-", stdin=_behind_lines(lab))
    lab.sh("sysctl", "-q", *_FORWARD)
    lab.commands.sh("nft", "-f", "-", stdin=_NAT)
    for number, link in enumerate(lab.links, 1):
        for rule, first in zip(("rule", "-6 rule"), ROUTED, strict=True):
            source = ipaddress.ip_address(first) + number
            lab.sh(*f"ip {rule} add from {source} lookup {_table(number)}".split())
        lead(lab, link)


def lead(lab: Lab, link: str) -> None:
    """Put the routes of a link's own table in place; they go when the link loses its address."""
    number = list(lab.links).index(link) + 1
    for version, router in (("-4", f"10.{number}.0.1"), ("-6", f"2001:db8:{number}::1")):
        route = f"ip {version} route replace default via {router} dev {link}"
        lab.sh(*f"{route} table {_table(number)}".split(), check=False)


def _table(number: int) -> int:
    return 1000 + number


def _behind_lines(lab: Lab) -> str:
    lines = ["link set eth0 up"]
    for address in addresses(lab):
        lines.append(f"addr add {address}/{'64 nodad' if ':' in address else '24'} dev eth0")
    lines += ["route add default via 10.9.0.1", "route add ::/0 via 2001:db8:9::1"]
    return "\n".join(lines)
