"""Name servers follow the route, by each of NetworkManager's ways to have names resolved.

An ISP's name server answers its own customers only, and who.test tells whose it is.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.lab import resolving
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.lookups import Lookup, Lookups, look_up
from tests.lab.netswap_toml import QUICK
from tests.lab.sniff import Packet
from tests.lab.spec import CABLE, TETHER, Dns, LabSpec, LinkSpec
from tests.lab.witness import Capture, RouteWatch

CABLES = {"A": "10.1.0.1", "AAAA": "2001:db8:1::1"}
TETHERS = {"A": "10.2.0.1", "AAAA": "2001:db8:2::1"}
SOON_S = 3.0
"""For a busy machine; a program that waits for a silent name server waits 5 s (resolv.conf(5))."""

FREED_S = 0.2
"""The guard is lifted from a link a moment before the route moves to it."""

DUAL = (LinkSpec("cable0", ipv6=True), LinkSpec("tether0", metered=True, ipv6=True))
V4 = (CABLE, TETHER)


def by(*ways: Dns, links: tuple[LinkSpec, ...] = V4) -> pytest.MarkDecorator:
    """Run a test in a lab for each of these ways to have names resolved."""
    labs = [pytest.param(dns, marks=pytest.mark.lab(LabSpec(links, dns=dns))) for dns in ways]
    return pytest.mark.parametrize("dns", labs)


def start(lab: Lab) -> None:
    """Start netswapd and wait until the tether stands by, its name servers too."""
    lab.netswapd(QUICK)
    tether = lab.link("tether0")
    wait_until(lambda: tether.metrics() == [200] and "tether0" in lab.guarded(), 5, "standby")
    wait_until(lambda: not tether.spec.ipv6 or tether.metric6() == 200, 10, "IPv6 stands by too")
    wait_until(lambda: look_up("who.test").answer == CABLES["A"], SOON_S, "the cable's server")


def silence(cable: Link) -> None:
    """Have the ISP answer nothing at all, its name server neither."""
    cable.stop_dns()
    cable.cut()


def revive(cable: Link) -> None:
    """Have the ISP work again."""
    cable.start_dns()
    cable.heal()


def when_guarded(lab: Lab, name: str) -> float:
    """Return a moment at which netswapd has finished with leaving a link."""
    wait_until(lambda: name in lab.guarded(), SOON_S, f"{name} is guarded")
    return time.monotonic()


def expect_answers(user: Lookups, since: float, left: float, answers: dict[str, str]) -> None:
    """Expect lookups to succeed soon after the route moved.

    From the first one that the new link's server has answered on all are, and in any case every one
    that is begun after the other link was `left`.
    """

    def answered(record: str, answer: str) -> list[Lookup]:
        return [lookup for lookup in user.answered(record, since) if lookup.answer == answer]

    for record, answer in answers.items():
        first = wait_until(partial(answered, record, answer), SOON_S, f"an answer ({record})")[0]
        later = user.of(record, since=min(first.start, left))
        assert first.end - since < SOON_S
        assert [lookup for lookup in later if lookup.answer != answer] == []


def stays(packet: Packet) -> bool:
    """Tell whether a packet goes no further than the link: systemd-resolved's LLMNR (RFC 4795)."""
    return ip_address(packet.destination).is_multicast


@by("default", "systemd-resolved", "dnsmasq", links=DUAL)
def test_lookups_follow_the_route_at_once(lab: Lab, cable: Link, tether: Link, dns: Dns) -> None:
    start(lab)
    with (
        Capture(cable) as preferred,
        Capture(tether) as backup,
        RouteWatch() as watch,
        Lookups() as user,
    ):
        wait_until(lambda: user.answered("A"), SOON_S, "names are found")
        silence(cable)
        out = watch.wait_for("tether0", 3)
        left = when_guarded(lab, "cable0")
        assert [query for query in backup.of_kind("dns") if query.at < out - FREED_S] == []
        expect_answers(user, out, left, TETHERS)
        assert holds(lambda: preferred.of_kind("dns", since=left) == [], for_s=1)
        expect_answers(user, out, left, TETHERS)
        assert backup.of_kind("dns", since=left), "the other ISP's server was asked"

        revived = time.monotonic()
        revive(cable)
        back = watch.wait_for("cable0", 3, since=out)
        left = when_guarded(lab, "tether0")
        expect_answers(user, back, left, CABLES)
        assert holds(lambda: backup.of_kind("dns", since=left) == [], for_s=1)
        expect_answers(user, back, left, CABLES)
        for record in CABLES:
            before = user.of(record, since=revived, until=back)
            done = [lookup.answer for lookup in before if lookup.end < back - FREED_S]
            assert set(done) <= {TETHERS[record]}, "none failed, and none was asked of the standby"


