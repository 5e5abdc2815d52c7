"""Watch the packets that come in at an ISP's end of a link; for `witness.Capture`.

`python -m tests.lab.sniff INTERFACE` prints `ready`, then a line for each packet that arrives:
monotonic time, length, kind, protocol number, source, destination; of a lookup also the name.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from typing import NamedTuple

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
ICMP, IGMP, UDP, HOP_BY_HOP, ICMPV6 = 1, 2, 17, 0, 58
UDP_KINDS = {53: "dns", 67: "dhcp4", 68: "dhcp4", 546: "dhcp6", 547: "dhcp6"}
ICMP_ECHO, ICMP_UNREACHABLE, ICMPV6_ECHO = 8, 3, 128
DHCP_CLIENT = 68
ICMPV6_KINDS = {
    **dict.fromkeys((130, 131, 132, 143), "mld"),  # RFC 2710, RFC 3810
    **dict.fromkeys(range(133, 138), "ndp"),  # RFC 4861
    ICMPV6_ECHO: "echo",
}
OTHER = "traffic"


class Packet(NamedTuple):
    """A packet of the laptop, as the ISP saw it."""

    at: float
    length: int
    kind: str
    """arp, ndp, mld, igmp, dhcp4, dhcp6, dhcp4-unwanted (the kernel's answer to a DHCP answer),
    echo (a request), dns (a lookup), or traffic: anything else."""
    protocol: int
    source: str
    destination: str
    name: str = ""
    """What is asked for, if it is a lookup."""


def classify(ethertype: int, packet: bytes) -> tuple[str, int, str, str]:
    """Return a packet's kind, protocol, source and destination."""
    if ethertype == ETH_P_ARP:
        sender, target = socket.inet_ntoa(packet[14:18]), socket.inet_ntoa(packet[24:28])
        return "arp", 0, sender, target
    if ethertype == ETH_P_IP:
        protocol, payload = packet[9], packet[(packet[0] & 15) * 4 :]
        ends = (socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]))
        return kind4(protocol, payload), protocol, *ends
    if ethertype == ETH_P_IPV6:
        protocol, payload = packet[6], packet[40:]
        if protocol == HOP_BY_HOP:  # listener reports carry a router alert
            protocol, payload = payload[0], payload[(payload[1] + 1) * 8 :]
        ends = (
            socket.inet_ntop(socket.AF_INET6, packet[8:24]),
            socket.inet_ntop(socket.AF_INET6, packet[24:40]),
        )
        return kind6(protocol, payload), protocol, *ends
    return OTHER, 0, f"ethertype-{ethertype:#06x}", "-"


def kind4(protocol: int, payload: bytes) -> str:
    """Return the kind of an IPv4 packet."""
    if protocol == IGMP:
        return "igmp"
    if protocol == ICMP and payload[0] == ICMP_ECHO:
        return "echo"
    if protocol == ICMP and payload[0] == ICMP_UNREACHABLE:
        return "dhcp4-unwanted" if quotes_dhcp_answer(payload[8:]) else OTHER
    return udp_kind(payload) if protocol == UDP else OTHER


def quotes_dhcp_answer(quoted: bytes) -> bool:
    """Tell whether an ICMP error is about a DHCP server's answer to a client's port.

    NetworkManager asks from a packet socket: the kernel has nobody for the unicast answer.
    """
    header = (quoted[0] & 15) * 4
    return quoted[9] == UDP and struct.unpack_from("!H", quoted, header + 2)[0] == DHCP_CLIENT


def kind6(protocol: int, payload: bytes) -> str:
    """Return the kind of an IPv6 packet."""
    if protocol == ICMPV6:
        return ICMPV6_KINDS.get(payload[0], OTHER)
    return udp_kind(payload) if protocol == UDP else OTHER


def udp_kind(payload: bytes) -> str:
    """Return the kind of a UDP datagram by the port it goes to."""
    return UDP_KINDS.get(struct.unpack_from("!H", payload, 2)[0], OTHER)


def name_asked(ethertype: int, packet: bytes) -> str:
    """Return the name that a lookup by UDP asks for (RFC 1035, 4.1.2)."""
    header = (packet[0] & 15) * 4 if ethertype == ETH_P_IP else 40
    question = packet[header + 8 + 12 :]
    labels = []
    while question and question[0]:
        labels.append(question[1 : question[0] + 1].decode(errors="replace"))
        question = question[question[0] + 1 :]
    return ".".join(labels)


def watch(interface: str) -> None:
    """Print what comes in, for ever; the interface may go down and up meanwhile."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    raw.bind((interface, ETH_P_ALL))
    print("ready", flush=True)
    while True:
        try:
            packet, (_, ethertype, direction, *_) = raw.recvfrom(65536)
        except OSError:  # ENETDOWN, once, when the interface goes down
            continue
        if direction != socket.PACKET_OUTGOING:
            kind, *rest = classify(ethertype, packet)
            name = [name_asked(ethertype, packet)] if kind == "dns" else []
            print(time.monotonic(), len(packet), kind, *rest, *name, flush=True)


if __name__ == "__main__":
    watch(sys.argv[1])
