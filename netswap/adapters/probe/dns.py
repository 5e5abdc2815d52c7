"""A check by DNS, and the lookup that the check by HTTP makes: the link's own servers are asked.

All of them at once, and again every `AGAIN_S`; the first address is taken. What is no answer to the
question is passed over, as anybody can send it. Who answers a part of what there is, since the rest
does not fit a datagram, is asked for all of it by TCP (RFC 7766, section 5).
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from ipaddress import IPv4Address

from netswap.adapters.probe import message
from netswap.adapters.probe.icmp import ProbeFailure, in_words
from netswap.adapters.probe.way import Verdict, Way, broken, connect, silence
from netswap.core import target
from netswap.core.settings import CheckSettings
from netswap.core.target import Endpoint

PORT = 53
AGAIN_S = 1.0
WHOLE_S = 2.0
"""How long an answer by TCP may take: those of others are waiting meanwhile. Less where there is
not time for all of them."""
_LARGEST = 65535
_LENGTH = struct.Struct("!H")
"""Goes before each message by TCP (RFC 1035, section 4.2.2)."""


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
        raise ProbeFailure("the link has no name server of its own that takes plain DNS over IPv4")
    with way.socket(socket.SOCK_DGRAM) as udp:
        lookup = _Lookup(way, udp, name, servers, timeout_s)
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

    def __init__(
        self, way: Way, udp: socket.socket, name: str, servers: tuple[str, ...], timeout_s: float
    ) -> None:
        self.problem = ""
        """What was answered instead of an address."""
        self._way, self._udp, self._name = way, udp, name
        self._unheard = set(servers)
        self._whole_s = min(WHOLE_S, timeout_s / (1 + len(servers)))
        self._ident = secrets.randbits(16)
        self._query = message.query(self._ident, name)
        self._send()

    def _send(self) -> None:
        """Ask everybody who has not answered. Raises ProbeFailure if nobody could be asked."""
        failures = []
        for server in self._unheard:
            try:
                self._udp.sendto(self._query, (server, PORT))
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
            if answer.cut and not answer.addresses:
                answer = await self._whole(server) or answer
            if answer.addresses:
                return answer.addresses[0]
            self._unheard.discard(server)
            self.problem = f"{server} answered for {self._name}: {answer.problem}"
        raise LookupFailed(self.problem)

    async def _whole(self, server: str) -> message.Answer | None:
        """Ask for all of an answer; None where nothing comes of that. Raises ProbeFailure."""
        loop = asyncio.get_running_loop()
        with self._way.socket(socket.SOCK_STREAM) as tcp:
            try:
                async with asyncio.timeout(self._whole_s):
                    await connect(tcp, Endpoint(server, PORT))
                    await loop.sock_sendall(tcp, _LENGTH.pack(len(self._query)) + self._query)
                    (length,) = _LENGTH.unpack(await _read(tcp, _LENGTH.size))
                    return message.answer(await _read(tcp, length), self._ident, self._name)
            except OSError as error:
                broken(error, server)
        return None

    async def _receive(self) -> tuple[bytes, tuple[str, int]]:
        """Wait for a datagram; a flood of them must not hold up the event loop."""
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        datagram, address = await loop.sock_recvfrom(self._udp, _LARGEST)
        return datagram, address


async def _read(tcp: socket.socket, size: int) -> bytes:
    """Read so many bytes. Raises ConnectionError where there are no more."""
    data = b""
    while len(data) < size:
        if not (part := await asyncio.get_running_loop().sock_recv(tcp, size - len(data))):
            raise ConnectionError("it hung up")
        data += part
    return data
