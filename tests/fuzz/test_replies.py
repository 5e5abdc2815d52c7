"""Echo replies that are none: nothing but the one answer to one of our own requests counts."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.probe.packet import EchoTemplate, Family
from netswap.core.health import Health
from netswap.core.model import State
from netswap.core.settings import ProbeSettings, Settings
from netswap.core.track import Track
from tests.unit.worlds import fixed, link

IDENT, TOKEN = 0x1234, b"0123456789abcdef"
TEMPLATES = {family: EchoTemplate(IDENT, TOKEN, family) for family in Family}
REPLY = {Family.V4: b"\0\0", Family.V6: b"\x81\0"}
QUOTE = b"\x45" + bytes(8) + b"\x01" + bytes(10)
"""An IPv4 header without options before ICMP, as far as anybody looks at it."""


def checksum(message: bytes) -> int:
    """Return the checksum of a message, by the letter of RFC 1071, 4.1."""
    padded = message + b"\0" * (len(message) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    return ~(total % 0xFFFF or (total and 0xFFFF)) & 0xFFFF


def near(*right: bytes) -> st.SearchStrategy[bytes]:
    """Draw what is right, and what is nearly so."""
    exact = st.sampled_from(right)
    flipped = st.builds(_flip, exact, st.integers(0, 8 * max(map(len, right)) - 1))
    return exact | flipped | exact.map(lambda data: data[:-1]) | st.binary(max_size=40)


def _flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    if changed:
        changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


def message(kind: bytes, right: bool, body: bytes) -> bytes:
    """Put a message together; with the right checksum, or none."""
    blank = kind[:2] + b"\0\0" + body
    return blank[:2] + (checksum(blank) if right else 0).to_bytes(2) + blank[4:]


MESSAGES = st.builds(
    message,
    near(*REPLY.values(), b"\x03\1", b"\x0b\0", b"\x08\0"),
    st.booleans(),
    st.tuples(
        near(IDENT.to_bytes(2)), near(b"\0\x07"), near(TOKEN), st.just(b"") | st.binary()
    ).map(b"".join)
    | near(bytes(4) + QUOTE + b"\x08\0\0\0" + IDENT.to_bytes(2) + b"\0\x07"),
)
DATAGRAMS = st.tuples(near(QUOTE, b"\x46" + QUOTE[1:] + b"\1" * 4), MESSAGES).map(b"".join)


@fixed(3)
@given(DATAGRAMS | st.binary(max_size=100))
def test_nothing_but_a_reply_to_a_request_of_ours_is_one(datagram: bytes) -> None:
    sequence = TEMPLATES[Family.V4].sequence_of(datagram)
    if sequence is not None:
        tail = IDENT.to_bytes(2) + sequence.to_bytes(2) + TOKEN
        assert datagram[9:10] == b"\x01"
        assert datagram.endswith(tail)
        reply = datagram[-len(tail) - 4 :]
        assert reply[:2] == REPLY[Family.V4]
        assert checksum(reply) == 0


@fixed(3)
@given(MESSAGES | st.binary(max_size=100))
def test_nothing_but_a_reply_by_ipv6_is_one(datagram: bytes) -> None:
    sequence = TEMPLATES[Family.V6].sequence_of(datagram)
    if sequence is not None:
        tail = IDENT.to_bytes(2) + sequence.to_bytes(2) + TOKEN
        assert datagram == REPLY[Family.V6] + datagram[2:4] + tail


@fixed(3)
@given(DATAGRAMS | st.binary(max_size=100))
def test_a_refusal_quotes_a_request_of_ours(datagram: bytes) -> None:
    if TEMPLATES[Family.V4].refused(datagram):
        assert b"\x08\0" in datagram
        assert IDENT.to_bytes(2) in datagram
    assert not TEMPLATES[Family.V6].refused(datagram)


# what the engine does with replies

TARGETS = ("198.51.100.1", "198.51.100.2")
PROBE = ProbeSettings(targets=TARGETS, reliability=2, interval_s=1.0)
STEPS = st.lists(
    st.tuples(st.sampled_from(TARGETS), st.integers(0, 3), st.integers(1, 4)), max_size=30
)
"""Of each round: who answers, how many rounds late, how often."""


def health(steps: Sequence[tuple[str, int, int]], stray: int | None = None) -> list[Health]:
    """Play rounds of probes and replies; return the link's health after each."""
    track = Track(Settings(probe=PROBE), link("cable"), State.UP, 0.0, new=False)
    seen = []
    for now_s, (target, late, times) in enumerate(steps):
        sequence = track.send(float(now_s), 1.0) or 0
        if stray is not None:
            track.replied((sequence + stray) % 65536, target, now_s + 0.01)
        for other in [target] * times:
            track.replied((sequence - late) % 65536, other, now_s + 0.02)
        track.expire(now_s + 0.9)
        seen.append(track.health)
    return seen


@fixed(3)
@given(STEPS)
def test_a_reply_that_is_played_again_and_again_counts_once(
    steps: list[tuple[str, int, int]],
) -> None:
    assert health(steps) == health([(target, late, 1) for target, late, _ in steps])


@fixed(3)
@given(STEPS, st.integers(1, 60000))
def test_a_reply_to_what_was_never_sent_counts_for_nothing(
    steps: list[tuple[str, int, int]], stray: int
) -> None:
    assert health(steps, stray) == health(steps)
