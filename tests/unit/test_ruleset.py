"""The guard's text, without a kernel."""

from __future__ import annotations

import re
from ipaddress import IPv6Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.nft import ruleset
from netswap.adapters.nft.errors import GuardError
from netswap.core.model import REFUSE, Barrier

LISTING = """\
table inet netswap { # progname netswapd
\tflags owner
\tset standby {
\t\ttype ifname
\t\tcomment "links by which nothing may leave"
\t\telements = { "veth-a",
\t\t\t     "tether0.10" }
\t}

\tset silent {
\t\ttype ifname
\t\telements = { "veth-a" }
\t}

\tset lingering {
\t\ttype ifname
\t\telements = { "tether0.10" }
\t}

\tset allowed4 {
\t\ttype ifname . ipv4_addr
\t\tflags interval
\t\telements = { "veth-a" . 10.2.0.0/24,
\t\t\t     "veth-a" . 10.9.0.1 }
\t}

\tset allowed6 {
\t\ttype ifname . ipv6_addr
\t\tflags interval
\t\telements = { "veth-a" . fe80::/10 }
\t}
}
"""


def placed(ifname: str, barrier: Barrier) -> frozenset[ruleset.Place]:
    """Return the elements of a link that is guarded so."""
    commands = ruleset.block(ifname, barrier, frozenset())
    found = re.findall(r'netswap (\w+) \{ "([^"]+)"(?: \. (\S+))? \}', commands)
    return frozenset((name, link, network) for name, link, network in found)


def test_the_table_is_replaced_in_one_transaction_and_owned() -> None:
    lines = ruleset.create_table().splitlines()

    assert lines[:2] == ["add table inet netswap", "delete table inet netswap"]
    assert ruleset.has_owner("\n".join(lines))


def test_own_probes_pass_by_the_given_mark() -> None:
    assert "meta mark 0x6e737770 accept" in ruleset.create_table()
    assert "meta mark 0x00000007 accept" in ruleset.create_table(mark=7)


def test_a_plain_table_has_no_owner() -> None:
    assert not ruleset.has_owner("table inet netswap {\n\tcounter owner {\n\t}\n}\n")


@pytest.mark.parametrize(
    "ifname",
    [
        "",
        ".",
        "..",
        "a" * 16,
        "ä" * 8,
        'a"b',
        "a b",
        "a\nb",
        "a/b",
        "a:b",
        "wl*",
        "a\\b",
        "a\x7f",
        "a'b",
    ],
)
def test_a_name_that_could_change_the_command_is_refused(ifname: str) -> None:
    with pytest.raises(GuardError, match="not a usable interface name"):
        ruleset.block(ifname, REFUSE, frozenset())


@pytest.mark.parametrize(
    "ifname", ["eth0", "enx00e04c680b8d", "br-0.10", "wlan0@x", "ü0", "$x", "-"]
)
def test_an_ordinary_name_gets_through(ifname: str) -> None:
    command = ruleset.block(ifname, REFUSE, frozenset())
    assert command == f'add element inet netswap standby {{ "{ifname}" }}\n'


@given(st.text(max_size=20))
def test_whatever_the_name_a_command_stays_one_element(ifname: str) -> None:
    try:
        command = ruleset.block(ifname, REFUSE, frozenset())
    except GuardError:
        return
    assert command.count('"') == 2
    assert len(command.splitlines()) == 1


def test_barriers_are_read_over_wrapped_lines() -> None:
    assert ruleset.barriers(ruleset.parse_places(LISTING)) == {
        "veth-a": Barrier(drop=True, allow=frozenset({"10.2.0.0/24", "10.9.0.1/32", "fe80::/10"})),
        "tether0.10": Barrier(lingering=True),
    }


def test_an_empty_table_guards_nothing() -> None:
    empty = re.sub(r"elements = \{[^}]*\}", "", LISTING)
    assert ruleset.parse_places(empty) == frozenset()


def test_a_barrier_changes_in_one_transaction() -> None:
    before = Barrier(drop=True, allow=frozenset({"10.2.0.0/24"}))
    after = Barrier(allow=frozenset({"2001:db8::/32"}))
    there = placed("usb0", before)
    assert ruleset.block("usb0", before, there) == ""
    assert ruleset.block("usb0", after, there).splitlines() == [
        'delete element inet netswap allowed4 { "usb0" . 10.2.0.0/24 }',
        'delete element inet netswap silent { "usb0" }',
        'add element inet netswap allowed6 { "usb0" . 2001:db8::/32 }',
    ]


def test_a_link_is_freed_by_its_names_alone() -> None:
    """A change of a set of networks takes the kernel 100 times as long."""
    there = placed("usb0", Barrier(drop=True, allow=frozenset({"10.2.0.0/24"})))
    commands = ruleset.unblock("usb0", there)
    assert commands.splitlines() == [
        'delete element inet netswap silent { "usb0" }',
        'delete element inet netswap standby { "usb0" }',
    ]
    left = frozenset(place for place in there if place[2])
    assert ruleset.barriers(left) == {}
    assert ruleset.unblock("usb0", left) == ""


def test_what_was_allowed_over_a_link_that_is_gone_is_swept() -> None:
    barrier = Barrier(allow=frozenset({"10.2.0.0/24"}))
    gone = frozenset(place for place in placed("usb0", barrier) if place[2])
    there = gone | placed("usb1", barrier)
    assert ruleset.sweep(there, ["usb0"]) == ""
    assert ruleset.sweep(there, ["lo"]) == (
        'delete element inet netswap allowed4 { "usb0" . 10.2.0.0/24 }\n'
    )


def test_foreign_addresses_take_the_place_of_those_before() -> None:
    foreign, near = (f"flush set inet netswap {name}\n" for name in ("foreign6", "near6"))
    assert ruleset.set_foreign([]) == foreign + near
    known = [IPv6Interface("2001:db8::2/64"), IPv6Interface("2001:db8::1/64")]
    assert ruleset.set_foreign(known) == (
        f"{foreign}add element inet netswap foreign6 {{ 2001:db8::1, 2001:db8::2 }}\n"
        f"{near}add element inet netswap near6 {{ 2001:db8::/64 }}\n"
    )


def test_connections_are_tracked_only_where_some_may_linger() -> None:
    assert "ct state" not in ruleset.create_table()
    assert "ct state established accept" in ruleset.create_table(linger=True)


def test_the_counter_is_read() -> None:
    assert ruleset.parse_refused("counter refused {\n\t\tpackets 17 bytes 1020\n\t}") == 17
    with pytest.raises(GuardError):
        ruleset.parse_refused("")
