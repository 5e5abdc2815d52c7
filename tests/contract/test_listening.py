"""A link that sends and no longer receives, by the counters of a real device."""

from __future__ import annotations

import asyncio
import socket

import pytest

from netswap.core.events import Doubted
from netswap.daemon.listening import BUSY, LOOK_S, QUIET, SENT, Listening
from tests.contract.test_prober import sh

HERE, THERE = "10.1.0.2", "10.1.0.1"


@pytest.fixture(autouse=True)
def _link() -> None:
    """Make a device, and a neighbour that never says a word."""
    sh(
        "ip link add cable0 type veth peer name far0",
        "sysctl -qw net.ipv6.conf.cable0.disable_ipv6=1 net.ipv6.conf.far0.disable_ipv6=1",
        "ip link set far0 up",
        "ip link set cable0 up",
        f"ip address add {HERE}/24 dev cable0",
        f"ip neigh add {THERE} lladdr 02:00:00:00:00:01 dev cable0",
    )


def send(count: int, *, back: bool = False) -> None:
    """Send datagrams over the link; with `back`, have something come in, too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(count):
            udp.sendto(b"x", (THERE, 9))
    if back:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as far:
            far.bind(("far0", 0))
            far.send(bytes(60))


async def become_busy(listening: Listening) -> None:
    """Have a link send a lot between two replies to probes."""
    listening.replied("cable", "cable0")
    send(BUSY)
    await asyncio.sleep(LOOK_S)
    listening.replied("cable", "cable0")


def told(*sent: tuple[int, bool]) -> int:
    """Have a link found busy, then send before each look; return how often it was doubted."""
    doubts: list[Doubted] = []

    async def work() -> None:
        listening = Listening(doubts.append)
        await become_busy(listening)
        for count, back in sent:
            send(count, back=back)
            await asyncio.sleep(LOOK_S * 1.1)
        listening.keep(())

    asyncio.run(work())
    return len(doubts)


def test_what_is_sent_and_not_answered_is_told_at_every_look() -> None:
    assert told((SENT, False), (SENT, False)) == 2


def test_an_answer_is_enough() -> None:
    assert told((SENT, True), (SENT, True)) == 0


def test_little_traffic_tells_nothing() -> None:
    assert told((SENT - 1, False), (1, False)) == 0


def test_who_falls_silent_is_not_looked_at_any_more() -> None:
    assert told(*[(0, False)] * QUIET, (SENT, False)) == 0


def test_a_link_at_rest_is_not_looked_at() -> None:
    doubts: list[Doubted] = []

    async def work() -> None:
        listening = Listening(doubts.append)
        for _ in range(3):
            listening.replied("cable", "cable0")
            send(BUSY - 1)
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(LOOK_S * 2)

    asyncio.run(work())
    assert not doubts


def test_a_device_that_is_gone_is_no_evidence() -> None:
    async def work() -> None:
        listening = Listening(doubts.append)
        await become_busy(listening)
        sh("ip link delete cable0")
        await asyncio.sleep(LOOK_S * 2)
        listening.replied("cable", "cable0")

    doubts: list[Doubted] = []
    asyncio.run(work())
    assert not doubts
