"""A check by DNS, and the lookup that the check by HTTP makes: the link's own servers are asked.

All of them at once, and again every `AGAIN_S`; the first address is taken. What is no answer to the
question is passed over, as anybody can send it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from ipaddress import IPv4Address

from netswap.adapters.probe import message
from netswap.adapters.probe.icmp import ProbeFailure, in_words
from netswap.adapters.probe.way import Verdict, Way, broken, silence
from netswap.core import target
from netswap.core.settings import CheckSettings

PORT = 53
AGAIN_S = 1.0
_LARGEST = 65535


class LookupFailed(Exception):  # noqa: N818 - an answer, not a mistake
    """A name has no address over this link; `reason` says in plain words why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def run(check: CheckSettings, way: Way) -> Verdict:
    """Look the name up."""
    try:
        await lookup(target.name(check.target), way, check.timeout_s)
    except LookupFailed as failed:
        return Verdict(False, failed.reason)
    except OSError as error:
        return Verdict(False, broken(error, f"the lookup of {check.target}"))
    return Verdict(True)


async def lookup(name: str, way: Way, timeout_s: float) -> str:
    """Return an IPv4 address of a name. Raises LookupFailed; ProbeFailure if it cannot ask."""
    # One on this computer is out of reach for what is bound to a device: it would seem dead.
    servers = tuple(server for server in way.servers if not IPv4Address(server).is_loopback)
    if not servers:
        raise ProbeFailure("the link has no name server of its own with an IPv4 address")
    with way.socket(socket.SOCK_DGRAM) as udp:
        lookup = _Lookup(udp, name, servers)
        asking = asyncio.create_task(lookup.ask())
        try:
            async with asyncio.timeout(timeout_s):
                return await lookup.listen()
        except TimeoutError:
            raise LookupFailed(lookup.problem or silence(", ".join(servers), timeout_s)) from None
        finally:
            asking.cancel()


class _Lookup:
    """One question under way."""

    def __init__(self, udp: socket.socket, name: str, servers: tuple[str, ...]) -> None:
        self.problem = ""
        """What was answered instead of an address."""
        self._udp, self._name = udp, name
        self._unheard = set(servers)
        self._ident = secrets.randbits(16)
        self._send()

    def _send(self) -> None:
        """Ask everybody who has not answered. Raises ProbeFailure if nobody could be asked."""
        failures = []
        for server in self._unheard:
            try:
                self._udp.sendto(message.query(self._ident, self._name), (server, PORT))
            except OSError as error:
                failures.append(ProbeFailure(in_words(error)))
        if len(failures) == len(self._unheard):
            raise failures[0]

    async def ask(self) -> None:
        """Ask again and again: a datagram may get lost."""
        while True:
            await asyncio.sleep(AGAIN_S)
            try:
                self._send()
            except ProbeFailure:
                continue

    async def listen(self) -> str:
        """Return the first address that comes. Raises LookupFailed when nobody has one."""
        while self._unheard:
            datagram, (server, port) = await self._receive()
            answer = message.answer(datagram, self._ident, self._name)
            if answer is None or server not in self._unheard or port != PORT:
                continue
            if answer.addresses:
                return answer.addresses[0]
            self._unheard.discard(server)
            self.problem = f"{server} answered for {self._name}: {answer.problem}"
        raise LookupFailed(self.problem)

    async def _receive(self) -> tuple[bytes, tuple[str, int]]:
        """Wait for a datagram; a flood of them must not hold up the event loop."""
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        datagram, address = await loop.sock_recvfrom(self._udp, _LARGEST)
        return datagram, address
