"""Ranks in a connection's settings: set any number of times, put back as they were found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters.bus import Variant, plain
from netswap.adapters.nm.settings import (
    NEVER_S,
    NOTE,
    Applied,
    dialled,
    is_dialled,
    rank,
    restore,
)
from tests.unit.worlds import FIXED

# NM 1.42: what GetAppliedConnection gives for a plain Ethernet profile, shortened.
PROFILE: Applied = {
    "connection": {"id": Variant("s", "Office"), "type": Variant("s", "802-3-ethernet")},
    "ipv4": {"method": Variant("s", "auto"), "dns-search": Variant("as", [])},
    "ipv6": {"method": Variant("s", "auto"), "route-metric": Variant("x", -1)},
}


def test_a_rank_goes_into_metric_and_name_servers_alike() -> None:
    ranked = plain(rank(PROFILE, 60, 61))
    assert ranked["ipv4"]["route-metric"] == ranked["ipv4"]["dns-priority"] == 60
    assert ranked["ipv6"]["route-metric"] == ranked["ipv6"]["dns-priority"] == 61


def test_the_types_are_those_of_network_manager() -> None:
    ipv4 = rank(PROFILE, 60, None)["ipv4"]
    signatures = {key: ipv4[key].signature for key in ("route-metric", "dns-priority")}
    assert signatures == {"route-metric": "x", "dns-priority": "i"}
    assert ipv4["dhcp-timeout"] == Variant("i", NEVER_S)


def test_a_family_without_rank_is_left_alone() -> None:
    assert rank(PROFILE, 60, None)["ipv6"] == PROFILE["ipv6"]
    assert rank(PROFILE, None, 60)["ipv4"] == PROFILE["ipv4"]


def test_ipv6_that_is_off_is_left_alone() -> None:
    off = PROFILE | {"ipv6": {"method": Variant("s", "disabled")}}
    assert rank(off, 60, 60)["ipv6"] == off["ipv6"]


def test_everything_else_stays() -> None:
    ranked = rank(PROFILE, 60, 60)
    assert ranked["connection"] == PROFILE["connection"]
    assert ranked["ipv4"]["dns-search"] == PROFILE["ipv4"]["dns-search"]


def test_what_was_found_is_noted_where_it_lasts_as_long_as_the_rank() -> None:
    note = plain(rank(PROFILE, 60, None)["user"]["data"])[NOTE]
    assert note == "ipv4.dhcp-timeout=None ipv4.dns-priority=None ipv4.route-metric=None"


def test_who_had_it_connected_is_noted_beside_the_rank_and_outlives_it() -> None:
    assert not is_dialled(PROFILE)
    noted = dialled(rank(PROFILE, 60, None))
    assert is_dialled(noted)
    back = restore(noted)
    assert back == dialled(PROFILE)


def test_with_patience_the_endless_time_out_stays_and_so_does_what_it_was() -> None:
    ranked = rank(PROFILE, 60, None)
    back = restore(ranked, patient=True)
    assert back
    assert plain(back["ipv4"]) == plain(PROFILE["ipv4"]) | {"dhcp-timeout": NEVER_S}
    assert restore(back, patient=True) is None
    assert restore(back) == PROFILE


def test_other_user_data_stays() -> None:
    data = {"somebody.else": "1"}
    known = PROFILE | {"user": {"data": Variant("a{ss}", data)}}
    assert plain(rank(known, 60, 60)["user"]["data"])["somebody.else"] == "1"
    back = restore(rank(known, 60, 60))
    assert back
    assert plain(back["user"]["data"]) == data


def test_where_nothing_was_noted_nothing_is_put_back() -> None:
    assert restore(PROFILE) is None


def test_a_note_that_makes_no_sense_is_ignored() -> None:
    data = {NOTE: "ipv4.route-metric=x connection.id=1 =5 ipv4.dns-priority rubbish"}
    assert restore(PROFILE | {"user": {"data": Variant("a{ss}", data)}}) is None


# whatever the settings were

RANKS = st.none() | st.integers(51, 9999)
NUMBERS = {"route-metric": "x", "dns-priority": "i", "dhcp-timeout": "i"}


@st.composite
def families(draw: st.DrawFn) -> dict[str, Variant]:
    numbers = draw(st.dictionaries(st.sampled_from(list(NUMBERS)), st.integers(-1, 2**31 - 1)))
    method = draw(st.sampled_from(["auto", "manual", "disabled", "ignore"]))
    return {
        "method": Variant("s", method),
        **{key: Variant(NUMBERS[key], value) for key, value in numbers.items()},
    }


@st.composite
def profiles(draw: st.DrawFn) -> Applied:
    applied: Applied = {"connection": {"id": Variant("s", draw(st.text(max_size=5)))}}
    applied |= {"ipv4": draw(families()), "ipv6": draw(families())}  # NM fills both in, always
    data = draw(st.dictionaries(st.sampled_from(["a.b", "org.example"]), st.text(), max_size=2))
    return applied | ({"user": {"data": Variant("a{ss}", data)}} if data else {})


@FIXED
@given(profiles(), st.lists(st.tuples(RANKS, RANKS), min_size=1, max_size=4))
def test_after_any_ranks_the_first_found_is_put_back(
    applied: Applied, ranks: list[tuple[int | None, int | None]]
) -> None:
    ranked = applied
    for v4, v6 in ranks:
        ranked = rank(ranked, v4, v6)
    assert (restore(ranked) or ranked) == applied
    assert restore(applied) is None


@FIXED
@given(profiles(), RANKS, RANKS)
def test_the_same_rank_twice_changes_nothing(
    applied: Applied, v4: int | None, v6: int | None
) -> None:
    once = rank(applied, v4, v6)
    assert rank(once, v4, v6) == once


@FIXED
@given(profiles(), RANKS, RANKS)
def test_what_was_read_is_never_changed(applied: Applied, v4: int | None, v6: int | None) -> None:
    before = {name: dict(setting) for name, setting in applied.items()}
    rank(applied, v4, v6)
    assert applied == before
