"""What servers answer to checks: DNS messages and pages."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.probe import http, message, page
from netswap.core import target
from netswap.core.settings import CheckSettings
from tests.fuzz.test_replies import near
from tests.unit.worlds import fixed

NAME = "host.example"
QUERY = message.query(7, NAME)
RECORDS = st.lists(
    st.builds(
        lambda name, kind, length, data: name + struct.pack("!HHIH", kind, 1, 60, length) + data,
        near(b"\xc0\x0c", b"\x01x\0", b"\xff", b"\x3f"),
        st.sampled_from([1, 5, 28, 0xFFFF]),
        st.sampled_from([0, 4, 5, 16, 0xFFFF]),
        st.binary(max_size=8),
    ),
    max_size=4,
).map(b"".join)
RESPONSES = st.builds(
    lambda header, question, records: header + question + records,
    st.builds(
        lambda flags, count: struct.pack("!6H", 7, flags, 1, count, 0, 0),
        st.integers(0, 0xFFFF) | st.sampled_from([0x8180, 0x8183]),
        st.integers(0, 0xFFFF),
    ),
    near(QUERY[12:]),
    RECORDS | st.binary(max_size=60),
)


@fixed(3)
@given(RESPONSES | st.binary(max_size=100))
def test_whatever_a_name_server_says_it_is_addresses_or_a_problem(raw: bytes) -> None:
    answer = message.answer(raw, 7, NAME)
    if answer is not None:
        assert bool(answer.addresses) is not bool(answer.problem)
        assert answer.problem.isprintable()
        for address in answer.addresses:
            assert str(IPv4Address(address)) == address


URL = target.url("http://host.example/page")
CHECK = CheckSettings("http", str(URL), expect_body="yes")
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 3", b"Content-Length: -1", b"Content-Length: \xb2",
            b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b"Location:",
            b"Location: \x1b]0;x\x07", b"Location: http://portal.example/\r", b": x", b"\xff",
        ]
    )
    | st.binary(max_size=20),
    max_size=5,
).map(b"\r\n".join)  # fmt: skip
PAGES = st.builds(
    lambda status, fields, body: status + b"\r\n" + fields + b"\r\n\r\n" + body,
    near(b"HTTP/1.1 200 OK", b"HTTP/1.0 302", b"HTTP/1.1 511 x", b"HTTP/1.1 404"),
    FIELDS,
    near(b"3\r\nyes\r\n0\r\n\r\n", b"yes", b"fffffffe\r\nyes", b"0;" + b"x" * 50) | st.binary(),
)


@fixed(3)
@given(PAGES | st.binary(max_size=200))
def test_whatever_a_server_sends_it_is_a_page_or_a_problem_in_one_line(raw: bytes) -> None:
    parts = page.split(raw)
    head = page.head(parts[0]) if parts else page.head(raw)
    if head is None:
        return
    assert 100 <= head.status < 600
    problem = http._problem(head, CHECK, URL)
    assert problem.isprintable()
    assert len(problem) < 200
    text, _ = page.body(head, parts[1] if parts else raw)
    assert len(text) <= len(raw)
