"""What `netswapctl graph` draws."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from netswap.cli.graph import LABEL, MARKS, chart, graph, spread
from netswap.cli.text import IN_ASCII, columns
from netswap.history.facts import Fact, Standing, What
from netswap.history.minutes import Measured
from netswap.history.store import Batch, Store
from netswap.history.timeline import timeline
from tests.service.ctl import netswapctl
from tests.unit.test_history_minutes import rows
from tests.unit.test_history_outages import BEGIN, histories, link
from tests.unit.worlds import FIXED

FACTS = [BEGIN, link(0, "up"), link(1200, "down"), link(1500, "up"), link(1800, "away")]
LINE = timeline(FACTS, 0, 2400, 2400)
ROWS = [
    Measured(
        "cable", 60 * i, Standing.UP, 60, 15 if i == 20 else 0, 0.01, 0.01 * (1 + i // 20), 0.1
    )
    for i in range(40)
]


def test_a_link_over_40_minutes() -> None:
    half = "█" * 20
    _, *drawn, times, _ = chart("cable", LINE, ROWS, 48)
    assert [line[LABEL:] for line in drawn] == [
        " " * 20 + half,
        " " * 20 + half,
        half + half,
        half + half,
        " " * 20 + "▄",
        "█" * 20 + "░" * 6 + "█" * 4 + "-" * 10,
    ]
    assert drawn[0].startswith("  20 ms")
    assert times.strip()


def test_an_hour_fills_the_columns_of_an_hour() -> None:
    hours = [replace(ROWS[0], start_s=3600 * i) for i in (0, 1, 3)]
    assert [row is not None for row in spread(hours, 0, 4 * 3600, 8)] == [
        True, True, True, True, False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("after", [1, 10])
def test_a_minute_before_a_sleep_is_a_minute(after: int) -> None:
    starts = [0, *(3 * 3600 + 60 * (1 + i) for i in range(after))]
    bins = spread([replace(ROWS[0], start_s=start) for start in starts], 0, 4 * 3600, 4 * 60)
    assert [i for i, row in enumerate(bins) if row] == [start // 60 for start in starts]


@FIXED
@given(histories(), rows(), st.integers(1, 200), st.integers(60, 40000))
def test_it_fits_whatever_happened(
    facts: list[Fact], found: list[Measured], width: int, lasts_s: int
) -> None:
    line = timeline([*facts, link(99999, "up")], 0, lasts_s, lasts_s)
    if "cable" in line.links:
        for text in chart("cable", line, found, width):
            assert columns(text) <= max(width, LABEL + 10)


@pytest.mark.parametrize("colour", ["", "1"])
def test_no_colour_where_none_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    monkeypatch.setenv("NO_COLOR", colour)
    path = tmp_path / "history.db"
    with Store(path) as writer:
        writer.write([Batch(1000.0, [BEGIN, Fact(5.0, What.LINK, "cable", "up")])])
    told = CliRunner().invoke(graph, ["--since", "99999d", "--database", str(path)]).output
    assert "\x1b" not in told
    assert told.startswith("cable\n")


@pytest.mark.parametrize(("command", "mark"), [("graph", "!"), ("report", "#")])
def test_where_there_are_no_blocks_nothing_looks_unknown(
    tmp_path: Path, command: str, mark: str
) -> None:
    path = tmp_path / "history.db"
    with Store(path) as writer:
        writer.write([Batch(2400, FACTS)])
    past = ["--since", "99999d", "--database", str(path)]
    told = netswapctl(command, *past, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (told.status, told.err) == (0, "")
    assert "?" not in told.out
    assert mark in told.out


def test_every_standing_has_a_mark_of_its_own_in_ascii() -> None:
    marks = {mark.translate(IN_ASCII) for mark, _ in MARKS.values()}
    assert len(marks) == len(MARKS)
    assert all(mark.isascii() for mark in marks)
