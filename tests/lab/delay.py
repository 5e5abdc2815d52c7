"""A long line between two devices: each frame comes out at the other end some time later.

`python -m tests.lab.delay DEVICE DEVICE SECONDS` prints `ready` and carries frames both ways for
ever. The kernel's own delay, `tc netem`, is missing from many machines.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time
from collections import deque

ETH_P_ALL = 0x0003
_SOL_PACKET, _VNET_HDR, _IGNORE_OUTGOING = 263, 15, 23  # linux/if_packet.h
FRAME = 1 << 17
"""More than any frame: those of a veth may be 64 kB long, to be cut by a card it does not have."""


def end(device: str) -> socket.socket:
    """Open one end of the line.

    Each frame has a virtio_net_hdr before it (packet(7)), which is passed on: it tells what the
    kernel left to a card, checksums and cutting to size.
    """
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
    raw.setsockopt(_SOL_PACKET, _VNET_HDR, 1)
    raw.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    raw.bind((device, ETH_P_ALL))
    return raw


def carry(ends: tuple[socket.socket, socket.socket], delay_s: float) -> None:
    """Carry frames for ever. All take equally long, so that they come out as they went in."""
    other = dict(zip(ends, reversed(ends), strict=True))
    line: deque[tuple[float, socket.socket, bytes]] = deque()
    while True:
        wait_s = max(0.0, line[0][0] - time.monotonic()) if line else None
        for raw in select.select(ends, [], [], wait_s)[0]:
            with contextlib.suppress(OSError):  # ENETDOWN, once, when the device goes down
                frame = raw.recv(FRAME)
                line.append((time.monotonic() + delay_s, other[raw], frame))
        while line and line[0][0] <= time.monotonic():
            _, raw, frame = line.popleft()
            with contextlib.suppress(OSError):  # ENETDOWN: it is lost with the cable
                raw.send(frame)


def main(near: str, far: str, delay_s: str) -> None:
    """Open both ends and carry."""
    ends = end(near), end(far)
    print("ready", flush=True)
    carry(ends, float(delay_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
