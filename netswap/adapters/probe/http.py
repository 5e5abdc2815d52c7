"""A check by HTTP: whether a page is as it should be. A redirect is a captive portal.

The host is an address, or is looked up over the link. Only so much of an answer is read as is
needed, and never more than the limits below, whatever the other side sends.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

from netswap.adapters.probe import page
from netswap.adapters.probe.dns import LookupFailed, lookup
from netswap.adapters.probe.page import Head
from netswap.adapters.probe.way import Verdict, Way, broken, connect, silence
from netswap.core import target
from netswap.core.settings import CheckSettings
from netswap.core.target import Endpoint

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024
_READ = 16 * 1024
_PAUSE_S = 0.05
"""Between two looks at what has come. To find the text in 64 KiB that came in chunks of one byte
takes 6 ms: one who lets them drip must not keep a processor busy, nor a flood the event loop."""
_SHOWN = 100
_LOGIN_REQUIRED = 511  # RFC 6585, section 6


async def run(check: CheckSettings, way: Way) -> Verdict:
    """Fetch the page and judge it."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + check.timeout_s
    url = server = target.url(check.target)
    try:
        if not url.is_address:
            server = replace(url, host=await lookup(url.host, way, check.timeout_s))
        async with asyncio.timeout_at(deadline_s):
            return await _fetch(check, way, url, server)
    except LookupFailed as failed:
        return Verdict(False, failed.reason)
    except TimeoutError:  # before OSError, which it is a kind of
        return Verdict(False, silence(url, check.timeout_s))
    except OSError as error:
        return Verdict(False, broken(error, url))


async def _fetch(check: CheckSettings, way: Way, url: Endpoint, server: Endpoint) -> Verdict:
    with way.socket(socket.SOCK_STREAM) as tcp:
        await connect(tcp, server)
        await asyncio.get_running_loop().sock_sendall(tcp, page.request(url))
        raw = await _read(tcp, b"", lambda raw: page.split(raw) is not None, HEAD_LIMIT)
        if (parts := page.split(raw)) is None:
            what = "answered with endless headers" if len(raw) >= HEAD_LIMIT else "gave no answer"
            return Verdict(False, f"{url} {what}")
        if (head := page.head(parts[0])) is None:
            return Verdict(False, f"{url} does not speak HTTP")
        if problem := _problem(head, check, url):
            return Verdict(False, problem)
        found = await _find(check.expect_body.encode(), tcp, head, parts[1])
        return Verdict(found, "" if found else f"{url} sent a page without {check.expect_body!r}")


async def _read(
    tcp: socket.socket, raw: bytes, enough: Callable[[bytes], bool], limit: int
) -> bytes:
    """Read on until there is enough, too much, or no more."""
    loop = asyncio.get_running_loop()
    while not enough(raw) and len(raw) < limit:
        await asyncio.sleep(_PAUSE_S if raw else 0)
        if not (data := await loop.sock_recv(tcp, _READ)):
            break
        raw += data
    return raw


async def _find(text: bytes, tcp: socket.socket, head: Head, raw: bytes) -> bool:
    """Tell whether a text is in the body, of which `raw` has come already."""

    def enough(raw: bytes) -> bool:
        body, whole = page.body(head, raw)
        return whole or text in body

    return text in page.body(head, await _read(tcp, raw, enough, BODY_LIMIT))[0]


def _problem(head: Head, check: CheckSettings, url: Endpoint) -> str:
    """Say what is wrong with status and fields, "" if nothing is."""
    wanted = check.expect_status
    if head.status == wanted or (not wanted and 200 <= head.status < 300):
        return ""
    if head.redirect is not None:
        return f"captive portal (redirected to {_shown(head.redirect) or 'nowhere'})"
    if head.status == _LOGIN_REQUIRED:
        return "captive portal (it wants a login: status 511)"
    return f"{url} answered with status {head.status}, not {wanted or '200 to 299'}"


def _shown(text: str) -> str:
    """Return what a stranger sent, fit to be shown: one line, printable, not too long."""
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])
