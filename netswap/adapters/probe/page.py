"""HTTP/1.1 as bytes (RFC 9112): a request, and as much of a response as has come. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from netswap.core.target import Endpoint

_STATUS = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2})( [^\r\n]*)?")
_INTERIM = re.compile(rb"HTTP/1\.[0-9] 1(?!01)[0-9]{2}[ \r\n]")
"""But for 101: what comes after that is not HTTP any more."""
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\n]*)?\r?\n")


def request(url: Endpoint) -> bytes:
    """Ask for a page, plain and uncompressed, and for an end of the connection after it."""
    host = url.host if url.port == 80 else str(url)
    lines = [
        f"GET {url.path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: netswap",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Cache-Control: no-cache",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


@dataclass(frozen=True, slots=True)
class Head:
    """Status and fields of a response; names are in lower case, the first of a name counts."""

    status: int
    fields: dict[str, str]

    @property
    def redirect(self) -> str | None:
        """Where it sends the reader to, None if it does not."""
        return self.fields.get("location", "") if 300 <= self.status < 400 else None


def split(raw: bytes) -> tuple[bytes, bytes] | None:
    """Split a response at the empty line, None while that has not come.

    Interim responses, which nobody has to ask for (RFC 9110, section 15.2), are passed over.
    """
    at = 0
    while found := _EMPTY_LINE.search(raw, at):
        if not _INTERIM.match(raw, at):
            return raw[at : found.start()], raw[found.end() :]
        at = found.end()
    return None


def head(raw: bytes) -> Head | None:
    """Read the lines before the body; None if this is not HTTP. Bad fields are passed over."""
    first, *lines = raw.split(b"\n")
    if not (status := _STATUS.fullmatch(first.rstrip(b"\r"))):
        return None
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            fields.setdefault(name.lower(), value.strip())
    return Head(int(status[1]), fields)


def body(head: Head, raw: bytes) -> tuple[bytes, bool]:
    """Return what has come of the body, and whether that is all, as far as one can tell."""
    if "chunked" in head.fields.get("transfer-encoding", "").lower():
        chunks = list(_chunks(raw))
        return b"".join(chunks), b"" in chunks
    length = head.fields.get("content-length", "")
    if length.isascii() and length.isdecimal() and len(length) < 20:
        return raw[: int(length)], len(raw) >= int(length)
    return raw, False


def _chunks(raw: bytes) -> Iterator[bytes]:
    """Yield the chunks (section 7.1), the empty one at the end too; the last may be cut off."""
    at = 0
    while size := _CHUNK.match(raw, at):
        start, length = size.end(), int(size[1], 16)
        yield raw[start : start + length]
        at = start + length + len(b"\r\n")
        if not length or at > len(raw):
            return
