"""A period summed up, and the page made of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import past
from netswap.cli.report import as_plain, lines
from netswap.history import style, svg
from netswap.history.dates import MOST_TICKS, ticks
from netswap.history.facts import Fact, Standing, What
from netswap.history.minutes import Measured
from netswap.history.page import DAYS, page
from netswap.history.report import LinkReport, Report, report
from netswap.history.store import Reader
from netswap.history.timeline import Timeline, timeline
from tests.unit.test_history_minutes import rows
from tests.unit.test_history_outages import BEGIN, WELL, active, histories, link
from tests.unit.worlds import FIXED

DAY_S = 86400
NOTHING: dict[str, Sequence[Measured]] = {"cable": [], "phone": []}


def condition(at_s: float, state: str) -> Fact:
    return Fact(at_s, What.CONDITION, state=state)


OUTAGE = [
    *WELL, condition(0, "preferred"),
    link(1000, "down", "4 probes lost"), active(1000, "phone"), condition(1000, "backup"),
    link(1600, "up"), active(1650, "cable"), condition(1650, "preferred"),
    link(3000, "down", "4 probes lost"), link(3000, "down", "4 probes lost", "phone"),
    condition(3000, "offline"), link(3100, "up"), condition(3100, "preferred"),
    link(5000, "away", "no carrier"), active(5000, "phone"), condition(5000, "backup"),
    link(6000, "up"), active(6000, "cable"), condition(6000, "preferred"),
]  # fmt: skip


@pytest.fixture(scope="module")
def summed() -> Report:
    return report(timeline(OUTAGE, 0, 10000, 10000), NOTHING)


def test_the_whole(summed: Report) -> None:
    assert (summed.watched_s, summed.offline_s, summed.backup_s) == (10000, 100, 1650)
    assert summed.online == 1 - 100 / 10000
    assert summed.swaps == 4


def test_what_was_saved_is_the_time_on_a_backup_while_the_other_did_not_work(
    summed: Report,
) -> None:
    assert summed.saved_s == 600 + 1000


def test_a_link_that_was_pulled_was_not_out(summed: Report) -> None:
    cable = summed.links[0]
    assert [outage.start_s for outage in cable.outages] == [1000, 3000]
    assert (cable.out_s, cable.away_s, cable.away_count) == (700, 1000, 1)
    assert cable.availability == 1 - 700 / 9000
    assert cable.longest == cable.outages[0]
    assert cable.between_s == (9000 - 700) / 2
    assert sum(cable.by_hour) == sum(cable.by_weekday) == 2


def test_walking_out_of_range_is_an_outage_of_seconds() -> None:
    facts = [
        *WELL, link(1000, "down", "4 probes lost"), link(1008, "away", "it is gone"),
        link(37000, "unknown"), link(37001, "up"),
    ]  # fmt: skip
    cable = report(timeline(facts, 0, 86400, 86400), NOTHING).links[0]
    assert (cable.out_s, cable.away_s, cable.connected_s) == (8, 35993, 86400 - 35993)
    assert (len(cable.outages), cable.away_count) == (1, 1)
    assert cable.longest
    assert cable.longest.length_s == 8
    assert cable.availability == 1 - 8 / (86400 - 35993)


def test_an_outage_after_a_pulled_cable_counts() -> None:
    facts = [*WELL, link(1000, "away", "no carrier"), link(1100, "down"), link(4700, "up")]
    cable = report(timeline(facts, 0, 10000, 10000), NOTHING).links[0]
    assert (cable.out_s, cable.away_s, cable.connected_s) == (3600, 100, 9900)


def test_a_link_on_demand_is_available_as_long_as_it_answers_while_it_is_connected() -> None:
    phone = [(0, "resting"), (1000, "unknown"), (1002, "up"), (1100, "down"), (1110, "resting")]
    facts = [BEGIN, *(link(at_s, stands, name="phone") for at_s, stands in phone)]
    line = timeline(facts, 0, 10000, 10000)
    (found,) = report(line, {"phone": []}).links
    assert (found.connected_s, found.out_s, found.availability) == (110, 10, 1 - 10 / 110)
    assert (found.away_s, found.away_count) == (9890, 2)
    drawn = page(line, report(line, {"phone": []}), {"phone": []})
    assert '<path class="away"' in drawn
    assert 'class="resting"' not in drawn


def test_what_a_backup_saved_goes_on_where_the_link_goes_away() -> None:
    facts = [
        *WELL, condition(0, "preferred"), link(1000, "down"), active(1000, "phone"),
        condition(1000, "backup"), link(1008, "away"), link(2000, "up"), active(2000, "cable"),
        condition(2000, "preferred"),
    ]  # fmt: skip
    assert report(timeline(facts, 0, 10000, 10000), NOTHING).saved_s == 1000


def test_of_nothing_it_says_so() -> None:
    empty = report(timeline([], 0, 100, 0), {})
    assert (empty.online, empty.watched_s) == (None, 0)
    assert lines(empty) == ["Nothing was recorded in that time"]
    assert "Nothing was recorded" in page(timeline([], 0, 100, 0), empty, {})


def test_for_people(summed: Report) -> None:
    text = "\n".join(lines(summed))
    assert "Online       99.000 %, offline for 1 min 40 s" in text
    assert re.search(r"^cable  92\.222 % +2 ", text, re.MULTILINE)
    assert "by hour of the day" in text


def test_charts_fit_a_narrow_terminal(summed: Report) -> None:
    for width in (20, 40, 56):
        told = [text for text in lines(summed, width=width) if not text.startswith("Outages of")]
        assert max(map(len, told)) <= width
    assert "  0     6     12    18      Mon Tue Wed Thu Fri Sat Sun" in told
    assert {"  0     6     12    18", "  Mon Tue Wed Thu Fri Sat Sun"} < set(
        lines(summed, width=40)
    )


def test_for_programs(summed: Report) -> None:
    plain = as_plain(summed)
    assert plain["links"][0]["availability"] == 1 - 700 / 9000
    assert plain["links"][0]["outages"][0]["done"] == "moved to phone"


def test_what_backups_carried_is_told_whichever_link_is_asked_for() -> None:
    line = timeline(OUTAGE, 0, 10000, 10000)
    carried = [Measured("phone", 60, Standing.UP, 0, 0, None, None, None, 10**9, 5)]
    for only in ("", "cable", "phone"):
        summed = report(line, {"cable": [], "phone": carried}, only)
        assert as_plain(summed)["backup_bytes"] == 10**9 + 5
        assert [link.link for link in summed.links if only] == [only] * bool(only)


@FIXED
@given(histories(), rows(), st.integers(0, 1000), st.integers(1, 5000))
def test_whatever_happened_sums_lie_within_the_period(
    facts: list[Fact], found: list[Measured], start_s: int, lasts_s: int
) -> None:
    line = timeline(facts, start_s, start_s + lasts_s, start_s + lasts_s)
    made = report(line, {"cable": found, "phone": []})
    for seconds in (made.watched_s, made.offline_s, made.backup_s, made.saved_s):
        assert 0 <= seconds <= lasts_s + 1e-6
    for each in made.links:
        assert each.availability is None or 0 <= each.availability <= 1
    assert Page(page(line, made, {"cable": found, "phone": []})).problems == []


# the page


class Page(HTMLParser):
    """Reads a page and notes what is wrong with it."""

    EMPTY = ("meta",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.problems += [f"{tag} is not closed" for tag in self._open]
        if any(word in text for word in ("://", "url(", "@import", "<script", "src=")):
            self.problems.append("it could fetch something")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "svg" and not (given.get("aria-label") or given.get("aria-hidden")):
            self.problems.append("a picture without a text")
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"{tag} is closed and was not open")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_says_it_all_and_fetches_nothing(summed: Report) -> None:
    read = Page(page(timeline(OUTAGE, 0, 10000, 10000), summed, NOTHING))
    assert read.problems == []
    for said in ("92.222 %", "99.000 %", "27 min", "4 probes lost", "phone"):
        assert said in read.text


def test_what_links_and_reasons_are_called_is_text_and_no_html() -> None:
    evil = "<script>alert(1)</script>"
    facts = [Fact(0, What.BEGIN), link(0, "up", name=evil), link(9, "down", f'{evil}">', evil)]
    line = timeline(facts, 0, 100, 100)
    text = page(line, report(line, {evil: []}), {evil: []})
    assert evil not in text
    assert Page(text).problems == []
    assert evil in Page(text).text


@pytest.fixture(scope="module")
def a_week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Timeline, Reader]]:
    path: Path = tmp_path_factory.mktemp("past") / "history.db"
    now_s = 1_800_000_000.0
    past.fill(path, 2, now_s)
    with Reader(path) as reader:
        start_s = now_s - 2 * DAY_S
        yield timeline(reader.facts(start_s), start_s, now_s, now_s), reader


def test_every_chart_stays_within_its_bounds(a_week: tuple[Timeline, Reader]) -> None:
    line, reader = a_week
    measured = {name: reader.measured(name, line.start_s, line.end_s) for name in line.links}
    x = svg.across(line.start_s, line.end_s)
    for found in measured.values():
        assert len(found) > 1000
        for path in (*svg.band(found, x, 60), svg.losses(found, x, 60)):
            for at, y in re.findall(r"[M ](-?[\d.]+) (-?[\d.]+)(?=[ zhvM\"])", path):
                assert -1 <= float(at) <= svg.WIDTH + 1
                assert -1 <= float(y) <= svg.PLOT + 1


@FIXED
@given(st.integers(0, 2_000_000_000), st.integers(60, 3 * 366 * DAY_S))
def test_times_below_a_chart_are_not_too_many_and_in_order(start_s: int, lasts_s: int) -> None:
    found = [at_s for at_s, _ in ticks(start_s, start_s + lasts_s)]
    assert found == sorted(set(found))
    assert len(found) <= MOST_TICKS + 1
    assert all(start_s <= at_s <= start_s + lasts_s for at_s in found)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where clocks are put back on 25 October 2026 and put on on 28 March 2027."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def hot_cells(start: str, end: str, days: int) -> list[str]:
    """Return what the heat map of a link says that was out then, some days before and after."""
    start_s, end_s = (datetime.fromisoformat(at).timestamp() for at in (start, end))
    first_s, last_s = start_s - days * DAY_S, end_s + days * DAY_S
    facts = [Fact(first_s, What.BEGIN), link(first_s, "up"), link(start_s, "down")]
    line = timeline([*facts, link(end_s, "up")], first_s, last_s, last_s)
    drawn = page(line, report(line, {"cable": []}), {"cable": []})
    return re.findall(r"<title>(\d[^<]*)</title>", drawn)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2026-10-25T02:00+02:00", "2026-10-25T03:00+02:00", ["25 Oct 02:00: out for 1 h"]),
        ("2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00", ["25 Oct 02:00: out for 1 h"]),
        ("2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00", ["25 Oct 02:00: out for 2 h"]),
        ("2027-03-28T03:00+02:00", "2027-03-28T03:30+02:00", ["28 Mar 03:00: out for 30 min"]),
    ],
)
def test_an_hour_of_the_heat_map_ends_where_the_next_one_begins(
    start: str, end: str, told: list[str]
) -> None:
    assert hot_cells(start, end, 3) == told


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2026-10-25T23:00+01:00", "2026-10-26T00:00+01:00", ["25 Oct 00:00: out for 1 h"]),
        ("2027-03-29T00:00+02:00", "2027-03-29T01:00+02:00", ["29 Mar 00:00: out for 1 h"]),
    ],
)
def test_a_day_of_the_heat_map_ends_at_midnight(start: str, end: str, told: list[str]) -> None:
    assert hot_cells(start, end, 60) == told


# colours


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [style.LIGHT, style.DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out(colours: dict[str, str]) -> None:
    for ground in ("paper", "panel"):
        for text in ("ink", "faint"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for line in ("warn", "bad", "line", "heat3", "heat4"):
            assert contrast(colours[line], colours[ground]) >= 3, (line, ground)


def test_every_class_has_a_colour() -> None:
    names = "preferred backup offline starting up degraded unknown away out loss range median count"
    for name in [*names.split(), "grid", *(f"heat{level}" for level in range(5))]:
        assert f".{name}{{" in style.STYLE or f".{name}," in style.STYLE, name


def test_a_report_without_outages_has_no_longest() -> None:
    assert LinkReport("cable", 100.0).longest is None
    assert LinkReport("cable", 0.0).availability is None


def test_within_a_day_times_are_told() -> None:
    start_s = datetime(2026, 11, 25, 20, 19).timestamp()
    assert [text for _, text in ticks(start_s, start_s + 900)] == [
        "20:20", "20:22", "20:24", "20:26", "20:28", "20:30", "20:32",
    ]  # fmt: skip


H = 3600.0
BRIDGED = [
    Fact(0, What.BEGIN),
    Fact(0, What.LINK, "cable", "up"),
    Fact(0, What.LINK, "phone", "up"),
    Fact(0, What.ACTIVE, "cable"),
    Fact(0, What.CONDITION, state="preferred"),
    Fact(H, What.LINK, "cable", "down", "4 probes lost"),
    Fact(H, What.ACTIVE, "phone", reason="cable: 4 probes lost"),
    Fact(H, What.CONDITION, state="backup"),
]


def test_an_outage_from_before_the_period_was_bridged_in_it_too() -> None:
    line = timeline(BRIDGED, 9 * H, 10 * H, 10 * H)
    summed = report(line, {"cable": [], "phone": []})
    assert (summed.backup_s, summed.saved_s) == (H, H)


def test_a_sleep_or_a_restart_amid_an_outage_takes_nothing_from_what_was_bridged() -> None:
    facts = [
        *BRIDGED,
        Fact(2 * H, What.END, reason="the computer slept"),
        Fact(3 * H, What.BEGIN, reason="the computer woke up"),
        Fact(3 * H, What.LINK, "cable", "down", "4 probes lost"),
        Fact(3 * H, What.LINK, "phone", "up"),
        Fact(3 * H, What.ACTIVE, "phone"),
        Fact(3 * H, What.CONDITION, state="backup"),
        Fact(5 * H, What.LINK, "cable", "up"),
        Fact(5 * H, What.ACTIVE, "cable"),
        Fact(5 * H, What.CONDITION, state="preferred"),
    ]
    summed = report(timeline(facts, 0, 6 * H, 6 * H), {"cable": [], "phone": []})
    assert (summed.backup_s, summed.saved_s) == (3 * H, 3 * H)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-03-28T00:00+01:00", "2027-03-28T06:00+02:00"),
        ("2027-03-28T01:00+01:00", "2027-03-28T05:00+02:00"),
        ("2027-03-28T03:05+02:00", "2027-03-28T04:05+02:00"),
        ("2026-10-25T00:00+02:00", "2026-10-25T06:00+01:00"),
        ("2026-10-25T02:05+01:00", "2026-10-25T03:05+01:00"),
        ("2026-10-25T01:30+02:00", "2026-10-25T02:50+01:00"),
        ("2026-10-20T01:30+02:00", "2026-10-28T02:50+01:00"),
        ("2027-03-20T01:30+01:00", "2027-03-30T02:50+02:00"),
    ],
)
def test_the_time_below_a_chart_is_what_clocks_showed_then(start: str, end: str) -> None:
    start_s, end_s = (datetime.fromisoformat(at).timestamp() for at in (start, end))
    found = list(ticks(start_s, end_s))
    assert [at_s for at_s, _ in found] == sorted({at_s for at_s, _ in found})
    assert len(found) > 2
    for at_s, told in found:
        at = datetime.fromtimestamp(at_s)
        assert told in (at.strftime("%H:%M"), f"{at.day} {at:%b}")


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("years", [1, 2, 5, 20, 1000])
def test_below_a_chart_of_years_are_months_and_years_and_not_too_many(years: int) -> None:
    end_s = datetime.fromisoformat("2027-04-10T00:00+02:00").timestamp()
    found = list(ticks(end_s - years * 365 * DAY_S, end_s))
    assert 2 < len(found) <= MOST_TICKS + 2
    for at_s, told in found:
        assert told == f"{datetime.fromtimestamp(at_s):%b} {datetime.fromtimestamp(at_s).year}"


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(("days", "months"), [(200, 7), (365, 6), (1826, 8)])
def test_no_month_is_there_twice_below_a_calendar(days: int, months: int) -> None:
    end_s = datetime.fromisoformat("2027-04-10T00:00+02:00").timestamp()
    start_s = end_s - days * DAY_S
    facts = [Fact(start_s, What.BEGIN), link(start_s, "down"), link(start_s + DAY_S, "up")]
    line = timeline(facts, start_s, end_s, end_s)
    drawn = page(line, report(line, {"cable": []}), {"cable": []})
    calendar = drawn.partition("When it was out")[2].partition("Outages by hour")[0]
    told = re.findall(r"%\">([A-Z][a-z]{2}(?: \d{4})?)</span>", calendar)
    told = [text for text in told if text not in DAYS]
    assert len(set(told)) == len(told) == months


@pytest.mark.usefixtures("berlin")
def test_a_report_that_looks_back_further_than_there_is_anything_draws_what_there_is() -> None:
    end_s = datetime.fromisoformat("2027-04-10T00:00+02:00").timestamp()
    facts = [
        Fact(end_s - 3 * DAY_S, What.BEGIN),
        Fact(end_s - 3 * DAY_S, What.LINK, "cable", "up"),
        Fact(end_s - 2 * DAY_S, What.LINK, "cable", "down"),
        Fact(end_s - 1 * DAY_S, What.LINK, "cable", "up"),
    ]
    line = timeline(facts, end_s - 1000 * 365 * DAY_S, end_s, end_s)
    told = page(line, report(line, {"cable": []}), {"cable": []})
    assert told.count(": out for 1 h") == 24
    assert "Times are local, UTC+0200." in told
    assert len(told) < 20_000


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("end", "began", "zones"),
    [
        ("2027-03-27T00:00+01:00", "20 Mar 01:00:00", "local, UTC+0100."),
        ("2027-04-10T00:00+02:00", "20 Mar 01:00:00", "local, UTC+0100 or UTC+0200."),
        ("2028-03-19T00:00+01:00", "20 Mar 2027 01:00:00", "local, UTC+0100 or UTC+0200."),
    ],
)
def test_a_report_tells_the_zones_and_the_years_of_its_times(
    end: str, began: str, zones: str
) -> None:
    start_s, end_s = (
        datetime.fromisoformat(at).timestamp() for at in ("2027-03-20T00:00+01:00", end)
    )
    facts = [
        Fact(start_s, What.BEGIN),
        Fact(start_s, What.LINK, "cable", "up"),
        Fact(start_s + 3600, What.LINK, "cable", "down"),
        Fact(start_s + 7200, What.LINK, "cable", "up"),
    ]
    line = timeline(facts, start_s, end_s, end_s)
    told = page(line, report(line, {"cable": []}), {"cable": []})
    assert f"<td>{began}</td>" in told  # 01:00 UTC+0100
    assert zones in told
