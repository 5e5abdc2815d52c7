"""Probers: what every one promises, and what the real one does with the kernel and with liars."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable

import pytest

from netswap.adapters.nft.guard import Guard
from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.probe.icmp import IcmpProber, ProbeFailure, Prober, Reply
from netswap.adapters.probe.packet import EchoTemplate, Family
from tests.contract.fakes import FakeProber
from tests.lab.commands import wait_until


class Heard:
    """The replies of one prober, to be waited for."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self._came = asyncio.Event()

    def __call__(self, reply: Reply) -> None:
        self.replies.append(reply)
        self._came.set()

    async def wait(self, count: int) -> list[tuple[str, int]]:
        async with asyncio.timeout(10):
            while len(self.replies) < count:
                self._came.clear()
                await self._came.wait()
        return [(reply.target, reply.sequence) for reply in self.replies]


def fake(heard: Heard) -> Prober:
    prober = FakeProber(heard)
    prober.answering = {"127.0.0.1", "127.0.0.9", "::1", "0:0::1"}
    return prober


def real(heard: Heard, ifname: str = "lo") -> Prober:
    return IcmpProber(ifname, heard, mark=PROBE_MARK)


both = pytest.mark.parametrize("make", [fake, real])
Make = Callable[[Heard], Prober]


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def body() -> None:
        await test()

    asyncio.run(body())


@both
def test_a_reply_tells_who_which_and_when(make: Make) -> None:
    async def test() -> None:
        prober = make(heard := Heard())
        for sequence, target in enumerate(("127.0.0.1", "::1", "127.0.0.9", "0:0::1")):
            before_s = time.monotonic()
            prober.send(target, sequence)
            assert (await heard.wait(sequence + 1))[-1] == (target, sequence)
            assert before_s <= heard.replies[-1].received_s <= time.monotonic()
        prober.close()

    run(test)


@both
def test_sequences_have_16_bits(make: Make) -> None:
    async def test() -> None:
        prober = make(heard := Heard())
        for sequence in (0, 0x7FFF, 0xFFFF):
            prober.send("127.0.0.1", sequence)
        assert {sequence for _, sequence in await heard.wait(3)} == {0, 0x7FFF, 0xFFFF}
        for sequence in (-1, 0x10000):
            with pytest.raises(ValueError, match="16 bits"):
                prober.send("127.0.0.1", sequence)
        prober.close()

    run(test)


@both
def test_it_closes_twice(make: Make) -> None:
    async def test() -> None:
        prober = make(Heard())
        prober.send("127.0.0.1", 1)
        prober.close()
        prober.close()

    run(test)


# The rest is about the real one.


def sh(*commands: str) -> None:
    for command in commands:
        subprocess.run(command.split(), check=True)


NEAR, NEAR6 = "10.1.0.1", "2001:db8:1::1"
FAR, FAR6 = "198.51.100.1", "2001:db8:ffff::1"
both_versions = pytest.mark.parametrize("near", [NEAR, NEAR6])


def neighbour() -> None:
    """A link `cable0` to another namespace that answers as 10.1.0.1, 2001:db8:1::1 and fe80::1."""
    sh(
        "ip link add cable0 type veth peer name eth0 netns peer",
        "sysctl -qw net.ipv6.conf.cable0.accept_dad=0",
        "ip link set cable0 up",
        "ip address add 10.1.0.2/24 dev cable0",
        "ip address add 2001:db8:1::2/64 dev cable0",
        "ip -n peer link set eth0 up",
        "ip -n peer address add 10.1.0.1/24 dev eth0",
        "ip -n peer address add 2001:db8:1::1/64 dev eth0 nodad",
        "ip -n peer address add fe80::1/64 dev eth0 nodad",
    )


