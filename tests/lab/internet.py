"""The internet's servers: what the laptop talks to.

`python -m tests.lab.internet ADDRESS…` answers on each address: echo on TCP and UDP port 7
(RFC 862), and on TCP port 80 the page of NetworkManager's connectivity check.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import cast

ECHO, HTTP = 7, 80
PAGE = b"NetworkManager is online"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nX-NetworkManager-Status: online\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(PAGE), PAGE)
)
BROKEN = (OSError, asyncio.IncompleteReadError)


class UdpEcho(asyncio.DatagramProtocol):
    """Send every datagram back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        # Not an isinstance check: asyncio's own transport is no subclass before Python 3.12.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Send it back."""
        self.transport.sendto(data, addr)


async def tcp_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes until the other side ends or breaks."""
    with contextlib.suppress(*BROKEN):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer any request with the one page."""
    with contextlib.suppress(*BROKEN):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(RESPONSE)
        await writer.drain()
    writer.close()


async def serve(addresses: list[str]) -> None:
    """Serve on every address for ever.

    A socket for each address: a wildcard one would answer UDP from the address of the way out.
    """
    loop = asyncio.get_running_loop()
    for address in addresses:
        await asyncio.start_server(tcp_echo, address, ECHO)
        await asyncio.start_server(http, address, HTTP)
        await loop.create_datagram_endpoint(UdpEcho, local_addr=(address, ECHO))
    print("serving", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
