"""What waits for a neighbour's hardware address is dropped, on the real kernel."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys

import pytest

from netswap.adapters.neighbours import forget_unresolved
from tests.lab.commands import wait_until

PEER = {socket.AF_INET: "10.1.0.1", socket.AF_INET6: "2001:db8:1::1"}
FAMILIES = pytest.mark.parametrize("family", PEER, ids=["v4", "v6"])


def ip(command: str) -> str:
    line = ["ip", *command.split()]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def _two_cables() -> None:
    """Two cables to a neighbour that is silent: its end is there, its addresses are not yet."""
    subprocess.run(["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"], check=True)
    ip("netns add peer")
    for number, name in enumerate(("cable0", "tether0"), 1):
        ip(f"link add {name} type veth peer name far-{name} netns peer")
        ip(f"link set {name} up")
        ip(f"-n peer link set far-{name} up")
        ip(f"address add 10.{number}.0.2/24 dev {name}")
        ip(f"address add 2001:db8:{number}::2/64 dev {name} nodad")


def send(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"waiting", (PEER[family], 9))


def waiting(device: str) -> int:
    return len(ip(f"neighbour show dev {device} nud incomplete").splitlines())


def appear_and_receive(family: socket.AddressFamily) -> str:
    """Let the neighbour have its address; return what reaches it in 3 s: ARP is asked 3 times."""
    script = (
        "import socket, subprocess\n"
        f"udp = socket.socket(socket.AddressFamily({int(family)}), socket.SOCK_DGRAM)\n"
        "udp.settimeout(3)\n"
        "udp.bind(('', 9))\n"
        f"add = 'ip address add {PEER[family]}/{24 if family == socket.AF_INET else 64} "
        "dev far-cable0'\n"
        f"subprocess.run(add.split() + {[] if family == socket.AF_INET else ['nodad']}, "
        "check=True)\n"
        "try: print(udp.recv(100).decode())\n"
        "except TimeoutError: print('nothing')\n"
    )
    line = ["ip", "netns", "exec", "peer", sys.executable, "-c", script]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


@FAMILIES
def test_a_packet_waits_and_leaves_when_the_neighbour_answers(
    family: socket.AddressFamily,
) -> None:
    send(family)
    assert appear_and_receive(family) == "waiting"


@FAMILIES
def test_what_waits_is_dropped(family: socket.AddressFamily) -> None:
    send(family)
    assert forget_unresolved("cable0") == 1
    assert waiting("cable0") == 0
    assert appear_and_receive(family) == "nothing"


def test_other_links_and_resolved_neighbours_stay() -> None:
    ip("neighbour add 10.1.0.9 lladdr 02:00:00:00:00:01 dev cable0 nud reachable")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"waiting", ("10.2.0.1", 9))
    wait_until(lambda: waiting("tether0") == 1, 2, "a packet waits")
    assert forget_unresolved("cable0") == 0
    assert waiting("tether0") == 1
    assert "10.1.0.9" in ip("neighbour show dev cable0")


def test_the_sender_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.setblocking(False)
        assert tcp.connect_ex((PEER[socket.AF_INET], 9)) == errno.EINPROGRESS
        forget_unresolved("cable0")
        told = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert errno.errorcode[told] == "EHOSTUNREACH"


def test_no_such_link_is_an_error() -> None:
    with pytest.raises(OSError, match="no interface with this name"):
        forget_unresolved("nosuch0")
