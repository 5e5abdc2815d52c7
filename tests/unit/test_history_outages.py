"""From facts to what was the case when, and to outages."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from netswap.history.facts import OUT, Fact, Standing, What
from netswap.history.outages import Outage, outages
from netswap.history.timeline import Timeline, timeline
from tests.unit.worlds import FIXED


def link(at_s: float, state: str, reason: str = "", name: str = "cable") -> Fact:
    return Fact(at_s, What.LINK, name, state, reason)


def active(at_s: float, name: str) -> Fact:
    return Fact(at_s, What.ACTIVE, name)


BEGIN = Fact(0, What.BEGIN)
WELL = [BEGIN, link(0, "unknown"), link(1, "up"), link(1, "up", name="phone"), active(1, "cable")]


def until(end_s: float, *facts: Fact, start_s: float = 0, alive_s: float | None = None) -> Timeline:
    return timeline(facts, start_s, end_s, end_s if alive_s is None else alive_s)


def test_an_outage_with_a_takeover() -> None:
    facts = [
        *WELL, link(100, "down", "4 probes lost"), active(100, "phone"), link(160, "up"),
        active(160, "cable"),
    ]  # fmt: skip
    assert outages(until(200, *facts)) == [
        Outage(
            "cable", 100, 160, Standing.DOWN, "4 probes lost", active=True, took_over="phone",
            took_over_s=100,
        )
    ]  # fmt: skip


def test_an_outage_with_nowhere_to_go() -> None:
    (found,) = outages(until(200, *WELL, link(100, "down")), "cable")
    assert (found.over, found.end_s, found.done) == (False, 200, "no other link worked")


def test_a_link_that_is_none_any_more_is_not_known_of() -> None:
    line = until(200, *WELL, link(100, "down"), link(120, "", "it is no link any more"))
    (found,) = outages(line)
    assert (found.end_s, found.over) == (120, False)
    assert line.links["cable"][-1].end_s == 120


def test_an_outage_of_a_standby() -> None:
    facts = [*WELL, link(100, "away", "no carrier", "phone"), link(130, "up", name="phone")]
    (found,) = outages(until(200, *facts))
    assert (found.link, found.done) == ("phone", "nothing to do, it was not in use")


def test_a_link_is_out_until_it_has_proved_itself() -> None:
    facts = [*WELL, link(100, "away", "no carrier"), link(110, "down"), link(115, "unknown"),
             link(120, "up")]  # fmt: skip
    (found,) = outages(until(200, *facts), "cable")
    assert (found.start_s, found.end_s, found.standing) == (100, 120, Standing.AWAY)


def test_apart_an_outage_ends_where_the_link_goes_away_and_begins_where_it_is_back() -> None:
    facts = [
        *WELL, link(100, "down", "4 probes lost"), active(100, "phone"), link(108, "away", "gone"),
        link(200, "unknown"), link(201, "faulty", "a portal"), link(203, "unknown"),
        link(204, "up"),
    ]  # fmt: skip
    line = until(300, *facts)
    parts = outages(line, "cable", apart=True)
    assert [(part.start_s, part.end_s, part.standing, part.reason) for part in parts] == [
        (100, 108, Standing.DOWN, "4 probes lost"),
        (108, 201, Standing.AWAY, "gone"),
        (201, 204, Standing.FAULTY, "a portal"),
    ]
    assert [part.took_over for part in parts] == ["phone", "", ""]
    assert all(part.over for part in parts)
    assert [(whole.start_s, whole.end_s) for whole in outages(line, "cable")] == [(100, 204)]


def test_apart_only_the_last_part_of_an_outage_goes_on() -> None:
    facts = [*WELL, link(100, "down"), link(108, "away")]
    parts = outages(until(200, *facts), "cable", apart=True)
    assert [(part.end_s, part.over) for part in parts] == [(108, True), (200, False)]


def test_apart_a_link_that_did_not_prove_itself_was_down_since_it_was_connected() -> None:
    flicker = [link(150, "away", "no carrier"), link(151, "unknown", "connected, not proven yet")]
    facts = [
        *WELL,
        link(100, "down", "4 probes lost"),
        *flicker,
        link(155, "down"),
        link(900, "up"),
    ]
    line = until(1000, *facts)
    assert [(part.start_s, part.end_s, part.standing) for part in outages(line, apart=True)] == [
        (100, 150, Standing.DOWN), (150, 151, Standing.AWAY), (151, 900, Standing.DOWN),
    ]  # fmt: skip
    assert [(whole.start_s, whole.end_s) for whole in outages(line)] == [(100, 900)]


def test_not_being_proven_yet_is_no_outage() -> None:
    assert outages(until(200, BEGIN, link(0, "unknown"), link(9, "up"))) == []


def test_what_is_lost_from_sight_ends_there_and_is_not_over() -> None:
    facts = [
        *WELL, link(100, "down"), Fact(120, What.END), Fact(500, What.BEGIN), link(500, "unknown"),
        link(501, "up"),
    ]  # fmt: skip
    (found,) = outages(until(600, *facts))
    assert (found.end_s, found.over) == (120, False)


def test_nothing_is_known_after_netswapd_was_last_alive() -> None:
    line = until(1000, *WELL, link(100, "down"), alive_s=150)
    assert line.watched_s == 150
    (found,) = outages(line)
    assert (found.end_s, found.over) == (150, False)


def test_an_outage_from_before_is_shown_from_where_the_period_begins() -> None:
    (found,) = outages(until(200, *WELL, link(50, "down"), link(120, "up"), start_s=100))
    assert (found.start_s, found.end_s) == (100, 120)


def test_a_clock_that_was_set_back_makes_nothing_last_less_than_no_time() -> None:
    facts = [*WELL, link(100, "down"), link(40, "up"), link(60, "down"), link(70, "up")]
    assert [outage.length_s for outage in outages(until(200, *facts))] == [10, 0]


HAPPENINGS = st.one_of(
    st.tuples(st.just(What.LINK), st.sampled_from(["cable", "phone"]), st.sampled_from(Standing)),
    st.tuples(st.just(What.ACTIVE), st.sampled_from(["cable", "phone", ""]), st.none()),
    st.tuples(st.sampled_from([What.BEGIN, What.END]), st.just(""), st.none()),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    at_s, facts = 0.0, [BEGIN]
    for what, name, stands in draw(st.lists(HAPPENINGS, max_size=40)):
        at_s += draw(st.integers(0, 100))
        facts.append(Fact(at_s, what, name, stands.value if stands else ""))
    return facts


@FIXED
@given(histories(), st.integers(0, 1000), st.integers(0, 2000), st.integers(0, 5000))
def test_whatever_happened(facts: list[Fact], start_s: int, lasts_s: int, alive_s: int) -> None:
    line = timeline(facts, start_s, start_s + lasts_s, alive_s)
    found = outages(line)
    for outage in found:
        assert start_s <= outage.start_s <= outage.end_s <= start_s + lasts_s
        assert outage.standing in OUT
        assert not outage.took_over or outage.active
    for name, spans in line.links.items():
        assert all(a.end_s <= b.start_s for a, b in pairwise(spans))
        own = [outage for outage in found if outage.link == name]
        assert all(a.end_s <= b.start_s for a, b in pairwise(own))
        out_s = sum(span.length_s for span in spans if Standing(span.value) in OUT)
        assert sum(outage.length_s for outage in own) >= out_s - 1e-6
        parts = outages(line, name, apart=True)
        assert sum(part.length_s for part in parts) == sum(outage.length_s for outage in own)
        away_s = sum(part.length_s for part in parts if part.standing is Standing.AWAY)
        assert away_s >= sum(s.length_s for s in spans if s.value == Standing.AWAY.value)
    assert line.watched_s <= lasts_s


def test_what_was_done_about_an_outage_is_told_though_it_began_before_the_period() -> None:
    (found,) = outages(until(200, *WELL, link(50, "down"), active(50, "phone"), start_s=100))
    assert (found.start_s, found.done) == (100, "moved to phone")
