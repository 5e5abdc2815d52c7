"""What a swap does to connections: those over the link that was left end at once, no others do."""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.idle import KINDS, IdleConnections
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.spec import DUAL, TARGETS, TWO_HOMES, LabSpec, far
from tests.lab.witness import HeldConnection, NewConnections

ALLOWED = NAMED.replace(" }\n", f' }}\nallow = ["{TARGETS[1]}"]\n')
"""One of the targets stays reachable over a link that stands by."""

EACH = 5
EVERYONE = {(kind, "ECONNABORTED"): EACH for kind in KINDS}


def start(lab: Lab, config: str = QUICK) -> None:
    """Start netswapd, wait until all is at rest, IPv6 too."""
    wait_until(lambda: all(link.ready() for link in lab.links.values()), 10, "IPv6")
    lab.netswapd(config).wait_for("interface tether0", 5)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    wait_until(lambda: lab.link("tether0").metric() == 200, 5, "the tether stands by")


@pytest.mark.lab(DUAL)
def test_every_connection_over_the_link_that_was_left_is_told(
    lab: Lab, cable: Link, tether: Link
) -> None:
    start(lab)
    for act, left, taken in ((cable.cut, cable, tether), (cable.heal, tether, cable)):
        wait_until(left.leads6, 10, "IPv6 goes by the link")
        with IdleConnections(EACH) as connections:
            act()
            wait_until(lambda: lab.guarded() == {left.name}, 10, "the swap")  # noqa: B023
            wait_until(lambda: connections.left == 0, 5, "all are told")
            assert Counter((told.kind, told.error) for told in connections.told) == EVERYONE
        assert lab.active() == taken.name


@pytest.mark.lab(far(LabSpec(), rtt_ms=60))
def test_a_swap_back_lets_connects_succeed_that_are_under_way(lab: Lab) -> None:
    """There are twelve at any time: answers take 60 ms, and one is begun every 5 ms."""
    lab.netswapd(QUICK)
    wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")
    lab.link("cable0").cut()
    wait_until(lambda: lab.guarded() == {"cable0"}, 10, "failover")
    with NewConnections(interval_s=0.005, patience_s=0.9) as users:
        wait_until(users.successes, 5, "users are online")
        lab.link("cable0").heal()
        wait_until(lambda: lab.guarded() == {"tether0"}, 10, "swap back")
        swapped = time.monotonic()
        wait_until(lambda: users.successes(since=swapped + 0.5), 5, "users are online again")
        assert [(one.start - swapped, one.error) for one in users.failures()] == []


@pytest.mark.lab(DUAL)
@pytest.mark.parametrize("config", [QUICK, NAMED], ids=["picked", "named"])
def test_every_connection_over_a_device_that_is_unplugged_is_told(
    lab: Lab, cable: Link, config: str
) -> None:
    start(lab, config)
    wait_until(cable.leads6, 10, "IPv6 goes by the cable")
    with IdleConnections(EACH) as connections:
        lab.sh("ip", "link", "delete", "cable0")
        wait_until(lambda: connections.left == 0, 5, "all are told")
        assert Counter((told.kind, told.error) for told in connections.told) == EVERYONE
    with HeldConnection() as newer:
        assert holds(newer.answers, for_s=1)


@pytest.mark.lab(TWO_HOMES)
def test_of_links_with_one_address_only_what_is_bound_to_the_one_that_was_left_is_ended(
    lab: Lab, cable: Link, tether: Link
) -> None:
    """Nothing tells by which of them another one goes. It is told by the server, when it sends."""
    assert cable.address() == tether.address()
    start(lab, ALLOWED)
    with HeldConnection(TARGETS[1], over=tether) as stays:
        with HeldConnection(over=cable) as bound, HeldConnection() as idle:
            cable.cut()
            wait_until(lambda: bound.ended, 5, "what is bound to the dead link ends")
            with HeldConnection() as newer:
                assert holds(lambda: newer.answers() and stays.answers(), for_s=1)
            assert not idle.ended
            idle.send()
            wait_until(lambda: idle.ended, 5, "the server resets what it does not know")
        cable.heal()
        wait_until(lambda: lab.guarded() == {"tether0"}, 10, "the swap back")
        assert stays.answers()


@pytest.mark.lab(TWO_HOMES)
def test_a_link_that_is_unplugged_takes_no_connection_of_another_with_its_address(
    lab: Lab, cable: Link
) -> None:
    start(lab)
    with HeldConnection(over=cable) as bound, HeldConnection() as idle:
        lab.sh("ip", "link", "delete", "cable0")
        wait_until(lambda: bound.ended, 5, "what was bound to it ends")
        with HeldConnection() as newer:
            assert holds(newer.answers, for_s=1)
        assert not idle.ended


@pytest.fixture
def elsewhere(lab: Lab) -> Iterator[list[socket.socket]]:
    """Connections over no link: within the machine, by loopback and by a link's address, a VPN's.

    That over a tunnel is a handshake that nobody answers, and a connected UDP socket.
    """
    lab.sh("ip", "tuntap", "add", "tun0", "mode", "tun")
    lab.sh("ip", "address", "add", "10.8.0.2/24", "dev", "tun0")
    lab.sh("ip", "link", "set", "tun0", "up")
    with ExitStack() as stack:
        made = []
        for here in ("127.0.0.1", lab.link("cable0").address() or ""):
            server = stack.enter_context(socket.create_server((here, 0)))
            client = stack.enter_context(socket.create_connection(server.getsockname()))
            made += [client, stack.enter_context(server.accept()[0])]
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            tunnelled = stack.enter_context(socket.socket(socket.AF_INET, kind))
            tunnelled.setblocking(False)
            tunnelled.connect_ex(("10.8.0.1", 7))
            made.append(tunnelled)
        yield made


def ended(connections: list[socket.socket]) -> list[socket.socket]:
    """Return those that ended, orderly or not."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    found = {descriptor for descriptor, _ in poll.poll(0)}
    return [connection for connection in connections if connection.fileno() in found]


@pytest.mark.lab(DUAL)
def test_no_other_connection_is_ended(
    lab: Lab, cable: Link, tether: Link, elsewhere: list[socket.socket]
) -> None:
    start(lab, ALLOWED)
    with HeldConnection(TARGETS[1], over=tether) as stays, HeldConnection() as goes:
        cable.cut()
        wait_until(lambda: goes.ended, 5, "the connection over the dead link ends")
        assert holds(lambda: not stays.ended and not ended(elsewhere), for_s=1)
        assert stays.answers()
        with HeldConnection() as goes_too:
            cable.heal()
            wait_until(lambda: goes_too.ended, 10, "the connection over the backup ends")
            assert holds(lambda: not stays.ended and not ended(elsewhere), for_s=1)
            assert stays.answers(), "what is allowed over a link that stands by lives on"
