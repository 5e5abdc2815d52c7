"""The network around the laptop: one ISP for each link, and the internet behind them.

                                      namespace isp-cable0
      the laptop                     ┌───────────────────────┐
     (the namespace     cable0 ──────┤ lan   router,     wan ├──────┐   namespace internet
      the tests         10.1.0.x     │ 10.1.0.1  DHCP, DNS   │      │  ┌───────────────────────┐
      run in)                        └───────────────────────┘      └──┤ to-cable0   lo:       │
                                      namespace isp-tether0            │   198.51.100.1, .2    │
                                     ┌───────────────────────┐      ┌──┤ to-tether0            │
                       tether0 ──────┤ lan   router,     wan ├──────┘  │   2001:db8:ffff::1 ::2│
                        10.2.0.x     │ 10.2.0.1  DHCP, DNS   │         │   echo (7), HTTP (80) │
                                     └───────────────────────┘         └───────────────────────┘

Link N has 10.N.0.0/24 and, if asked for, 2001:db8:N::/64 by router advertisements, with addresses
by SLAAC or DHCPv6; its ISP is 10.255.N.2 towards the internet. The internet knows the way back to
each customer: no NAT. But every home router has 10.9.0.0/24, and translates. The name server of
each ISP answers its own customers only, and tells who it is: who.test is its address; target.test
is the first target, in both versions of IP. A link with `rtt_ms` goes to its ISP through a
namespace of its own, line-cable0: see `build_line`.
"""

from __future__ import annotations

import sys

from tests.lab.commands import LOGS, Commands, wait_until
from tests.lab.spec import INTERNET, TARGETS, TARGETS6, LabSpec, LinkSpec

FILTER = """
table inet isp {
  chain input { type filter hook input priority 0; }
  chain names { type filter hook input priority 0; }
  chain forward { type filter hook forward priority 0; }
}
"""
"""Empty at first; `Link.cut` and its like add their rules."""

NAT = """
table ip nat {
  chain postrouting { type nat hook postrouting priority 100; oifname wan masquerade; }
}
"""

ROUTER = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv6.conf.all.keep_addr_on_down=1",  # a pulled cable must not take the ISP's address
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
)


def build(commands: Commands, spec: LabSpec) -> None:
    """Make the namespaces, the cables, the routers and the servers."""
    for namespace in (INTERNET, *(link.isp for link in spec.links)):
        commands.sh("ip", "netns", "add", namespace)
        commands.sh("sysctl", "-q", *ROUTER, netns=namespace)
    commands.sh("ip", "-n", INTERNET, "-batch", "-", stdin=internet_lines())
    for number, link in enumerate(spec.links, 1):
        if link.rtt_ms:
            commands.sh("ip", "netns", "add", link.line)
        commands.sh("ip", "-batch", "-", stdin=cable_lines(link, number))
        if link.rtt_ms:
            build_line(commands, link)
        commands.sh("ip", "-n", link.isp, "-batch", "-", stdin=isp_lines(link, number))
        commands.sh("ip", "-n", INTERNET, "-batch", "-", stdin=way_back_lines(link, number))
        commands.sh("nft", "-f", "-", netns=link.isp, stdin=FILTER)
        if link.home:
            commands.sh("nft", "-f", "-", netns=link.isp, stdin=NAT)
        if link.filters_sources:
            commands.sh("nft", "-f", "-", netns=link.isp, stdin=source_filter(number))
        commands.start(link.isp, *dnsmasq(link, number), netns=link.isp)
    servers = (sys.executable, "-m", "tests.lab.internet", *TARGETS, *TARGETS6)
    commands.start(INTERNET, *servers, netns=INTERNET)


def build_line(commands: Commands, link: LinkSpec) -> None:
    """Join the laptop's cable to the ISP's `lan` by a line that frames take a while to pass.

    Nothing else is there to answer them: no addresses, and no IPv6.
    """
    commands.sh("sysctl", "-q", "net.ipv6.conf.all.disable_ipv6=1", netns=link.line)
    far = f"link add far netns {link.line} type veth peer name lan netns {link.isp}"
    commands.sh("ip", *far.split())
    for netns, device in ((link.line, "far"), (link.isp, "lan")):
        commands.sh("ip", "-n", netns, "link", "set", device, "up")
    relay = (sys.executable, "-m", "tests.lab.delay", "near", "far", str(link.rtt_ms / 2000))
    commands.start(link.line, *relay, netns=link.line)
    log = commands.log_of(link.line)
    wait_until(lambda: "ready" in log.read_text(), 10, "the line is there")


def wait_for_servers(commands: Commands) -> None:
    """Wait until the internet answers."""
    log = commands.log_of(INTERNET)
    wait_until(lambda: "serving" in log.read_text(), 10, "the internet's servers start")


