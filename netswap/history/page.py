"""The report as one HTML file: nothing is fetched from anywhere, and nothing in it runs. Pure.

It is made to be sent to an ISP: charts, and a table of the outages with their times. It follows the
reader's choice of light or dark, and fits a phone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape

from netswap import units
from netswap.history import dates, svg
from netswap.history.facts import APART, Standing
from netswap.history.heat import calendar
from netswap.history.minutes import Measured, binned
from netswap.history.outages import Outage
from netswap.history.report import LinkReport, Report
from netswap.history.style import STYLE
from netswap.history.timeline import Span, Timeline

BINS_S = (60, 300, 900, 1800, 3600, 7200, 21600, 86400, 604800)
MOST_BINS = 730
LISTED = 200
"""Outages in the table; the longest ones, where there are more."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(line: Timeline, summed: Report, measured: Mapping[str, Sequence[Measured]]) -> str:
    """Return the whole file."""
    period = dates.period(summed.start_s, summed.end_s)
    body = [
        f"<header><h1>Internet connection, {period}</h1>{_lead(summed)}</header>",
        _tiles(summed),
        _carried(line),
        *(_link(link, line, measured[link.link]) for link in summed.links),
        _table(summed),
        _notes(line),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Internet connection, {period}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


# the whole


def _lead(summed: Report) -> str:
    preferred = summed.links[0] if summed.links else None
    if preferred is None:
        return "<p>Nothing was recorded.</p>"
    count = _count(len(preferred.outages), "outage")
    text = f"<b>{escape(preferred.link)}</b> had {count}"
    if longest := preferred.longest:
        text += (
            f", {units.duration(preferred.out_s)} in all; the longest, "
            f"{units.duration(longest.length_s)}, began {dates.time(longest.start_s, summed.end_s)}"
        )
    watched = units.duration(summed.watched_s)
    return f"<p>{text}. Watched for {watched}.</p>"


def _tiles(summed: Report) -> str:
    preferred = summed.links[0] if summed.links else None
    name = f"{preferred.link} available" if preferred else "available"
    tiles = [
        (units.fine_share(preferred.availability if preferred else None), name),
        (units.fine_share(summed.online), "online, with backups"),
        (units.duration(summed.saved_s), "bridged by a backup"),
        (units.duration(summed.backup_s), f"on a backup, {units.size(summed.backup_bytes)}"),
    ]
    items = (f"<li><b>{value}</b> <span>{escape(text)}</span></li>" for value, text in tiles)
    return f'<ul class="tiles">{"".join(items)}</ul>'


def _carried(line: Timeline) -> str:
    x = svg.across(line.start_s, line.end_s)
    lasted = {
        value: sum(s.length_s for s in line.conditions if s.value == value)
        for value in ("preferred", "backup", "offline")
    }
    told = "What carried traffic: " + ", ".join(
        f"{name} for {units.duration(seconds)}" for name, seconds in lasted.items()
    )
    keys = [("preferred", "preferred link"), ("backup", "a backup"), ("offline", "offline")]
    chart = svg.picture(svg.strip(line.conditions, x, 20), 20, told)
    return (
        f"<section><h2>What carried traffic</h2>{_legend(keys)}"
        f'<div class="plot thin">{chart}</div>{_ticks(line)}</section>'
    )


# one link


def _link(link: LinkReport, line: Timeline, rows: Sequence[Measured]) -> str:
    name = escape(link.link)
    return (
        f"<section><h2>{name}</h2>{_facts(link)}"
        f"<h3>Round trips and losses</h3>{_measurements(link, line, rows)}"
        f"{_heat(link, line) + _habits(link) if link.outages else ''}</section>"
    )


def _facts(link: LinkReport) -> str:
    longest = units.duration(link.longest.length_s) if link.longest else "-"
    facts = {
        "Available": units.fine_share(link.availability),
        "Outages": str(len(link.outages)),
        "Out in all": units.duration(link.out_s),
        "Longest": longest,
        "Mean time between": units.duration(link.between_s) if link.between_s else "-",
        "Not connected": units.duration(link.away_s),
        "Round trip": units.round_trip(link.rtt_s),
        "Probes lost": "-" if link.loss is None else f"{link.loss * 100:.2f} %",
        "Received": units.size(link.received),
        "Sent": units.size(link.sent),
    }
    items = (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def _measurements(link: LinkReport, line: Timeline, rows: Sequence[Measured]) -> str:
    x = svg.across(line.start_s, line.end_s)
    lasts_s = line.end_s - line.start_s
    width_s = next((w for w in BINS_S if lasts_s / w <= MOST_BINS), BINS_S[-1])
    bins = list(binned(rows, width_s))
    out = [Span(o.start_s, o.end_s, "out") for o in link.outages]
    spans = line.links.get(link.link, ())
    away = [Span(s.start_s, s.end_s, "away") for s in spans if Standing(s.value) in APART]
    shades = svg.strip([*away, *out], x, svg.PLOT)
    scale = {rtt_s: svg.rtt_y(rtt_s) for rtt_s in (0.01, 0.1, 1.0)}
    told = (
        f"Round trips of {link.link}: median {units.round_trip(link.rtt_s)}; "
        f"{_count(len(out), 'outage')} shaded, listed in the table below"
    )
    trips = svg.picture(
        [*shades, svg.levels(scale.values()), *svg.band(bins, x, width_s)], svg.PLOT, told
    )
    lost = svg.picture(
        [*shades, svg.levels([50]), svg.losses(bins, x, width_s)],
        svg.PLOT,
        f"Lost probes of {link.link}: {units.share(link.loss)} in the mean",
    )
    keys = [("range", "least to greatest"), ("median", "median"), ("loss", "lost"),
            ("out", "out"), ("away", "not connected")]  # fmt: skip
    labels = [(units.round_trip(rtt_s), y) for rtt_s, y in scale.items()]
    return (
        f'{_legend(keys)}<div class="plot">{_labels(labels)}{trips}</div>'
        f'<div class="plot low">{_labels([("100 %", 6), ("25 %", 50)])}{lost}</div>{_ticks(line)}'
    )


def _heat(link: LinkReport, line: Timeline) -> str:
    first, by_hour, grid = calendar(link, line)
    height = 16
    chart = svg.picture(
        svg.cells(grid, height), height * len(grid), f"Calendar: when {link.link} was out"
    )
    if by_hour:
        every = 7 if len(grid) > 14 else 1
        names = [(f"{dates.monthday(first + timedelta(i))}", i) for i in range(0, len(grid), every)]
        below = _below([(f"{hour:02d}", hour / 24) for hour in range(0, 24, 3)])
    else:
        names, below = [(day, i) for i, day in enumerate(DAYS)][::2], _months(first, len(grid[0]))
    labels = [(name, 100 * (i + 0.5) / len(grid)) for name, i in names]
    cell = "hour" if by_hour else "day"
    keys = [("heat0", "not out"), ("heat1", "under 1 min"), ("heat2", "under 6 min"),
            ("heat3", "under 30 min"), ("heat4", f"longer, in that {cell}")]  # fmt: skip
    size = f"height:{len(grid) * (13 if by_hour else 20)}px"
    drawn = f'<div class="plot heat" style="{size}">{_labels(labels)}{chart}</div>'
    return f"<h3>When it was out</h3>{_legend(keys)}{drawn}{below}"


def _habits(link: LinkReport) -> str:
    hours, days = link.by_hour, link.by_weekday
    at, on = hours.index(max(hours)), days.index(max(days))
    by_hour = svg.picture(
        svg.columns(hours), svg.PLOT, f"Outages by hour of the day: most, {max(hours)}, at {at}:00"
    )
    by_day = svg.picture(
        svg.columns(days), svg.PLOT, f"Outages by day of the week: most, {max(days)}, on {DAYS[on]}"
    )
    hour_names = _below([(f"{hour:02d}", (hour + 0.5) / 24) for hour in range(0, 24, 3)], "middle")
    day_names = _below([(day, (i + 0.5) / 7) for i, day in enumerate(DAYS)], "middle")
    return (
        '<div class="two">'
        f"<div><h3>Outages by hour</h3><div class='plot low'>{_top(hours)}{by_hour}</div>"
        f"{hour_names}</div>"
        f"<div><h3>Outages by weekday</h3><div class='plot low'>{_top(days)}{by_day}</div>"
        f"{day_names}</div></div>"
    )


def _top(counts: Sequence[int]) -> str:
    return _labels([(str(max(counts)), 0)])


# the table


def _table(summed: Report) -> str:
    found = [outage for link in summed.links for outage in link.outages]
    shown = sorted(found, key=lambda outage: -outage.length_s)[:LISTED]
    shown.sort(key=lambda outage: -outage.start_s)
    rest = f"<p>The {LISTED} longest of {len(found)}.</p>" if len(found) > LISTED else ""
    rows = "".join(_row(outage, summed.end_s) for outage in shown)
    if not rows:
        return "<section><h2>Outages</h2><p>There was none.</p></section>"
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Began", "Lasted", "Link", "Why", "Bridged by")
    )
    return (
        f"<section><h2>Outages</h2>{rest}<div class='wide' tabindex='0' role='region' "
        f"aria-label='Outages'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        "</div></section>"
    )


def _row(outage: Outage, now_s: float) -> str:
    length = units.duration(outage.length_s) + ("" if outage.over else " +")
    bridged = outage.took_over or ("no link" if outage.active else "not in use")
    began = dates.time(outage.start_s, now_s, seconds=True)
    cells = (began, length, outage.link, outage.reason, bridged)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _notes(line: Timeline) -> str:
    days = range(int(line.watched_from_s), int(line.end_s), 24 * 3600)
    times = (datetime.fromtimestamp(at_s).astimezone() for at_s in (*days, line.end_s))
    zones = " or ".join(dict.fromkeys(at.strftime("UTC%z") for at in times))
    return (
        "<footer><p>Measured by netswap, which pings addresses on the internet over each link once "
        "a second or so. A link is out when it is connected and does not answer, or fails its "
        "checks; time without a carrier or a connection is not held against it. A + marks an "
        f"outage that goes on, or whose end was not seen. Times are local, {zones}.</p></footer>"
    )


# pieces


def _legend(keys: Sequence[tuple[str, str]]) -> str:
    items = (
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><path class="{name} key" '
        f'd="M0 0h10v10h-10z"/></svg>{escape(text)}</li>'
        for name, text in keys
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _labels(labels: Sequence[tuple[str, float]]) -> str:
    """Write beside a chart, each at its place from the top in percent."""
    return "".join(
        f'<span class="label" aria-hidden="true" style="top:{place:.1f}%">{escape(text)}</span>'
        for text, place in labels
    )


def _below(labels: Sequence[tuple[str, float]], how: str = "") -> str:
    """Write below a chart, each at its place from the left, 0 to 1."""
    parts = (
        f'<span style="left:{place * 100:.2f}%">{escape(text)}</span>' for text, place in labels
    )
    return f'<div class="ticks {how}" aria-hidden="true">{"".join(parts)}</div>'


def _ticks(line: Timeline) -> str:
    x = svg.across(line.start_s, line.end_s)
    return _below(
        [(text, x(at_s) / svg.WIDTH) for at_s, text in dates.ticks(line.start_s, line.end_s)]
    )


def _months(first: datetime, weeks: int) -> str:
    monday = first - timedelta(first.weekday())
    starts = [(week, monday + timedelta(7 * week)) for week in range(weeks)]
    named = [(week, day) for week, day in starts if day.day <= 7]
    if len(named) <= 12:
        return _below([(day.strftime("%b"), week / weeks) for week, day in named])
    every = 1 + len(named) // dates.MOST_TICKS  # a month may be there twice: with its year
    told = [(dates.month(day), week / weeks) for week, day in named[::every]]
    return _below([(text, place) for text, place in told if place < dates.ROOM])


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"
