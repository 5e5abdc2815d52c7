"""A captive portal: sends whoever asks for a page to its own. `python -m tests.lab.portal PORT`."""

from __future__ import annotations

import asyncio
import contextlib
import sys

RESPONSE = (
    b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer any request with the redirect."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(RESPONSE)
        await writer.drain()
    writer.close()


async def serve(port: int) -> None:
    """Serve for ever."""
    async with await asyncio.start_server(redirect, port=port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
