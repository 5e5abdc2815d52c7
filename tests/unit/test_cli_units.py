"""Quantities as people write and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("30min", 1800),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("2 h 10 min", 7800),
        (" 0.5h ", 1800),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert units.parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "m", "-5m", "0s", "5 weeks", "1h30", "1e9s", "٣m", "nan"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 90s, 30m, 2h or 1h30m"):
        units.parse_duration_s(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (605, "10 min"),
        (7800, "2 h 10 min"),
        (7230, "2 h"),
        (86400 * 3 + 7200, "3 d 2 h"),
    ],
)
def test_durations_are_written_with_what_matters(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


@given(st.integers(1, 10**9))
def test_what_is_written_can_be_read_and_is_off_by_little(seconds: int) -> None:
    read = units.parse_duration_s(units.duration(seconds))
    assert 0 <= seconds - read < max(1, seconds / 10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.00042, "0.4 ms"),
        (0.0099, "9.9 ms"),
        (0.00999, "10 ms"),
        (0.0314, "31 ms"),
        (1.24, "1.2 s"),
    ],
)
def test_round_trips(seconds: float | None, text: str) -> None:
    assert units.round_trip(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"), [(None, "-"), (0.0, "0 %"), (0.033, "3 %"), (1.0, "100 %")]
)
def test_shares(part: float | None, text: str) -> None:
    assert units.share(part) == text
