"""Ten thousand echo replies a second that nobody asked for: the prober hears its own only.

How much of a processor that costs is measured by `make bench-flood`.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.probe.icmp import IcmpProber
from netswap.adapters.probe.packet import Family
from tests.contract.test_prober import NEAR, NEAR6, Heard, both_versions, neighbour, run, sh
from tests.lab.commands import wait_until

HERE = {NEAR: "10.1.0.2", NEAR6: "2001:db8:1::2"}
PROBES, EVERY_S = 100, 0.02


@contextmanager
def flood(near: str, *how: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have the other namespace send us replies, or what `how` says, as long as this lasts."""
    inside = ["nsenter", "--net=/run/netns/peer", sys.executable, "-m", "tests.lab.stranger"]
    sender = subprocess.Popen([*inside, HERE[near], *how])
    try:
        yield sender
    finally:
        assert sender.poll() is None, "the stranger sent all the time"
        sender.kill()
        sender.wait()


def came_in(near: str) -> int:
    """Return how many ICMP messages came in, by the kernel's own count."""
    counter = "Icmp6InMsgs" if ":" in near else "IcmpInMsgs"
    command = ["nstat", "-asz", counter]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-2])


def wait_for_more(near: str, count: int) -> None:
    before = came_in(near)
    wait_until(lambda: came_in(near) > before + count, 5, f"{count} more have come in")


async def prober_at(near: str, heard: Heard, refused: asyncio.Event) -> IcmpProber:
    """Return a prober that has had an answer from there."""
    sh("ip netns add peer")
    neighbour()
    prober = IcmpProber("cable0", heard, mark=PROBE_MARK, on_refusal=refused.set)
    prober.send(near, 0)
    await heard.wait(1)
    return prober


@both_versions
def test_every_probe_is_answered_and_no_stranger_is_believed(near: str) -> None:
    async def test() -> None:
        prober = await prober_at(near, heard := Heard(), refused := asyncio.Event())
        with flood(near):
            wait_for_more(near, 1000)
            for sequence in range(1, PROBES):
                prober.send(near, sequence)
                await asyncio.sleep(EVERY_S)
            assert await heard.wait(PROBES) == [(near, sequence) for sequence in range(PROBES)]
        assert not refused.is_set()
        prober.close()

    run(test)


@both_versions
@pytest.mark.parametrize("how", ["--replies", "--errors"])
def test_what_has_another_identifier_stays_in_the_kernel(near: str, how: str) -> None:
    async def test() -> None:
        prober = await prober_at(near, Heard(), asyncio.Event())
        raw = prober._sockets[Family(6 if ":" in near else 4)].raw
        asyncio.get_running_loop().remove_reader(raw)
        with flood(near, how, f"--ident={prober.ident ^ 1}"):
            wait_for_more(near, 1000)
            with pytest.raises(BlockingIOError):
                raw.recv(65535)
        prober.close()

    run(test)


@pytest.mark.parametrize("options", [(), ("--options",)])
def test_an_error_about_a_probe_of_ours_is_heard(options: tuple[str, ...]) -> None:
    """It may have options in its IP header, and so may the request that it quotes."""

    async def test() -> None:
        prober = await prober_at(NEAR, Heard(), refused := asyncio.Event())
        with flood(NEAR, "--errors", f"--ident={prober.ident}", "--slowly", *options):
            await asyncio.wait_for(refused.wait(), 10)
        prober.close()

    run(test)


def test_a_socket_without_the_filter_hears_the_flood() -> None:
    sh("ip netns add peer")
    neighbour()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(20)
        with flood(NEAR, "--replies"):
            assert raw.recv(2000)[20] == 0
