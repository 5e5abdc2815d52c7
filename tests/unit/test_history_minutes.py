"""From what is told while a minute lasts to the minute, and from minutes to longer stretches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from netswap.core.model import State
from netswap.history.facts import WORSE, Standing
from netswap.history.minutes import Aggregator, Measured, binned, merged
from tests.unit.test_history_facts import LINK, WELL
from tests.unit.worlds import FIXED

times = st.floats(1e-5, 10.0)


@st.composite
def rows(draw: st.DrawFn) -> list[Measured]:
    """Minutes of one link, some of them missing."""
    starts = draw(st.lists(st.integers(0, 500), min_size=1, max_size=40, unique=True))
    found = []
    for start in sorted(starts):
        rtts = sorted(draw(st.lists(times, min_size=3, max_size=3)))
        known = rtts if draw(st.booleans()) else [None] * 3
        counts = draw(st.lists(st.integers(0, 10**9), min_size=4, max_size=4))
        stands = draw(st.sampled_from(Standing))
        found.append(Measured("cable", start * 60, stands, *counts[:2], *known, *counts[2:]))
    return found


def test_a_minute_sums_up_what_was_told() -> None:
    minute = Aggregator()
    minute.look(replace(WELL, links=(replace(LINK, sent=10, lost=1),)))
    minute.close(0)
    minute.look(replace(WELL, links=(replace(LINK, sent=60, lost=4, state=State.DOWN),)))
    minute.look(replace(WELL, links=(replace(LINK, sent=70, lost=3),)))
    minute.answered({"cable": [0.03, 0.01, 0.05]})
    minute.carried("cable", 1000, 10)
    minute.carried("cable", 500, 5)
    assert minute.close(60) == [
        Measured("cable", 60, Standing.DOWN, 60, 2, 0.01, 0.03, 0.05, 1500, 15)
    ]
    assert minute.close(120) == []


def test_a_link_that_was_gone_counts_from_0_again() -> None:
    minute = Aggregator()
    minute.look(replace(WELL, links=(replace(LINK, sent=1000, lost=50),)))
    minute.close(0)
    minute.look(replace(WELL, links=(replace(LINK, sent=5, lost=2),)))
    (found,) = minute.close(60)
    assert (found.probes, found.lost) == (5, 2)


def test_a_link_that_is_renamed_goes_on_counting() -> None:
    minute = Aggregator()
    minute.look(replace(WELL, links=(replace(LINK, sent=1000, lost=50),)))
    minute.close(0)
    minute.rename("cable", "fibre")
    minute.look(replace(WELL, links=(replace(LINK, name="fibre", sent=1060, lost=51),)))
    (found,) = minute.close(60)
    assert (found.link, found.probes, found.lost) == ("fibre", 60, 1)


def test_a_loss_taken_back_by_a_late_reply_of_the_next_minute_makes_nothing_negative() -> None:
    minute = Aggregator()
    minute.look(replace(WELL, links=(replace(LINK, sent=10, lost=3),)))
    minute.close(0)
    minute.look(replace(WELL, links=(replace(LINK, sent=11, lost=2),)))
    (found,) = minute.close(60)
    assert (found.probes, found.lost, found.loss) == (1, 0, 0.0)


@FIXED
@given(st.lists(st.lists(times, max_size=5), min_size=1, max_size=6))
def test_round_trips_are_those_that_were_told_in_whatever_portions(
    portions: Sequence[list[float]],
) -> None:
    minute = Aggregator()
    for portion in portions:
        minute.answered({"cable": portion})
    (found,) = minute.close(0)
    told = [rtt for portion in portions for rtt in portion]
    low, middle, high = found.rtt_min_s, found.rtt_median_s, found.rtt_max_s
    assert (low, high) == (min(told, default=None), max(told, default=None))
    assert middle == (median(told) if told else None)


@FIXED
@given(rows(), st.integers(1, 600))
def test_nothing_is_lost_or_made_up_by_putting_together(found: list[Measured], width: int) -> None:
    bins = list(binned(found, width))
    for name in ("probes", "lost", "received", "sent"):
        assert sum(getattr(row, name) for row in found) == sum(getattr(b, name) for b in bins)
    assert [b.start_s for b in bins] == sorted({row.start_s // width * width for row in found})
    whole = merged(found, 0)
    assert whole.rtt_min_s == min((b.rtt_min_s for b in bins if b.rtt_min_s), default=None)
    assert whole.standing is max((row.standing for row in found), key=WORSE.__getitem__)
    for b in bins:
        if b.rtt_min_s is not None and b.rtt_median_s is not None and b.rtt_max_s is not None:
            assert b.rtt_min_s <= b.rtt_median_s <= b.rtt_max_s


@FIXED
@given(rows())
def test_loss_is_a_share(found: list[Measured]) -> None:
    for row in found:
        assert row.loss is None if not row.probes else 0 <= (row.loss or 0) <= 1
