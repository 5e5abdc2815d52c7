"""When billing cycles begin, and what is said of caps."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap import units
from netswap.core.caps import Caps
from netswap.core.events import Used
from netswap.core.settings import LinkSettings, Match
from netswap.history.cycle import began
from tests.unit.worlds import FIXED


def phone(start: int = 1, days: int = 0, since: str = "", at_cap: str = "warn") -> LinkSettings:
    return LinkSettings(
        "phone", Match(), data_cap="5 GB", at_cap=at_cap,  # type: ignore[arg-type]
        cycle_start=start, cycle_days=days, cycle_since=since,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("today", "link", "first"),
    [
        (date(2026, 3, 20), phone(), date(2026, 3, 1)),
        (date(2026, 3, 17), phone(17), date(2026, 3, 17)),
        (date(2026, 3, 16), phone(17), date(2026, 2, 17)),
        (date(2026, 1, 5), phone(17), date(2025, 12, 17)),
        (date(2026, 3, 30), phone(31), date(2026, 2, 28)),
        (date(2028, 2, 29), phone(30), date(2028, 2, 29)),
        (date(2026, 3, 20), phone(days=28, since="2026-03-01"), date(2026, 3, 1)),
        (date(2026, 3, 29), phone(days=28, since="2026-03-01"), date(2026, 3, 29)),
        (date(2026, 2, 28), phone(days=28, since="2026-03-01"), date(2026, 2, 1)),
    ],
)
def test_when_a_cycle_began(today: date, link: LinkSettings, first: date) -> None:
    assert began(today, link) == first


@FIXED
@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 31), st.integers(0, 366))
def test_cycles_follow_upon_one_another(today: date, start: int, days: int) -> None:
    link = phone(start, days, "2026-03-17" if days else "")
    first = began(today, link)
    assert first <= today
    assert (today - first).days < (days or 31)
    assert began(first, link) == first
    assert began(first - timedelta(1), link) < first


def test_each_warning_is_given_once_in_a_cycle() -> None:
    caps = Caps()
    shares = [0.1, 0.74, 0.75, 0.94, 0.95, 0.99, 1.0, 3.0, 0.0, 0.8]
    assert [share for share in shares if caps.nearer(Used("phone", share))] == [
        0.75,
        0.95,
        1.0,
        0.8,
    ]


def test_a_link_is_spared_from_the_cap_on_where_that_is_wanted() -> None:
    avoided = phone(at_cap="avoid")
    assert Caps.spares(Used("phone", 1.0), avoided) == "its 5 GB of data are used up"
    assert not Caps.spares(Used("phone", 0.999), avoided)
    assert not Caps.spares(Used("phone", 2.0), phone())


@pytest.mark.parametrize(
    ("text", "count"),
    [("5 GB", 5 * 10**9), ("500MB", 5 * 10**8), (" 1.5 GiB ", 3 << 29), ("1 kb", 1000)],
)
def test_amounts_of_data_are_read(text: str, count: int) -> None:
    assert units.parse_size(text) == count


@pytest.mark.parametrize("text", ["", "5", "GB", "0 GB", "-1 GB", "5 GBit", "5 G"])
def test_what_is_no_amount_of_data(text: str) -> None:
    with pytest.raises(ValueError, match="write 500 MB"):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["999999999 TB", "9" * 400 + " TB"])
def test_what_neither_d_bus_nor_sqlite_takes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is more than can be counted"):
        units.parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_960_000, "10 MB"), (4_210_000_000, "4.2 GB"),
     (999_700_000, "1.0 GB"), (5 * 10**12, "5.0 TB")],
)  # fmt: skip
def test_amounts_of_data_are_written(count: int, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(None, "-"), (1.0, "100 %"), (0.99999999, "99.999 %"), (0.5, "50.000 %"), (0.0, "0.000 %")],
)
def test_a_share_is_never_told_as_more_than_it_is(part: float | None, text: str) -> None:
    assert units.fine_share(part) == text
