"""DNS messages as bytes (RFC 1035, section 4). Pure.

Only what a lookup of IPv4 addresses needs. An answer is taken only if it is one to our question;
what is in it is read up to the first thing that makes no sense.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_A, _IN = 1, 1
_RECURSION_DESIRED, _IS_CUT, _IS_ANSWER = 0x0100, 0x0200, 0x8000

_CODES = {1: "a malformed query", 2: "a failure of its own", 3: "no such name", 5: "a refusal"}
"""What the response codes mean (section 4.1.1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name server said of a name."""

    addresses: tuple[str, ...]
    problem: str = ""
    """What it said instead of an address."""
    cut: bool = False
    """Whether the rest did not fit a datagram."""


def query(ident: int, name: str) -> bytes:
    """Ask for the IPv4 addresses of a name that `target.name` accepted."""
    return _HEADER.pack(ident, _RECURSION_DESIRED, 1, 0, 0, 0) + _question(name)


def answer(message: bytes, ident: int, name: str) -> Answer | None:
    """Read an answer to our query; None for anything else."""
    question = _question(name)
    start = _HEADER.size + len(question)
    if len(message) < start:
        return None
    its_ident, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
    ours = its_ident == ident and questions == 1 and flags & _IS_ANSWER
    if not ours or message[_HEADER.size : start].lower() != question.lower():
        return None
    if code := flags & 0x000F:
        return Answer((), _CODES.get(code, f"error {code}"))
    addresses, cut = tuple(_addresses(message, start, answers)), bool(flags & _IS_CUT)
    nothing = "a part without an IPv4 address" if cut else "no IPv4 address"
    return Answer(addresses, "" if addresses else nothing, cut)


def _question(name: str) -> bytes:
    labels = (label.encode("ascii") for label in name.split("."))
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1"


def _addresses(message: bytes, at: int, count: int) -> Iterator[str]:
    """Yield the addresses of any name: those of an alias are as good."""
    for _ in range(count):
        at = _after_name(message, at)
        if at + _RECORD.size > len(message):
            return
        kind, family, _, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        data = message[at : at + length]
        if (kind, family, length, len(data)) == (_A, _IN, 4, 4):
            yield str(IPv4Address(data))
        at += length


def _after_name(message: bytes, at: int) -> int:
    """Skip a name: labels up to an empty one, or to a pointer, which is not followed."""
    while at < len(message) and message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1
