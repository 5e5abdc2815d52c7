"""What was under way at the moment of a swap does not leave by the link that was left."""

from __future__ import annotations

import socket
import struct
import threading

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.sniff import ETH_P_IP
from tests.lab.spec import TARGETS
from tests.lab.witness import Capture, Observer

SLOW_BACK = QUICK.replace("[probe]\n", "[probe]\nrise = 100\n")
"""No swap back for 20 s."""


class Sender(Observer):
    """A program that sends a datagram over a link every 0.2 ms, whatever becomes of them."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.refused = 0
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.name.encode())

    def _watch(self) -> None:
        pause = threading.Event()
        with self._udp:
            while not self._over.is_set():
                try:
                    self._udp.sendto(b"leak", (TARGETS[1], 9))
                except OSError:
                    self.refused += 1
                pause.wait(0.0002)


def test_what_waits_for_the_router_of_a_pulled_cable_never_leaves(lab: Lab, cable: Link) -> None:
    """Sent between the pull and the guard, it waits for an answer to ARP: for up to 3 s."""
    daemon = lab.netswapd(SLOW_BACK)
    daemon.wait_for("Link cable0 is up", 40)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    with Capture(cable) as wire, Sender(cable) as program:
        wait_until(lambda: wire.of_kind("traffic"), 2, "it gets through")
        cable.pull()
        wait_until(lambda: lab.guarded() == {"cable0"} and program.refused, 3, "the guard")
        left = daemon.log[-1][0]
        cable.plug()
        wait_until(lambda: wire.of_kind("arp", since=left), 5, "the router is asked for again")
        wait_until(lambda: wire.of_kind("echo", since=left), 5, "probes get through again")
        assert holds(lambda: wire.leaked(since=left, probed=TARGETS[:1]) == [], for_s=2)
        assert lab.active() == "tether0"


def test_a_program_that_writes_frames_is_not_stopped(lab: Lab, tether: Link) -> None:
    """It needs CAP_NET_RAW; NetworkManager's DHCP client is one, and has to get through."""
    lab.netswapd(QUICK)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    source, target = (socket.inet_aton(a) for a in (tether.address() or "", TARGETS[1]))
    packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20, 0, 0, 64, 253, 0, source, target)
    with Capture(tether) as wire, socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as frames:
        frames.sendto(packet, ("tether0", ETH_P_IP, 0, 0, b"\xff" * 6))
        (frame,) = wait_until(lambda: wire.leaked(probed=TARGETS[:1]), 2, "it is on the wire")
        assert frame.protocol == 253  # RFC 3692: for experiments
