"""Somebody on the link who sends what nobody asked for: echo replies, or errors, 10,000 a second.

    python -m tests.lab.stranger ADDRESS [--replies | --errors] [--ident N] [--options] [--slowly]

Runs in another namespace, as long as it is let.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import struct
import sys
import time

BURST, PAUSE_S = 100, 0.01
REPLY = {4: b"\0\0", 6: b"\x81\0"}
UNREACHABLE = {4: b"\x03\1", 6: b"\x01\3"}


def finished(kind: bytes, rest: bytes) -> bytes:
    """Put type and code, checksum, and the rest together (RFC 792; the kernel redoes IPv6's)."""
    words = struct.unpack(f"!{(len(rest) + 2) // 2}H", kind + rest)
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return kind + (~total & 0xFFFF).to_bytes(2) + rest


def reply(ident: int, version: int) -> bytes:
    """Return an echo reply as long as netswap's own; sequence and token are made up."""
    return finished(REPLY[version], ident.to_bytes(2) + secrets.token_bytes(2 + 16))


def error(ident: int, version: int, *, options: bool) -> bytes:
    """Return a router's word that it could not deliver a request with this identifier."""
    header = bytes([0x45 + options]) + bytes(8) + b"\x01" + bytes(10) + b"\1" * 4 * options
    request = b"\x08\0\0\0" + ident.to_bytes(2) + b"\0\x07"
    return finished(UNREACHABLE[version], bytes(4) + header + request)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.stranger")
    parser.add_argument("address")
    parser.add_argument("--replies", action="store_true", help="what it does anyway")
    parser.add_argument("--errors", action="store_true", help="in place of replies")
    parser.add_argument("--ident", type=int, help="in place of random ones")
    parser.add_argument("--options", action="store_true", help="with options of IP")
    parser.add_argument("--slowly", action="store_true", help="100 a second")
    wanted = parser.parse_args()
    version = 6 if ":" in wanted.address else 4
    kinds = {4: (socket.AF_INET, socket.IPPROTO_ICMP), 6: (socket.AF_INET6, socket.IPPROTO_ICMPV6)}
    family, protocol = kinds[version]
    with socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        if wanted.options:
            raw.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1\1\1\0")
        send(raw, wanted, version)
    return 0


def send(raw: socket.socket, wanted: argparse.Namespace, version: int) -> None:
    """Send bursts for ever; those that fall behind are not made up for."""
    while True:
        due_s = time.monotonic() + PAUSE_S
        for _ in range(1 if wanted.slowly else BURST):
            ident = secrets.randbits(16) if wanted.ident is None else wanted.ident
            if wanted.errors:
                message = error(ident, version, options=wanted.options)
            else:
                message = reply(ident, version)
            raw.sendto(message, (wanted.address, 0))
        time.sleep(max(0.0, due_s - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