def other_link() -> None:
    """A link that nobody answers on, and that all routes prefer."""
    sh(
        "ip link add other0 type veth peer name far0",
        "ip link set other0 up",
        "ip link set far0 up",
        "ip address add 10.2.0.2/24 dev other0",
        "ip address add 2001:db8:2::2/64 dev other0 nodad",
        "ip route add default dev other0 metric 1",
        "ip -6 route add default dev other0 metric 1",
    )


def reason(prober: Prober, target: str) -> str:
    with pytest.raises(ProbeFailure) as failure:
        prober.send(target, 1)
    return failure.value.reason


def leaves(prober: Prober, target: str) -> bool:
    try:
        prober.send(target, 1)
    except ProbeFailure:
        return False
    return True


def test_probers_do_not_hear_each_other() -> None:
    async def test() -> None:
        one, other = real(ears := Heard()), real(other_ears := Heard())
        one.send("127.0.0.1", 1)
        other.send("127.0.0.1", 2)
        assert await ears.wait(1) == [("127.0.0.1", 1)]
        assert await other_ears.wait(1) == [("127.0.0.1", 2)]
        one.close()
        other.close()

    run(test)


def test_a_burst_is_heard_in_full() -> None:
    async def test() -> None:
        prober = real(heard := Heard())
        for sequence in range(150):  # more than is read at once
            prober.send("127.0.0.1", sequence)
        assert await heard.wait(150) == [("127.0.0.1", n) for n in range(150)]
        prober.close()

    run(test)


def test_only_the_target_itself_can_answer() -> None:
    async def test() -> None:
        sh("sysctl -qw net.ipv4.icmp_echo_ignore_all=1")
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as liar:
            prober = real(heard := Heard())
            prober.send("127.0.0.1", 1)
            request = liar.recv(2000)[20:]
            ident, token = int.from_bytes(request[4:6]), request[8:]
            # An echo reply differs from the request by 0x0800 in its first word (RFC 1624).
            asked = EchoTemplate(ident, token).request(2)
            checksum = int.from_bytes(asked[2:4]) + 0x0800
            checksum = (checksum & 0xFFFF) + (checksum >> 16)
            forged = b"\0\0" + checksum.to_bytes(2) + asked[4:]

            for source in ("127.0.0.66", "127.0.0.1"):
                with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
                    sender.bind((source, 0))
                    sender.sendto(forged[:-1] + b"\0", ("127.0.0.1", 0))
                    sender.sendto(forged, ("127.0.0.1", 0))
            assert await heard.wait(1) == [("127.0.0.1", 2)]
            prober.close()

    run(test)


