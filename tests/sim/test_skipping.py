"""Skipping quiet stretches changes nothing of what netswap decides, nor when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sim.line import Line, Spell, delay, outage
from bench.sim.run import Run
from netswap.core.settings import Settings
from tests.unit.worlds import FIXED

LENGTHS = st.floats(0.05, 700)
KINDS = st.sampled_from([outage, lambda start_s, end_s: delay(start_s, end_s, 0.4)])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    spells: list[Spell] = []
    now_s = 0.0
    for _ in range(draw(st.integers(1, 3))):
        start_s = now_s + draw(LENGTHS)
        now_s = start_s + draw(LENGTHS)
        spells.append(draw(KINDS)(start_s, now_s))
    return Line(*spells, dead=draw(st.sampled_from([frozenset(), frozenset({"8.8.8.8"})])))


@FIXED
@given(lines())
def test_skipping_changes_nothing(line: Line) -> None:
    skipped, played = (Run(Settings(), line, skips=skips).until(4000) for skips in (True, False))
    assert [change.verdict for change in skipped] == [change.verdict for change in played]
    times = [change.at_s for change in skipped]
    assert times == pytest.approx([change.at_s for change in played], abs=1e-6, rel=0)
