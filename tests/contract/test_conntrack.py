"""Tracked connections on the real kernel: a guest behind this machine, a neighbour on two links."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netswap.adapters.conntrack import forget

CABLE, TETHER = ("10.1.0.2", "2001:db8:1::2"), ("10.2.0.2", "2001:db8:2::2")
BY_CABLE, BY_TETHER = ("10.1.0.1", "2001:db8:1::1"), ("10.2.0.1", "2001:db8:2::1")
GUEST = ("10.77.0.2", "2001:db8:77::2")

NETWORK = """
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip netns add guest
ip netns add far
ip netns exec guest sysctl -qw net.ipv6.conf.default.accept_dad=0
ip netns exec far sysctl -qw net.ipv6.conf.default.accept_dad=0
ip link add in0 type veth peer name eth0 netns guest
ip link add cable0 type veth peer name eth1 netns far
ip link add tether0 type veth peer name eth2 netns far
ip link set in0 up
ip link set cable0 up
ip link set tether0 up
ip -n guest link set eth0 up
ip -n far link set eth1 up
ip -n far link set eth2 up
ip address add 10.77.0.1/24 dev in0
ip address add 2001:db8:77::1/64 dev in0
ip address add 10.1.0.2/24 dev cable0
ip address add 2001:db8:1::2/64 dev cable0
ip address add 10.2.0.2/24 dev tether0
ip address add 2001:db8:2::2/64 dev tether0
ip -n guest address add 10.77.0.2/24 dev eth0
ip -n guest address add 2001:db8:77::2/64 dev eth0
ip -n guest route add default via 10.77.0.1
ip -n guest route add default via 2001:db8:77::1
ip -n far address add 10.1.0.1/24 dev eth1
ip -n far address add 2001:db8:1::1/64 dev eth1
ip -n far address add 10.2.0.1/24 dev eth2
ip -n far address add 2001:db8:2::1/64 dev eth2
"""

NAT = """
table inet nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    iifname "cable0" udp dport 9 dnat ip to 10.77.0.2:7
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    iifname "in0" masquerade
  }
}
"""

ASK = """
import socket, sys
target, port = sys.argv[1], int(sys.argv[2])
udp = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(10); udp.sendto(b"?", (target, port)); udp.recv(100)
"""


def run(*argv: str, text: str = "") -> None:
    subprocess.run(argv, input=text, check=True, text=True)


@pytest.fixture(autouse=True)
def _network() -> Iterator[None]:
    for line in NETWORK.strip().splitlines():
        run(*line.split())
    servers = [echo("guest", *GUEST), echo("far", *BY_CABLE, *BY_TETHER)]
    yield
    for server in servers:
        server.kill()
        server.communicate()


def echo(netns: str, *addresses: str) -> subprocess.Popen[str]:
    """Serve in a namespace, on UDP port 7."""
    line = ["ip", "netns", "exec", netns, sys.executable, "-m", "tests.lab.internet", *addresses]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert "serving" in server.stdout.readline()
    return server


def ask(target: str, netns: str | None = None, port: int = 7) -> None:
    """Send a datagram to a server, from here or from a namespace, and hear its answer."""
    inside = ["ip", "netns", "exec", netns] if netns else []
    run(*inside, sys.executable, "-c", ASK, target, str(port))


def tracked() -> int:
    return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text())


def test_what_a_guest_has_by_the_address_is_forgotten_and_nothing_else() -> None:
    run("nft", "-f", "-", text=NAT)
    for target in (*BY_CABLE, *BY_TETHER):
        ask(target, "guest")
        ask(target)
    before = tracked()

    assert forget(CABLE) == 2
    assert tracked() == before - 2
    assert forget(CABLE) == 0
    assert forget(TETHER) == 2


def test_what_was_let_in_by_the_address_is_forgotten_too() -> None:
    run("nft", "-f", "-", text=NAT)
    ask(CABLE[0], "far", port=9)

    assert forget(TETHER) == 0
    assert forget(CABLE) == 1


def test_what_stays_reachable_is_kept() -> None:
    run("nft", "-f", "-", text=NAT)
    for target in BY_CABLE:
        ask(target, "guest")

    assert forget(CABLE, spare=["10.1.0.0/24"]) == 1
    assert forget(CABLE, spare=["fe80::/10"]) == 1


def test_where_nothing_is_tracked_nothing_is_asked() -> None:
    """Not even by one who may not ask."""
    assert tracked() == 0
    assert unprivileged() == "0\n"


def test_no_permission_is_an_error() -> None:
    run("nft", "-f", "-", text=NAT)
    ask(BY_CABLE[0], "guest")
    assert unprivileged() == "refused\n"


def unprivileged() -> str:
    script = (
        "from netswap.adapters.conntrack import forget\n"
        f"try: print(forget({CABLE!r}))\n"
        "except PermissionError: print('refused')\n"
    )
    line = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", script]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout
