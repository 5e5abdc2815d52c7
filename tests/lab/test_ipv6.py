"""IPv6 beside IPv4: the preferred link may have it or not, and so may the backup.

docs/design.md has the table of the four cases. Each is played with addresses by SLAAC and by
DHCPv6.
"""

from __future__ import annotations

import time

import pytest

from tests.lab.clients import curl, happy_eyeballs, one_by_one
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS, TARGETS6, LabSpec, LinkSpec
from tests.lab.witness import Capture, NewConnections

PROBED = TARGETS[:1]
BY_IPV4 = [(6, "ConnectionRefusedError"), (4, None)]
"""IPv6 was tried, and answered with a refusal; then IPv4 worked."""


def links(*, cable: bool, tether: bool) -> pytest.MarkDecorator:
    """Play the test twice: with addresses by SLAAC and by DHCPv6 on the links that have IPv6."""

    def spec(dhcp6: bool) -> LabSpec:
        first = LinkSpec("cable0", ipv6=cable, dhcp6=dhcp6)
        return LabSpec(links=(first, LinkSpec("tether0", True, ipv6=tether, dhcp6=dhcp6)))

    ways = [pytest.param(way, marks=pytest.mark.lab(spec(way == "DHCPv6"))) for way in PREFIX]
    return pytest.mark.parametrize("way", ways)


PREFIX = {"SLAAC": "/64", "DHCPv6": "/128"}
"""How long the prefix of an address is, by where it comes from."""


def start(lab: Lab, way: str) -> float:
    """Wait for IPv6, start netswapd, wait until all is at rest; return when the guard stood."""
    having = [link for link in lab.links.values() if link.spec.ipv6]
    for link in having:
        address = wait_until(link.address6, 10, f"IPv6 on {link.name}")
        assert address.endswith(PREFIX[way])
    lab.netswapd(QUICK)
    guarded = guard_of(lab, "tether0")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    if lab.link("tether0") in having:
        wait_for_ipv6(lab.link("tether0"), 200)
    return guarded


def wait_for_ipv6(link: Link, metric: int) -> None:
    """Wait until a link has its IPv6 default route, at this metric, and a usable address."""
    wait_until(lambda: link.metric6() == metric and link.address6(), 10, "IPv6 is back")


def fail_over(lab: Lab) -> float:
    """Cut the cable; return when the guard stood before it."""
    lab.link("cable0").cut()
    return guard_of(lab, "cable0")


def swap_back(lab: Lab) -> float:
    """Heal the cable; return when the guard stood before the tether."""
    lab.link("cable0").heal()
    return guard_of(lab, "tether0")


def guard_of(lab: Lab, standby: str) -> float:
    """Wait until the guard stands before this link and no other; return when it was seen."""
    wait_until(lambda: lab.guarded() == {standby}, 5, f"{standby} is guarded")
    return time.monotonic()


def asked() -> list[tuple[int, str | None]]:
    """Have a plain program connect; return what became of each address it tried."""
    return [(attempt.version, attempt.error) for attempt in one_by_one()]


def errors(clicks: NewConnections, since: float) -> set[str]:
    """Return how connections failed that began after a time."""
    return {a.error for a in clicks.failures(since) if a.error}


@links(cable=False, tether=True)
def test_ipv6_that_only_the_backup_has_is_refused_at_once(lab: Lab, tether: Link, way: str) -> None:
    """A client that would wait a minute for IPv6 does not have to: the refusal is an answer."""
    with Capture(tether) as wire:
        guarded = start(lab, way)
        assert asked() == BY_IPV4
        assert happy_eyeballs(delay_s=60) == 4
        assert curl(lab, delay_s=60) == TARGETS[0]
        assert wire.leaked(guarded, PROBED) == []


@links(cable=False, tether=True)
def test_ipv6_that_only_the_backup_has_comes_and_goes_with_it(
    lab: Lab, tether: Link, way: str
) -> None:
    with Capture(tether) as wire:
        start(lab, way)
        with NewConnections(TARGETS6[0]) as clicks:
            fail_over(lab)
            wait_for_ipv6(tether, 60)
            wait_until(lambda: asked() == [(6, None)], 3, "IPv6 works over the backup")
            back = swap_back(lab)
            assert asked()[-1] == (4, None)
            wait_for_ipv6(tether, 200)
            assert asked() == BY_IPV4
            assert errors(clicks, back) <= {"ENETUNREACH", "ECONNREFUSED"}
            assert not clicks.successes(back)
        assert wire.leaked(back, PROBED) == []


@links(cable=True, tether=False)
def test_ipv6_that_only_the_preferred_link_has_is_refused_while_that_is_dead(
    lab: Lab, cable: Link, way: str
) -> None:
    with NewConnections(TARGETS6[0]) as clicks, Capture(cable) as wire:
        begun = start(lab, way)
        wait_until(lambda: clicks.successes(begun), 3, "IPv6 works")
        left = fail_over(lab)
        assert asked() == BY_IPV4
        assert happy_eyeballs(delay_s=60) == 4
        assert wire.leaked(left, PROBED) == []
        back = swap_back(lab)
        assert asked() == [(6, None)]
        assert errors(clicks, left) == {"ECONNREFUSED"}
        assert holds(lambda: not clicks.failures(back), for_s=1)


@links(cable=True, tether=True)
def test_ipv6_of_both_follows_on_failover_and_swap_back(
    lab: Lab, cable: Link, tether: Link, way: str
) -> None:
    with NewConnections(TARGETS6[0]) as clicks, Capture(cable) as dead, Capture(tether) as backup:
        start(lab, way)
        left = fail_over(lab)
        wait_for_ipv6(tether, 60)
        wait_until(lambda: clicks.successes(left), 3, "IPv6 works over the backup")
        assert errors(clicks, left) == {"ECONNREFUSED"}
        assert dead.leaked(left, PROBED) == []
        assert not [p for p in backup.packets if p.source.startswith("2001:db8:1:")]

        back = swap_back(lab)
        wait_for_ipv6(tether, 200)
        assert clicks.successes(back)
        assert clicks.failures(back) == []
        assert backup.leaked(back, PROBED) == []


@links(cable=True, tether=True)
def test_ipv6_of_the_link_that_carries_traffic_is_left_alone(
    lab: Lab, cable: Link, way: str
) -> None:
    wait_until(cable.address6, 10, "IPv6")
    with NewConnections(TARGETS6[0]) as clicks:
        start(lab, way)
        lab.nmcli("connection", "up", "tether0")
        wait_for_ipv6(lab.link("tether0"), 200)
        assert clicks.successes()
        assert clicks.failures() == []
    assert cable.metric6() == 100


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0"), LinkSpec("tether0", True, ipv6=True))))
def test_ipv6_that_networkmanager_leaves_to_the_kernel_is_left_alone(
    lab: Lab, tether: Link
) -> None:
    """With `ipv6.method=ignore`; it was tried to rank it again and again, every 30 s for ever."""
    lab.nmcli("connection", "modify", "tether0", "ipv6.method", "ignore")
    lab.nmcli("connection", "up", "tether0")
    wait_until(lambda: tether.metric6() and tether.address6(), 10, "IPv6 by the kernel")
    found = tether.metric6()
    daemon = lab.netswapd(QUICK)
    wait_until(lambda: tether.metrics() == [200], 5, "the tether stands by")
    asked = "Setting the metric of tether0: "
    assert holds(lambda: sum(asked in line for line in daemon.lines) == 1, 5)
    assert tether.metric6() in (found, None)  # NetworkManager flushes it, and a router tells again


@pytest.mark.lab(LabSpec())
def test_without_ipv6_there_is_none_at_any_time(lab: Lab, cable: Link, tether: Link) -> None:
    with Capture(cable) as dead, Capture(tether) as backup:
        start(lab, "SLAAC")
        assert asked() == [(4, None)]
        fail_over(lab)
        assert asked() == [(4, None)]
        swap_back(lab)
        sent = [p for p in dead.packets + backup.packets if ":" in p.destination]
        assert sent == []
