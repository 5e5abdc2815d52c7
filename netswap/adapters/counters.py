"""What the kernel counts on each interface (proc_pid_net(5), /proc/net/dev), and in which boot."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple

DEVICES = Path("/proc/net/dev")
DEVICE = Path("/sys/class/net")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Bytes(NamedTuple):
    """An interface: its number, and the bytes it carried since it was made."""

    number: int
    received: int
    sent: int


def read() -> dict[str, Bytes]:
    """Return every interface by its name; nothing where the kernel does not tell."""
    try:
        indices = {name: index for index, name in socket.if_nameindex()}
        lines = DEVICES.read_bytes().split(b"\n")[2:-1]
    except OSError:
        return {}
    found = {}
    for padded, numbers in (line.rsplit(b":", 1) for line in lines):
        fields, name = numbers.split(), os.fsdecode(padded.strip())
        if (index := indices.get(name)) is not None:
            found[name] = Bytes(index, int(fields[0]), int(fields[8]))
    return found


class Packets(NamedTuple):
    """What an interface has carried since it was made."""

    sent: int
    received: int


def packets(ifname: str) -> Packets | None:
    """Return what one interface counts (sysfs-class-net-statistics), None where there is none."""
    try:
        return Packets(_number(ifname, "tx_packets"), _number(ifname, "rx_packets"))
    except (OSError, ValueError):
        return None


def _number(ifname: str, name: str) -> int:
    """Read a counter, once a second or more: `Path.read_text` takes twice as long."""
    file = os.open(f"{DEVICE}/{ifname}/statistics/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(file, 32))
    finally:
        os.close(file)


def boot() -> str:
    """Return the random id of this boot, "" where there is none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
