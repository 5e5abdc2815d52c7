"""Checks by TCP, DNS and HTTP: every verdict, with real servers behind a real link, and liars."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from netswap.adapters.nft.guard import Guard
from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.probe.dns import PORT
from netswap.adapters.probe.http import BODY_LIMIT, HEAD_LIMIT
from netswap.adapters.probe.icmp import ProbeFailure
from netswap.adapters.probe.methods import METHODS
from netswap.adapters.probe.way import Verdict, Way
from netswap.core.settings import CheckSettings
from tests.contract.test_prober import neighbour, sh

PEER = "10.1.0.1"
WAY = Way("cable0", PROBE_MARK, (PEER,))
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def link() -> Iterator[None]:
    """A link `cable0` to another namespace, whose loop the servers run in."""
    sh("ip netns add peer")
    neighbour()
    yield
    sh("ip netns del peer")


class Peer:
    """Runs servers in the other namespace, in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with open("/run/netns/peer") as namespace:
            assert ctypes.CDLL(None).setns(namespace.fileno(), 0) == 0
        self._loop.run_forever()

    def tcp(self, handler: Handler, port: int = 80, at: str = PEER) -> None:
        """Serve connections."""

        async def serve() -> None:
            await asyncio.start_server(handler, at, port)

        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(5)

    def dns(self, *answers: Callable[[bytes], bytes], at: str = PEER, after_s: float = 0.0) -> None:
        """Answer each query with all these, in this order."""
        later = self._loop.call_later

        class Server(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
                for answer in answers:
                    later(after_s, self.transport.sendto, answer(data), addr)  # type: ignore[attr-defined]

        async def serve() -> None:
            await self._loop.create_datagram_endpoint(Server, local_addr=(at, PORT))

        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(5)


def check(
    method: str, target: str, timeout_s: float = 5.0, way: Way = WAY, **more: object
) -> Verdict:
    settings = CheckSettings(method, target, timeout_s=timeout_s, **more)  # type: ignore[arg-type]
    return asyncio.run(METHODS[method](settings, way))


def says(*parts: bytes, hang: bool = False) -> Handler:
    """Send these parts to whoever asks, then hang up, or never."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
            while hang and await reader.read(100):
                pass
        writer.close()

    return handler


def without_end(head: bytes, part: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(head)
            while True:
                writer.write(part)
                await writer.drain()

    return handler


def mute(*_: object) -> Awaitable[None]:
    return asyncio.Event().wait()  # type: ignore[return-value]


def page(response: bytes, *, hang: bool = False, **more: object) -> Verdict:
    Peer().tcp(says(response, hang=hang))
    return check("http", f"http://{PEER}/x", **more)  # type: ignore[arg-type]


# TCP


def test_a_connection_is_a_success_and_so_is_a_refusal() -> None:
    Peer().tcp(says(), 443)
    assert check("tcp", f"{PEER}:443") == Verdict(True)
    assert check("tcp", f"{PEER}:444").ok


def test_tcp_that_is_dropped_is_a_failure() -> None:
    sh("ip netns exec peer nft add table ip t")
    sh(
        "ip netns exec peer nft add chain ip t i {type\tfilter\thook\tinput\tpriority\t0;}".replace(
            "\\t", "\t"
        )
    )
    sh("ip netns exec peer nft add rule ip t i tcp dport 443 drop")
    assert check("tcp", f"{PEER}:443", 0.3) == Verdict(
        False, f"no answer from {PEER}:443 within 0.3 s"
    )


# DNS


def answered(query: bytes) -> bytes:
    header = query[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    return header + query[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + bytes([10, 1, 0, 1])


def nothing_such(query: bytes) -> bytes:
    return query[:2] + struct.pack("!5H", 0x8183, 1, 0, 0, 0) + query[12:]


LIES = {
    "truncated": lambda query: answered(query)[:15],
    "wrong id": lambda query: bytes([query[0] ^ 1]) + answered(query)[1:],
    "another question": lambda query: answered(query).replace(b"host", b"lost"),
    "not an answer": lambda query: query,
    "garbage": lambda query: b"\xff" * 500,
    "nothing": lambda query: b"",
}


def test_a_name_that_has_an_address_is_a_success() -> None:
    Peer().dns(answered)
    assert check("dns", "host.example") == Verdict(True)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_what_is_no_answer_is_passed_over(lie: Callable[[bytes], bytes]) -> None:
    Peer().dns(lie, answered)
    assert check("dns", "host.example") == Verdict(True)


def test_lies_alone_are_no_answer() -> None:
    Peer().dns(*LIES.values())
    assert check("dns", "host.example", 0.3) == Verdict(
        False, f"no answer from {PEER} within 0.3 s"
    )


def test_a_name_that_is_not_known_is_a_failure() -> None:
    Peer().dns(nothing_such)
    assert check("dns", "host.example") == Verdict(
        False, f"{PEER} answered for host.example: no such name"
    )


def test_a_lookup_that_this_computer_ends_is_no_verdict() -> None:
    async def ended() -> Verdict:
        asked = asyncio.create_task(
            METHODS["dns"](CheckSettings("dns", "host.example", timeout_s=5), WAY)
        )
        await asyncio.sleep(0.2)
        sh("ss --kill --udp --all")
        return await asked

    with pytest.raises(ProbeFailure, match="this machine ended the connection"):
        asyncio.run(ended())


def cut(query: bytes) -> bytes:
    """Answer that there is more than fits a datagram."""
    return query[:2] + struct.pack("!5H", 0x8380, 1, 0, 0, 0) + query[12:]


def by_tcp(answer: Callable[[bytes], bytes]) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        writer.write(len(answer(query)).to_bytes(2, "big"))
        for byte in answer(query):
            writer.write(bytes([byte]))
            await writer.drain()
        writer.close()

    return handler


async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the other side hangs up."""
    await reader.read()
    writer.close()


def test_what_does_not_fit_a_datagram_is_asked_for_by_tcp() -> None:
    peer = Peer()
    peer.dns(cut)
    peer.tcp(by_tcp(answered), PORT)
    assert check("dns", "host.example") == Verdict(True)


@pytest.mark.parametrize(
    "handler", [None, patient, by_tcp(cut), by_tcp(lambda _: b""), by_tcp(lambda _: b"\xff" * 500)]
)
def test_a_part_alone_is_a_failure(handler: Handler | None) -> None:
    peer = Peer()
    peer.dns(cut)
    if handler:
        peer.tcp(handler, PORT)
    assert check("dns", "host.example") == Verdict(
        False, f"{PEER} answered for host.example: a part without an IPv4 address"
    )


@pytest.mark.parametrize("timeout_s", [1.0, 2.0, 5.0])
def test_who_never_answers_by_tcp_leaves_time_for_the_others(timeout_s: float) -> None:
    sh("ip -n peer address add 10.1.0.3/24 dev eth0")
    peer = Peer()
    peer.dns(cut, at="10.1.0.3")
    peer.tcp(patient, PORT, at="10.1.0.3")
    peer.dns(answered, after_s=0.05)
    way = Way("cable0", PROBE_MARK, ("10.1.0.3", PEER))
    assert check("dns", "host.example", timeout_s, way) == Verdict(True)


def test_one_good_server_is_enough() -> None:
    Peer().dns(answered)
    way = Way("cable0", PROBE_MARK, ("10.1.0.77", PEER))
    assert check("dns", "host.example", way=way) == Verdict(True)


# HTTP


@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content", b"299"])
def test_a_page_is_a_success(status: bytes) -> None:
    assert page(b"HTTP/1.1 " + status + b"\r\n\r\n") == Verdict(True)


@pytest.mark.parametrize("host", ["host.example", "host.example."])
def test_the_host_is_looked_up_over_the_link(host: str) -> None:
    peer = Peer()
    peer.dns(well_formed)
    peer.tcp(says(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert check("http", f"http://{host}/", expect_status=204) == Verdict(True)


def well_formed(query: bytes) -> bytes:
    """Answer only who asks for a name of type A and class IN."""
    return answered(query) if query.endswith(b"example\0\0\1\0\1") else b""


def test_a_dead_name_server_is_named() -> None:
    assert (
        check("http", "http://host.example/", 0.3).reason == f"no answer from {PEER} within 0.3 s"
    )


def test_a_redirect_is_a_captive_portal() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\x1b\r\n\r\n"
    assert page(moved) == Verdict(False, "captive portal (redirected to http://portal.example/?)")


def test_a_redirect_may_be_what_is_expected() -> None:
    assert page(b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", expect_status=301).ok


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<success>", ""),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "answered with status 503, not 200 to 299"),
        (b"", "gave no answer"),
    ],
)
def test_what_a_server_says_before_its_answer_is_passed_over(answer: bytes, reason: str) -> None:
    verdict = page(HINTS + HINTS + answer, expect_body="success")
    assert verdict.reason.removeprefix(f"{PEER}:80 ") == reason


BAD_PAGES = {
    "another status": (b"HTTP/1.1 200 OK\r\n\r\n", "answered with status 200, not 204"),
    "an error": (b"HTTP/1.1 503 Busy\r\n\r\n", "answered with status 503, not 204"),
    "a login": (b"HTTP/1.1 511 Login\r\n\r\n", "captive portal (it wants a login: status 511)"),
    "another protocol": (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
    "a long status": (b"HTTP/1.1 2044 x\r\n\r\n", "does not speak HTTP"),
    "no end of the head": (b"HTTP/1.1 204 x\r\n", "gave no answer"),
    "nothing": (b"", "gave no answer"),
    "zeros": (bytes(1000) + b"\r\n\r\n", "does not speak HTTP"),
}


@pytest.mark.parametrize(("response", "reason"), BAD_PAGES.values(), ids=BAD_PAGES.keys())
def test_what_is_not_the_page(response: bytes, reason: str) -> None:
    verdict = page(response, expect_status=204)
    assert not verdict.ok
    assert verdict.reason.removeprefix(f"{PEER}:80 ") == reason


WITH_TEXT = {
    "as long as it says": b"Content-Length: 9\r\n\r\n<success>",
    "until the end": b"\r\n<success>",
    "in chunks": b"Transfer-Encoding: chunked\r\n\r\n4\r\n<suc\r\n5;a=b\r\ncess>\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", WITH_TEXT.values(), ids=WITH_TEXT.keys())
def test_the_text_that_must_be_there(rest: bytes) -> None:
    assert page(b"HTTP/1.1 200 OK\r\n" + rest, expect_body="success").ok


@pytest.mark.parametrize("rest", WITH_TEXT.values(), ids=WITH_TEXT.keys())
def test_the_text_that_is_not_there(rest: bytes) -> None:
    verdict = page(b"HTTP/1.1 200 OK\r\n" + rest, expect_body="failure")
    assert verdict == Verdict(False, f"{PEER}:80 sent a page without 'failure'")


FLOODS = {
    "of headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100, "answered with endless headers"),
    "of a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 1000, "sent a page without 'success'"),
    "of a chunk's size": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"z" * 1000,
        "sent a page without 'success'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("head", "part", "reason"), FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_is_read_up_to_the_limit(head: bytes, part: bytes, reason: str) -> None:
    assert len(part) < HEAD_LIMIT < BODY_LIMIT
    Peer().tcp(without_end(head, part))
    verdict = check("http", f"http://{PEER}/", 30, expect_body="success")
    assert verdict == Verdict(False, f"{PEER}:80 {reason}")


def test_a_page_that_never_ends_is_no_answer() -> None:
    verdict = page(b"HTTP/1.1 200 OK\r\n\r\nabc", hang=True, timeout_s=0.5, expect_body="success")
    assert verdict == Verdict(False, f"no answer from {PEER}:80 within 0.5 s")


def test_a_refusal_is_a_failure() -> None:
    assert check("http", f"http://{PEER}/") == Verdict(False, f"{PEER}:80 refused the connection")


# all


EACH = {"tcp": f"{PEER}:80", "dns": "host.example", "http": f"http://{PEER}/"}


@pytest.mark.parametrize(("method", "target"), EACH.items())
def test_the_guard_lets_them_pass(method: str, target: str) -> None:
    peer = Peer()
    peer.dns(answered)
    peer.tcp(says(b"HTTP/1.1 200 OK\r\n\r\n"))
    with Guard() as guard:
        guard.block("cable0")
        assert check(method, target) == Verdict(True)


@pytest.mark.parametrize(("method", "target"), EACH.items())
def test_what_cannot_be_sent_is_no_verdict(method: str, target: str) -> None:
    with pytest.raises(ProbeFailure, match="no such device"):
        check(method, target, way=Way("absent0", PROBE_MARK, (PEER,)))
    sh("ip address flush dev cable0", "ip link set cable0 down")
    with pytest.raises(ProbeFailure):
        check(method, target)


def test_without_name_servers_nothing_is_looked_up() -> None:
    for method, target in (("dns", "host.example"), ("http", "http://host.example/")):
        with pytest.raises(ProbeFailure, match="no name server"):
            check(method, target, way=Way("cable0", PROBE_MARK))


@pytest.mark.parametrize("here", ["127.0.0.1", "127.0.0.53"])
def test_a_name_server_on_this_computer_is_not_one_of_the_link(here: str) -> None:
    Peer().dns(answered)
    with pytest.raises(ProbeFailure, match="no name server"):
        check("dns", "host.example", 0.3, way=Way("cable0", PROBE_MARK, (here,)))
    way = Way("cable0", PROBE_MARK, (here, PEER))
    assert check("dns", "host.example", way=way) == Verdict(True)
