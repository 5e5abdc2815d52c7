"""Addresses that are away for a moment: just when connections on them are to be ended."""

from __future__ import annotations

import pytest

from netswap.core.addresses import RECENT_S, RecentAddresses
from netswap.core.model import World
from tests.unit.worlds import gone, link, world

V4, V6 = "198.51.100.1", "2001:db8::1"
BOTH = world(link("cable", addresses=()), link("tether", addresses=(V4, V6)))
ONLY_V4 = world(link("cable", addresses=()), link("tether", addresses=(V4,)))

UNPICKED = world(link("cable", addresses=()))
UNPLUGGED = world(link("cable", addresses=()), gone("tether"))


def tethers(seen: World) -> tuple[str, ...]:
    (_, tether) = seen.links
    return tether.addresses


def test_an_address_that_is_away_for_a_moment_is_still_there() -> None:
    recent = RecentAddresses()
    assert tethers(recent.recall(BOTH, 0)) == (V4, V6)
    assert tethers(recent.recall(ONLY_V4, RECENT_S)) == (V4, V6)


def test_it_is_forgotten_after_a_while() -> None:
    recent = RecentAddresses()
    recent.recall(BOTH, 0)
    recent.recall(ONLY_V4, 1)
    assert tethers(recent.recall(ONLY_V4, RECENT_S + 0.1)) == (V4,)


def test_where_connections_linger_nothing_is_forgotten_until_a_while_after() -> None:
    recent = RecentAddresses()
    recent.recall(BOTH, 0)
    assert tethers(recent.recall(ONLY_V4, 99, {"tether"})) == (V4, V6)
    assert tethers(recent.recall(ONLY_V4, 99 + RECENT_S)) == (V4, V6)
    assert tethers(recent.recall(ONLY_V4, 99 + RECENT_S + 0.1)) == (V4,)


def test_a_link_without_any_address_is_known_by_those_it_had_last() -> None:
    recent = RecentAddresses()
    recent.recall(BOTH, 0)
    none = world(link("cable", addresses=()), link("tether", None, addresses=()))
    assert tethers(recent.recall(none, RECENT_S + 60)) == (V4, V6)
    assert tethers(recent.recall(ONLY_V4, RECENT_S + 61)) == (V4,)


def test_what_has_another_name_now_is_no_orphan() -> None:
    recent = RecentAddresses()
    recent.recall(BOTH, 0)
    renamed = world(link("cable", addresses=()), link("phone", addresses=(V4, V6)))
    assert recent.recall(renamed, 1).orphans == {}


@pytest.mark.parametrize("after", [UNPICKED, UNPLUGGED], ids=["picked", "named"])
def test_what_a_link_had_when_its_device_vanished_is_an_orphan_until_ended(after: World) -> None:
    recent = RecentAddresses()
    assert recent.recall(BOTH, 0).orphans == {}
    assert recent.recall(after, 1).orphans == {"tether": (V4, V6)}
    assert recent.recall(after, RECENT_S + 60).orphans == {"tether": (V4, V6)}
    recent.ended([V4, V6])
    assert recent.recall(after, RECENT_S + 61).orphans == {}


def test_a_link_that_had_no_address_leaves_no_orphan() -> None:
    recent = RecentAddresses()
    recent.recall(world(link("cable"), link("tether", None, addresses=())), 0)
    assert recent.recall(UNPLUGGED, 1).orphans == {}


def test_a_link_that_comes_back_has_only_what_it_has() -> None:
    recent = RecentAddresses()
    recent.recall(BOTH, 0)
    recent.recall(UNPICKED, 1)
    back = recent.recall(ONLY_V4, 2)
    assert tethers(back) == (V4,)
    assert back.orphans == {"tether": (V4, V6)}, "a socket may be bound to the device that is gone"


def test_what_another_link_has_by_now_is_not_recalled() -> None:
    recent = RecentAddresses()
    recent.recall(BOTH, 0)
    moved = world(link("cable", addresses=(V6,)), link("tether", addresses=(V4,)))
    assert [known.addresses for known in recent.recall(moved, 1).links] == [(V6,), (V4,)]


def test_two_links_with_one_address_both_have_it() -> None:
    same = world(link("cable", addresses=(V4,)), link("tether", addresses=(V4,)))
    assert [known.addresses for known in RecentAddresses().recall(same, 0).links] == [(V4,), (V4,)]


def test_an_orphan_is_one_though_another_link_has_the_same_address() -> None:
    """NetworkManager takes the address away first, and the device a moment later."""
    recent = RecentAddresses()
    same = link("cable", addresses=(V4,))
    recent.recall(world(same, link("tether", addresses=(V4,))), 0)
    recent.recall(world(same, link("tether", None, addresses=())), 1)
    assert recent.recall(world(same, gone("tether")), 1.1).orphans == {"tether": (V4,)}


def test_a_link_that_comes_and_goes_leaves_no_address_twice() -> None:
    recent = RecentAddresses()
    for turn in range(10):
        recent.recall(world(link("tether")), turn * 10.0)
        left = recent.recall(world(), turn * 10.0 + 5)
    assert len(left.orphans["tether"]) == 1
