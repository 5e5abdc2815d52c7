"""Ten million echo replies that are none: how many are believed (`make fuzz-replies`).

Each is one bit, one byte or one field away from the right answer to a probe of ours, most with the
checksum put right again: other identifiers, tokens, types and lengths, IP headers that lie about
their length, requests, errors, and strangers' pings. TRIES=1000 for less.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

from netswap.adapters.probe.packet import EchoTemplate, Family
from tests.fuzz.test_replies import QUOTE, checksum

TRIES = 10_000_000
TOKEN_BYTES = 16
REPLY = {Family.V4: b"\0\0", Family.V6: b"\x81\0"}
Lie = Callable[[random.Random, bytearray], object]
"""Makes something wrong in an ICMP message of type, code, checksum, identifier, sequence, token."""


def other(draw: random.Random, value: int) -> int:
    """Return any other byte."""
    return value ^ draw.randrange(1, 256)


def a_byte(draw: random.Random, message: bytearray) -> None:
    place = draw.choice([0, 1, 4, 5, *range(8, len(message))])
    message[place] = other(draw, message[place])


def an_identifier(draw: random.Random, message: bytearray) -> None:
    ident = int.from_bytes(message[4:6]) ^ draw.randrange(1, 65536)
    message[4:6] = ident.to_bytes(2)


def a_token(draw: random.Random, message: bytearray) -> None:
    message[8:] = draw.randbytes(len(message) - 8)


def shorter(draw: random.Random, message: bytearray) -> None:
    del message[draw.randrange(len(message)) :]


def longer(draw: random.Random, message: bytearray) -> None:
    message += draw.randbytes(draw.choice([1, 2, 8, 1400]))


def a_type(draw: random.Random, message: bytearray) -> None:
    message[0] = other(draw, message[0])


LIES: dict[str, Lie] = {
    "another byte": a_byte,
    "another identifier": an_identifier,
    "another token": a_token,
    "shorter": shorter,
    "longer": longer,
    "another type": a_type,
}


def with_checksum(message: bytearray) -> bytes:
    blank = bytes(message[:2]) + b"\0\0" + bytes(message[4:])
    return blank[:2] + checksum(blank).to_bytes(2) + blank[4:]


def lie(draw: random.Random, template: EchoTemplate, family: Family, kind: str) -> bytes:
    """Return a datagram that is wrong in this way; three of four times with a right checksum."""
    message = bytearray(REPLY[family] + template.request(draw.randrange(65536))[2:])
    LIES[kind](draw, message)
    finished = with_checksum(message) if draw.randrange(4) and len(message) > 3 else bytes(message)
    if family is Family.V6:
        return finished
    header = QUOTE if draw.randrange(8) else draw.randbytes(1) + QUOTE[1:]
    return header + finished


def run(tries: int) -> int:
    draw = random.Random(seed := random.SystemRandom().randrange(1 << 32))
    ident, token = draw.randrange(65536), draw.randbytes(TOKEN_BYTES)
    templates = {family: EchoTemplate(ident, token, family) for family in Family}
    kinds = list(LIES)
    tried: Counter[str] = Counter()
    believed: Counter[str] = Counter()
    began_s = time.monotonic()
    for turn in range(tries):
        family = draw.choice((Family.V4, Family.V4, Family.V4, Family.V6))
        kind = kinds[turn % len(kinds)]
        template = templates[family]
        datagram = lie(draw, template, family, kind)
        tried[kind] += 1
        if template.sequence_of(datagram) is not None:
            believed[kind] += 1
            print(f"believed: {family.name} {kind}: {datagram.hex()}")
    took_s = time.monotonic() - began_s
    for kind in kinds:
        print(f"{kind:<20} {tried[kind]:>10} tried {believed[kind]:>3} believed")
    print(f"{tries} tried in {took_s:.0f} s, {believed.total()} believed (seed {seed})")
    return 1 if believed else 0


def main() -> int:
    text = os.environ.get("TRIES", str(TRIES))
    if not text.isdecimal() or int(text) < 1:
        print(f"TRIES={text} is no whole number of 1 or more", file=sys.stderr)
        return 2
    return run(int(text))


if __name__ == "__main__":
    sys.exit(main())