def internet_lines() -> str:
    """Return the ip commands that give the internet its targets."""
    lines = ["link set lo up"]
    lines += [f"addr add {target}/32 dev lo" for target in TARGETS]
    lines += [f"addr add {target}/128 dev lo nodad" for target in TARGETS6]
    return "\n".join(lines)


def cable_lines(link: LinkSpec, number: int) -> str:
    """Return the ip commands for both cables of an ISP.

    The laptop's end is down: NetworkManager brings it up. The other end, the ISP's or that of the
    line to it, is down too, so there is no carrier until `Link.plug`.

    Its index differs from its peer's: the kernel tells a loss of carrier at once then. Where they
    are equal, as on real hardware, it tells at most once a second for all devices of the machine
    (net/core/link_watch.c, linkwatch_urgent_event: measured 0.9 s late), other labs' included.
    """
    return f"""
{device_line(link, number)}
link add wan netns {link.isp} type veth peer name to-{link.name} netns {INTERNET}
"""


def device_line(link: LinkSpec, number: int, serial: int = 1) -> str:
    """Return the ip command for the laptop's device of a link and the cable to its ISP.

    A device of another serial number has another index and another hardware address.
    """
    netns, device = link.socket
    return (
        f"link add {link.name} index {100 * serial + number} "
        f"address 02:00:00:00:{number:02x}:{serial:02x} "
        f"type veth peer name {device} netns {netns}"
    )


def network(link: LinkSpec, number: int) -> str:
    """Return the first three numbers of an ISP's IPv4 network."""
    return "10.9.0" if link.home else f"10.{number}.0"


def isp_lines(link: LinkSpec, number: int) -> str:
    """Return the ip commands for the addresses of an ISP and its way to the internet."""
    return f"""
link set lo up
link set wan up
addr add {network(link, number)}.1/24 dev lan
addr add 10.255.{number}.2/30 dev wan
route add default via 10.255.{number}.1
addr add 2001:db8:{number}::1/64 dev lan nodad
addr add 2001:db8:ff:{number}::2/64 dev wan nodad
route add ::/0 via 2001:db8:ff:{number}::1
"""


def way_back_lines(link: LinkSpec, number: int) -> str:
    """Return the ip commands for the internet's way to an ISP's customers."""
    return f"""
link set to-{link.name} up
addr add 10.255.{number}.1/30 dev to-{link.name}
addr add 2001:db8:ff:{number}::1/64 dev to-{link.name} nodad
route add 10.{number}.0.0/24 via 10.255.{number}.2
route add 2001:db8:{number}::/64 via 2001:db8:ff:{number}::2
"""


def source_filter(number: int) -> str:
    """Return what lets only an ISP's own addresses out to the internet (RFC 2827)."""
    return f"""table inet sources {{
  chain customers {{
    type filter hook forward priority -1
    iifname lan ip saddr != 10.{number}.0.0/24 drop
    iifname lan ip6 saddr != 2001:db8:{number}::/64 drop
  }}
}}
"""


def dnsmasq(link: LinkSpec, number: int) -> list[str]:
    """Return the command line of an ISP's DHCP and name server, see dnsmasq(8)."""
    lan, router6 = network(link, number), f"2001:db8:{number}::1"
    router, first, last = f"{lan}.1", f"{lan}.10", f"{lan}.{10 if link.home else 99}"
    line = [
        "dnsmasq",
        "--conf-file=/dev/null",
        "--keep-in-foreground",
        "--user=root",  # the only user of a namespace made by a plain user
        "--group=",
        "--pid-file=",
        "--log-facility=-",
        "--log-queries",
        "--log-dhcp",
        "--interface=lan",  # its own customers only
        "--no-resolv",
        "--no-hosts",
        *(f"--address=/who.test/{address}" for address in (router, router6)),
        *(f"--address=/target.test/{address}" for address in (TARGETS[0], TARGETS6[0])),
        "--local-ttl=600",  # as names have: answers may be kept
    ]
    if link.has_dhcp:
        line += [
            f"--dhcp-range={first},{last},{link.lease_s}s",
            f"--dhcp-leasefile={LOGS / link.isp}.leases",
            "--dhcp-authoritative",
            "--no-ping",  # hand out an address at once, without trying it for 3 s
        ]
    if link.ipv6:
        line += [
            "--enable-ra",
            f"--dhcp-range={range6(link, number)}",
            f"--dhcp-option=option6:dns-server,[{router6}]",
            "--ra-param=lan,4,1800",
        ]
    return line


def range6(link: LinkSpec, number: int) -> str:
    """Return an ISP's IPv6 network, and how its customers get their addresses there."""
    if link.dhcp6:
        return f"2001:db8:{number}::10,2001:db8:{number}::99,64,{link.lease_s}s"
    return f"2001:db8:{number}::,ra-only,64"