@by("default", "systemd-resolved")
def test_no_lookup_waits_for_the_dead_links_server(lab: Lab, cable: Link, dns: Dns) -> None:
    """It asks the next server, or fails and can be tried again, where it would have waited 5 s."""
    start(lab)
    with RouteWatch() as watch, Lookups() as user:
        silence(cable)
        out = watch.wait_for("tether0", 3)
        left = when_guarded(lab, "cable0")
        wait_until(lambda: not user.waiting(until=left), SOON_S, "all lookups until then end")
    hung = [x for x in user.of("A", until=out) if x.end > out]
    assert hung
    if dns == "default":
        assert {lookup.answer for lookup in hung} == {TETHERS["A"]}


@by("dnsmasq")
def test_with_dnsmasq_a_lookup_waits_as_long_as_the_program_is_told_to(
    lab: Lab, cable: Link, dns: Dns
) -> None:
    """The mend for D5 in docs/troubleshooting.md: programs ask again after 1 s, else after 5 s."""
    for name in lab.links:
        lab.nmcli("connection", "modify", name, "ipv4.dns-options", "timeout:1,attempts:5")
        lab.nmcli("connection", "up", name)
    start(lab)
    with RouteWatch() as watch, Lookups() as user:
        silence(cable)
        out = watch.wait_for("tether0", 3)
        wait_until(lambda: not user.waiting(until=out), SOON_S, "all lookups until then end")
    hung = [x for x in user.of("A", until=out) if x.end > out]
    assert {lookup.answer for lookup in hung} == {TETHERS["A"]}
    assert max(lookup.took_s for lookup in hung) < 4


@by("default", "systemd-resolved", "dnsmasq")
def test_standby_is_not_asked_where_the_active_name_server_is_silent(
    lab: Lab, cable: Link, tether: Link, dns: Dns
) -> None:
    start(lab)
    with Capture(tether) as standby, Capture(cable) as active:
        cable.stop_dns()
        answer = lab.sh("dig", "+time=2", "+tries=1", "new.who.test", check=False)
        assert "status: NOERROR" not in answer
        assert active.of_kind("dns"), "the active link's server was asked"
        assert holds(lambda: all(map(stays, standby.leaked())), for_s=1)


@by("systemd-resolved", "dnsmasq")
def test_no_answer_of_the_other_isp_outlives_a_swap(
    lab: Lab, cable: Link, tether: Link, dns: Dns
) -> None:
    """NetworkManager and the two see to it: netswap has no cache to flush."""

    def known_from(answers: dict[str, str]) -> bool:
        return {look_up("who.test").answer for _ in range(3)} == {answers["A"]}

    start(lab)
    with Capture(cable) as wire:
        assert known_from(CABLES)
        assert holds(lambda: wire.of_kind("dns") == [], for_s=0.3), "it was remembered"
        cable.cut()
        wait_until(lambda: known_from(TETHERS), 5, "the other ISP's answer")
        cable.heal()
        wait_until(lambda: known_from(CABLES), 5, "the first ISP's answer again")
        wait_until(lambda: wire.of_kind("dns"), 2, "it was asked anew")


@by("systemd-resolved")
def test_resolved_asks_by_the_link_that_is_active(lab: Lab, cable: Link, dns: Dns) -> None:
    def asked_by() -> str:
        resolvectl = resolving.program("bin/resolvectl")
        answer = lab.sh(resolvectl, "query", "--cache=no", "who.test", check=False)
        return answer.partition("-- link: ")[2].split()[0] if "-- link: " in answer else answer

    start(lab)
    assert asked_by() == "cable0"
    silence(cable)
    wait_until(lambda: asked_by() == "tether0", 10, "the tether's server is asked")
    revive(cable)
    wait_until(lambda: asked_by() == "cable0", 10, "the cable's server is asked again")


SAYS: dict[Dns, str] = {
    "default": "by resolv.conf",
    "systemd-resolved": "by systemd-resolved",
    "dnsmasq": "by NetworkManager's dnsmasq",
}


@by("default", "systemd-resolved", "dnsmasq")
def test_the_doctor_knows_how_names_are_resolved(lab: Lab, dns: Dns) -> None:
    lab.netswapd(QUICK).wait_for("Blocking", 5)
    said = lab.sh(str(Path(sys.executable).with_name("netswapctl")), "doctor", check=False)
    assert f"ok    name servers: they follow the route, {SAYS[dns]}" in said
