"""Netlink messages as bytes, and one question with all its answers (netlink(7)).

A leaf that `sockets`, `conntrack` and `kernel` share. Pure but for `ask`.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x200, 0x400, 0x800
_NLM_F_DUMP_INTR = 0x10
_NLMSG_NOOP, _NLMSG_ERROR, _NLMSG_DONE = 1, 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_BITS = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
TRIES = 4
"""So often is a dump asked for that something changes under."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message without its header."""

    kind: int
    body: bytes
    interrupted: bool = False
    """Whether something changed while the kernel told of it (NLM_F_DUMP_INTR)."""


def build(kind: int, flags: int, body: bytes) -> bytes:
    """Put a header before a body whose length is a multiple of four."""
    return _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def parse(data: bytes) -> Iterator[Message]:
    """Take a datagram apart; a length that leads out of it ends it."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, *_ = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= len(data) - offset:
            return
        body = data[offset + _HEADER.size : offset + length]
        yield Message(kind, body, bool(flags & _NLM_F_DUMP_INTR))
        offset += _aligned(length)


def attribute(kind: int, value: bytes) -> bytes:
    """Put a header before the value of an attribute, and fill up what comes after it."""
    length = _ATTRIBUTE.size + len(value)
    return (_ATTRIBUTE.pack(length, kind) + value).ljust(_aligned(length), b"\0")


def attributes(data: bytes) -> dict[int, bytes]:
    """Read a row of attributes: type to value; of a repeated one the last counts."""
    found, offset = {}, 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not _ATTRIBUTE.size <= length <= len(data) - offset:
            break
        found[kind & _TYPE_BITS] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)
    return found


def ask(channel: socket.socket, request: bytes) -> list[bytes]:
    """Send a request and collect the bodies of its answers until it is done or acknowledged.

    Where something changed meanwhile, a long dump may lack what was there all the time: it is asked
    for again, unless things change all the time. An error the kernel reports is raised as the
    OSError that it is.
    """
    for _ in range(TRIES):
        channel.send(request)
        messages = list(_answers(channel))
        if not any(message.interrupted for message in messages):
            break
    return [message.body for message in messages[:-1]]


def _answers(channel: socket.socket) -> Iterator[Message]:
    """Yield the answers to a request, up to the one that ends them."""
    while True:
        for message in parse(channel.recv(1 << 16)):
            if message.kind != _NLMSG_NOOP:
                yield message
            if message.kind in {_NLMSG_ERROR, _NLMSG_DONE}:
                _raise_unless_zero(message.body)
                return


def _raise_unless_zero(body: bytes) -> None:
    """Both kinds of ending begin with a negated errno."""
    code = struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
    if code < 0:
        raise OSError(-code, os.strerror(-code))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
