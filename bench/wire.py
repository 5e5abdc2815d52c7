"""All that arrives at an ISP's end of a link, kept in a file and read when all is over.

`python -m bench.wire FILE` writes a line for each packet: the fields of `tally.Seen`; at SIGTERM
a last one: how many packets the capture itself missed.
"""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bench.tally import Seen
from tests.lab.commands import within
from tests.lab.link import Link
from tests.lab.sniff import ETH_P_ALL, ETH_P_IP, classify

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the stamp has this type, too
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # linux/if_packet.h
_BUFFER = 1 << 23
_STAMP = struct.Struct("=qq")
MISSED = "missed"


class Wire:
    """The capture at the ISP's end of a link."""

    def __init__(self, link: Link) -> None:
        self.link = link.name
        self._path = Path(f"/run/lab/wire-{link.name}")
        line = (sys.executable, "-m", "bench.wire", str(self._path))
        self._process = subprocess.Popen(
            within(link.spec.isp, line), stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n", "the capture does not start"

    def stop(self) -> None:
        """End the capture."""
        self._process.terminate()
        self._process.wait(10)

    def seen(self) -> Iterator[Seen]:
        """Read what arrived up to now; raise RuntimeError if the capture missed anything."""
        with self._path.open() as lines:
            for line in lines:
                at, length, kind, protocol, *rest = line.split()
                if at == MISSED and int(length):
                    raise RuntimeError(f"the capture missed {length} packets")
                if at != MISSED:
                    yield Seen(float(at), int(length), kind, int(protocol), *rest)


def echo_of(ethertype: int, packet: bytes) -> str:
    """Return identifier and data of an echo request in hexadecimal."""
    message = packet[(packet[0] & 15) * 4 :] if ethertype == ETH_P_IP else packet[40:]
    return (message[4:6] + message[8:]).hex()


def line_of(data: bytes, at: float, ethertype: int) -> str:
    """Return the line that is written of a packet."""
    kind, *rest = classify(ethertype, data)
    echo = echo_of(ethertype, data) if kind == "echo" else "-"
    return f"{at:.6f} {len(data)} {kind} {' '.join(map(str, rest))} {echo}\n"


def monotonic(stamp: bytes) -> float:
    """Return the monotonic time of a stamp: seconds and nanoseconds of the wall clock."""
    seconds, nanoseconds = _STAMP.unpack(stamp)
    age_s: float = time.time() - seconds - nanoseconds / 1e9
    return time.monotonic() - age_s


def watch(interface: str, file: TextIO) -> None:
    """Write what comes in until SIGTERM; the interface may go down and up meanwhile."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    raw.bind((interface, ETH_P_ALL))
    signal.signal(signal.SIGTERM, lambda *_: _finish(raw, file))
    print("ready", flush=True)
    while True:
        try:
            data, ((_, _, stamp), *_), _, (_, ethertype, direction, *_) = raw.recvmsg(65536, 64)
        except OSError:  # ENETDOWN, once, when the interface goes down
            continue
        if direction != socket.PACKET_OUTGOING:
            file.write(line_of(data, monotonic(stamp), ethertype))


def _finish(raw: socket.socket, file: TextIO) -> None:
    """Tell how many packets were missed for want of space."""
    _, missed = struct.unpack("=II", raw.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
    file.write(f"{MISSED} {missed} - 0\n")
    file.close()
    sys.exit()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", buffering=1) as out:
        watch("lan", out)