def test_only_the_target_itself_can_answer_by_ipv6() -> None:
    async def test() -> None:
        sh(
            "sysctl -qw net.ipv6.icmp.echo_ignore_all=1",
            "ip address add 2001:db8::66/128 dev lo nodad",
        )
        icmp6 = (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        with socket.socket(*icmp6) as liar:
            prober = real(heard := Heard())
            prober.send("::1", 1)
            request = liar.recv(2000)
            ident, token = int.from_bytes(request[4:6]), request[8:]
            asked = EchoTemplate(ident, token, Family.V6).request(2)
            forged = b"\x81" + asked[1:]  # the kernel sees to the checksum

            for source in ("2001:db8::66", "::1"):
                with socket.socket(*icmp6) as sender:
                    sender.bind((source, 0))
                    sender.sendto(forged[:-1] + b"\0", ("::1", 0))
                    sender.sendto(forged, ("::1", 0))
            assert await heard.wait(1) == [("::1", 2)]
            prober.close()

    run(test)


@both_versions
def test_a_device_that_comes_back_under_its_name_is_used(near: str) -> None:
    async def test() -> None:
        sh("ip netns add peer")
        prober = real(heard := Heard(), "cable0")
        assert reason(prober, near) == "no such device"

        for sequence in (1, 2):
            neighbour()
            prober.send(near, sequence)
            assert (await heard.wait(sequence))[-1] == (near, sequence)
            sh("ip link del cable0")
            assert reason(prober, near) == "no such device"
        prober.close()

    run(test)


@pytest.mark.parametrize("far", [FAR, FAR6])
def test_it_goes_by_its_device_whatever_the_routes_say(far: str) -> None:
    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        other_link()
        sh(
            "ip route add default via 10.1.0.1 metric 200",
            "ip -6 route add default via fe80::1 dev cable0 metric 200",
            "ip -n peer address add 198.51.100.1/32 dev lo",
            "ip -n peer address add 2001:db8:ffff::1/128 dev lo nodad",
            "ip -n peer link set lo up",
        )
        prober = real(heard := Heard(), "cable0")
        prober.send(far, 5)
        assert await heard.wait(1) == [(far, 5)]
        prober.close()

    run(test)


def test_the_zone_of_a_router_is_the_link_itself() -> None:
    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        prober = real(heard := Heard(), "cable0")
        for sequence, router in enumerate(("fe80::1", "fe80::1%cable0", "fe80::1%lo"), 1):
            prober.send(router, sequence)
            assert (await heard.wait(sequence))[-1] == (router, sequence)
        prober.close()

    run(test)


def test_another_links_address_is_no_source() -> None:
    """The answer would go there, and its absence would be no loss of this link."""

    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        other_link()
        prober = real(heard := Heard(), "cable0")
        sh("ip address change 2001:db8:1::2/64 dev cable0 preferred_lft 0")
        assert reason(prober, NEAR6) == "the link has no usable IPv6 address"
        sh("ip address del 2001:db8:1::2/64 dev cable0")
        assert reason(prober, NEAR6) == "the link has no usable IPv6 address"
        sh(
            "sysctl -qw net.ipv6.conf.cable0.accept_dad=1",
            "ip address add 2001:db8:1::2/64 dev cable0",
        )
        assert reason(prober, NEAR6) == "the link has no usable IPv6 address"
        wait_until(lambda: leaves(prober, NEAR6), 10, "its address is usable")
        assert await heard.wait(1) == [(NEAR6, 1)]
        prober.close()

    run(test)


def test_local_errors_are_told_in_words() -> None:
    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        prober = real(Heard(), "cable0")
        assert reason(prober, FAR6) == "no route by this link"
        sh("ip link set cable0 down")
        assert reason(prober, NEAR) in {"the link is down", "no route by this link"}
        assert reason(prober, NEAR6) == "the link has no usable IPv6 address"
        prober.close()

    run(test)


def test_without_a_route_by_ipv4_the_target_is_taken_for_a_neighbour() -> None:
    """There is no local error, so a link without a default route must be known by that."""

    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        prober = real(Heard(), "cable0")
        prober.send(FAR, 1)
        prober.close()

    run(test)
    assert subprocess.check_output(["ip", "neighbour", "show", FAR, "dev", "cable0"])


@both_versions
def test_the_guard_lets_marked_probes_pass_and_blocks_others(near: str) -> None:
    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        with Guard() as guard:
            guard.block("cable0")
            prober = real(heard := Heard(), "cable0")
            prober.send(near, 1)
            assert await heard.wait(1) == [(near, 1)]
            stranger = IcmpProber("cable0", heard, mark=PROBE_MARK + 1)
            assert reason(stranger, near) == "blocked by a local firewall"
            prober.close()
            stranger.close()

    run(test)


def test_a_router_that_cannot_deliver_is_heard() -> None:
    async def test() -> None:
        sh("ip netns add peer")
        neighbour()
        sh("ip route add 198.51.100.0/24 via 10.1.0.1 dev cable0")
        sh("ip netns exec peer sysctl -q net.ipv4.ip_forward=1")
        refused = asyncio.Event()
        prober = IcmpProber("cable0", Heard(), mark=PROBE_MARK, on_refusal=refused.set)
        prober.send("198.51.100.1", 1)
        await asyncio.wait_for(refused.wait(), 10)
        prober.close()

    run(test)
