"""Programs that know both versions of IP, and try IPv6 first."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass

from tests.lab.commands import CommandFailedError
from tests.lab.internet import ECHO
from tests.lab.lab import Lab

NAME = "target.test"
"""Has an address of each version."""
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to connect to one address."""

    version: int
    """Of IP: 4 or 6."""
    error: str | None
    """None: connected; else the name of the exception."""
    took_s: float


def one_by_one() -> list[Attempt]:
    """Try the name's addresses in the order of getaddrinfo(3) until one connects."""
    attempts: list[Attempt] = []
    for family, kind, _, _, address in socket.getaddrinfo(NAME, ECHO, type=socket.SOCK_STREAM):
        attempts.append(attempt(family, kind, address))
        if not attempts[-1].error:
            break
    return attempts


def attempt(family: int, kind: int, address: tuple[object, ...]) -> Attempt:
    """Try one address."""
    started, error = time.monotonic(), None
    with socket.socket(family, kind) as tcp:
        tcp.settimeout(PATIENCE_S)
        try:
            tcp.connect(address)
        except OSError as failed:
            error = type(failed).__name__
    return Attempt(6 if family == socket.AF_INET6 else 4, error, time.monotonic() - started)


def happy_eyeballs(delay_s: float = 0.25) -> int:
    """Connect as RFC 8305 has it; return the version of IP that won.

    IPv4 is tried when IPv6 was refused, or has been silent for the delay.
    """

    async def connect() -> int:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(NAME, ECHO, happy_eyeballs_delay=delay_s)
        version = 6 if ":" in writer.get_extra_info("peername")[0] else 4
        writer.close()
        return version

    return asyncio.run(connect())


def curl(lab: Lab, told: str = "%{remote_ip}", delay_s: float = 0.2) -> str:
    """Get a page; return what curl(1) tells of it with `--write-out`, "" if there was none."""
    waits = ("--happy-eyeballs-timeout-ms", f"{delay_s * 1000:.0f}", "-m", f"{PATIENCE_S:.0f}")
    shown = ("-sS", "-o", "/dev/null", "-w", told)
    try:
        return lab.sh("curl", *shown, *waits, f"http://{NAME}/")
    except CommandFailedError:
        return ""
