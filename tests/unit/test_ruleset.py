"""The guard's text, without a kernel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.nft import ruleset
from netswap.adapters.nft.errors import GuardError

LISTED = """\
table inet netswap {
\tset standby {
\t\ttype ifname
\t\tcomment "links by which nothing may leave"
\t\telements = { "veth-a",
\t\t\t     "tether0.10" }
\t}
}
"""


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
        ruleset.block(ifname)


@pytest.mark.parametrize(
    "ifname", ["eth0", "enx00e04c680b8d", "br-0.10", "wlan0@x", "ü0", "$x", "-"]
)
def test_an_ordinary_name_gets_through(ifname: str) -> None:
    assert ruleset.block(ifname) == f'add element inet netswap standby {{ "{ifname}" }}'


@given(st.text(max_size=20))
def test_whatever_the_name_a_command_stays_one_element(ifname: str) -> None:
    try:
        command = ruleset.block(ifname)
    except GuardError:
        return
    assert command.count('"') == 2
    assert len(command.splitlines()) == 1


def test_listed_links_are_read_over_wrapped_lines() -> None:
    assert ruleset.parse_standby(LISTED) == {"veth-a", "tether0.10"}


def test_an_empty_set_lists_no_elements() -> None:
    assert ruleset.parse_standby("table inet netswap {\n\tset standby {\n\t}\n}\n") == frozenset()


def test_the_counter_is_read() -> None:
    assert ruleset.parse_refused("counter refused {\n\t\tpackets 17 bytes 1020\n\t}") == 17
    with pytest.raises(GuardError):
        ruleset.parse_refused("")
