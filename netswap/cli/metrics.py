"""The command `metrics`: what the service knows, for Prometheus.

It runs beside netswapd, not in it: a scrape is one call on the bus, and whoever does not want
metrics pays nothing. What the metrics are is decided in `netswap.cli.series`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from netswap.cli.client import Service, Swapped, talk
from netswap.cli.files import write
from netswap.errors import UserError

REQUEST_S = 5.0
LONGEST_REQUEST = 8192
"""Octets of a request's head; a scraper's is a few hundred."""
AT_ONCE = 16
"""Connections that are answered at one time; more are hung up on."""
UNIX = "unix:"

Text = Callable[[], Awaitable[bytes]]


def _address(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> str | tuple[str, int] | None:
    """Read 127.0.0.1:9786, [::1]:9786 or unix:/path; only this computer may be let in."""
    if value is None or (value.startswith(UNIX) and value != UNIX):
        return value
    host, _, port = value.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
        if not 0 < number < 1 << 16:
            raise ValueError
    except ValueError:
        raise click.BadParameter(f"{value!r} is none; write 127.0.0.1:9786 or unix:/path") from None
    if not address.is_loopback:
        raise click.BadParameter(
            f"{address} is not the loopback; metrics tell others where you are and when"
        )
    return str(address), number


@click.command()
@click.option(
    "--listen", callback=_address, metavar="ADDRESS", help="Answer scrapes at a loopback address "
    "and port, such as 127.0.0.1:9786, or at unix:PATH."
)  # fmt: skip
@click.option(
    "--textfile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file for node_exporter, and end.",
)
def metrics(listen: str | tuple[str, int] | None, textfile: Path | None) -> None:
    """Give metrics to Prometheus.

    Prints them where neither option is given. Swaps are counted while it runs: with --listen
    only. Needs python3-prometheus-client.
    """
    if listen and textfile:
        raise click.UsageError("--listen and --textfile exclude each other")
    _demand_library()
    if listen:
        talk(lambda service: _serve(service, listen))
    elif textfile:
        write(textfile, talk(_once), 0o644)
    else:
        click.echo(talk(_once), nl=False)


def _demand_library() -> None:
    if sys.modules.get("ssl", sys) is None:
        del sys.modules["ssl"]  # `netswap.cli` keeps it out; this library cannot do without
    try:
        import prometheus_client  # noqa: F401, PLC0415
    except ImportError:
        hint = "apt install python3-prometheus-client"
        raise UserError("there is no prometheus_client", hint=hint) from None


async def _once(service: Service) -> bytes:
    from netswap.cli import series  # noqa: PLC0415

    return series.text(await service.status_if_running(), {})


async def _serve(service: Service, where: str | tuple[str, int]) -> None:
    from netswap.cli import series  # noqa: PLC0415

    swaps: dict[tuple[str, str], int] = {}

    async def text() -> bytes:
        return series.text(await service.status_if_running(), swaps)

    server = await _listen(Scrapes(text).answer, where)
    async with server:
        click.echo(f"Listening at {_shown(where)}")
        async for event in service.events():
            if isinstance(event, Swapped):
                swaps[event[:2]] = swaps.get(event[:2], 0) + 1


def _shown(where: str | tuple[str, int]) -> str:
    return where if isinstance(where, str) else ":".join(map(str, where))


async def _listen(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    where: str | tuple[str, int],
) -> asyncio.Server:
    try:
        if isinstance(where, tuple):
            return await asyncio.start_server(answer, *where, limit=LONGEST_REQUEST)
        path = where.removeprefix(UNIX)  # the socket of one that ran before is replaced
        return await asyncio.start_unix_server(answer, path, limit=LONGEST_REQUEST)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror or error
        hint = "--listen takes another port, or unix:PATH"
        raise UserError(f"cannot listen at {_shown(where)}: {reason}", hint=hint) from None


class Scrapes:
    """Answers HTTP, as much of it as a scraper speaks (RFC 9112)."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._under_way = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and hang up."""
        self._under_way += 1
        try:
            if self._under_way <= AT_ONCE:
                async with asyncio.timeout(REQUEST_S):
                    await self._one(reader, writer)
        except (OSError, TimeoutError, asyncio.LimitOverrunError, asyncio.IncompleteReadError):
            pass  # nobody there to answer
        finally:
            self._under_way -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            _reply(writer, "405 Method Not Allowed", b"only GET\n")
        elif path != b"/metrics":
            _reply(writer, "404 Not Found", b"see /metrics\n", head=method == b"HEAD")
        else:
            try:
                text = await self._text()
            except UserError as error:
                status, text = "503 Service Unavailable", f"{error}\n".encode()
            else:
                status = "200 OK"
            _reply(writer, status, text, head=method == b"HEAD")
        await writer.drain()


def _reply(writer: asyncio.StreamWriter, status: str, body: bytes, *, head: bool = False) -> None:
    """Answer; to HEAD with all but the body (RFC 9110, 9.3.2)."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    fields = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    writer.write(f"{fields}Content-Length: {len(body)}\r\n\r\n".encode() + (b"" if head else body))
