"""DNS messages: ours, the servers', and whatever else may come."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.probe.message import Answer, answer, query
from tests.unit.worlds import FIXED

NAME = "host.example"
QUESTION = b"\x04host\x07example\0\0\1\0\1"


def reply(records: bytes = b"", count: int = 1, flags: int = 0x8180, ident: int = 7) -> bytes:
    return struct.pack("!6H", ident, flags, 1, count, 0, 0) + QUESTION + records


def record(data: bytes, kind: int = 1, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


A = record(bytes([192, 0, 2, 7]))
ALIAS = record(b"\x01x\xc0\x11", kind=5)


def test_a_query_is_as_the_standard_says() -> None:
    assert query(7, NAME) == b"\0\7\1\0\0\1\0\0\0\0\0\0" + QUESTION


def test_an_address_is_found_behind_an_alias() -> None:
    assert answer(reply(ALIAS + A, 2), 7, NAME) == Answer(("192.0.2.7",))


def test_a_name_in_other_letters_is_the_same() -> None:
    assert answer(reply(A).replace(b"host", b"HOST"), 7, NAME) == Answer(("192.0.2.7",))


def test_what_is_no_answer_to_the_question_is_nothing() -> None:
    assert answer(reply(A, ident=8), 7, NAME) is None
    assert answer(reply(A, flags=0x0180), 7, NAME) is None
    assert answer(reply(A), 7, "other.example") is None
    assert answer(reply(A)[:20], 7, NAME) is None


def test_what_is_said_instead_of_an_address() -> None:
    assert answer(reply(flags=0x8183, count=0), 7, NAME) == Answer((), "no such name")
    assert answer(reply(flags=0x8182, count=0), 7, NAME) == Answer((), "a failure of its own")
    assert answer(reply(flags=0x818F, count=0), 7, NAME) == Answer((), "error 15")
    assert answer(reply(ALIAS), 7, NAME) == Answer((), "no IPv4 address")
    a_part = Answer((), "a part without an IPv4 address", cut=True)
    assert answer(reply(ALIAS, flags=0x8380), 7, NAME) == a_part


def test_a_record_that_is_cut_off_counts_for_nothing() -> None:
    for length in range(1, len(A)):
        assert answer(reply(A + A[:length], 9), 7, NAME) == Answer(("192.0.2.7",))


@FIXED
@given(st.binary(max_size=80), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_whatever_comes_it_is_read(records: bytes, count: int, flags: int) -> None:
    answer(reply(records, count, flags), 7, NAME)
    answer(records, 7, NAME)
