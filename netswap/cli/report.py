"""The command `report`: a period summed up, for oneself or for the ISP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from netswap import units
from netswap.cli import past
from netswap.cli.files import write
from netswap.cli.history import plain
from netswap.cli.options import as_json
from netswap.cli.show import print_lines
from netswap.cli.text import (
    Cell,
    Paint,
    clip,
    columns,
    drawn_for,
    paint_for,
    printable,
    table,
    unpainted,
    width_of,
)
from netswap.history.page import DAYS, page
from netswap.history.report import LinkReport, Report
from netswap.history.report import report as summed_up

BARS = " ▁▂▃▄▅▆▇█"


@click.command()
@past.since("30d")
@past.only_link
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it with charts into this file, to be read in a browser; nothing else is needed.",
)
@as_json
@past.database
def report(since: float, link: str, html: Path | None, in_json: bool, database: Path) -> None:
    """Sum a period up, for yourself or your ISP.

    It tells of availability, outages, time and data on the backup, and what netswap bridged.

    A link is available when it answers; time in which it was not connected does not count.
    """
    with past.opened(database, link) as reader:
        line = past.line(reader, since)
        links = [name for name in reader.links() if name in line.links]
        measured = {name: reader.measured(name, line.start_s, line.end_s) for name in links}
    summed = summed_up(line, measured, link)
    if html:
        write(html, page(line, summed, measured).encode())
    if in_json:
        click.echo(json.dumps(as_plain(summed), indent=2))
    elif not html:
        print_lines(drawn_for(lines(summed, paint_for(), width_of())))


def as_plain(summed: Report) -> dict[str, Any]:
    """Return a report as JSON can say it."""
    links = [
        {
            **asdict(link),
            "outages": [plain(outage) for outage in link.outages],
            "out_s": link.out_s,
            "availability": link.availability,
            "longest_s": link.longest.length_s if link.longest else None,
            "between_s": link.between_s,
            "by_hour": link.by_hour,
            "by_weekday": link.by_weekday,
        }
        for link in summed.links
    ]
    extra = {"online": summed.online, "links": links}
    return {**asdict(summed), **extra}


def lines(summed: Report, paint: Paint = unpainted, width: int | None = None) -> list[str]:
    """Write a report for people."""
    if not summed.links:
        return ["Nothing was recorded in that time"]
    backup = f"{units.duration(summed.backup_s)}, {units.size(summed.backup_bytes)}"
    rows = {
        "Watched": units.duration(summed.watched_s),
        "Online": f"{units.fine_share(summed.online)}, "
        f"offline for {units.duration(summed.offline_s)}",
        "On a backup": backup,
        "Bridged": f"{units.duration(summed.saved_s)} of outages",
        "Swaps": str(summed.swaps),
    }
    head = table([[Cell(name, "dim"), Cell(text)] for name, text in rows.items()], paint, width)
    return [*head, "", *table(_links(summed.links), paint, width), *_habits(summed.links, width)]


Column = tuple[str, Callable[[LinkReport], str]]

COLUMNS: tuple[Column, ...] = (
    ("AVAILABLE", lambda link: units.fine_share(link.availability)),
    ("OUTAGES", lambda link: str(len(link.outages))),
    ("OUT", lambda link: units.duration(link.out_s)),
    ("LONGEST", lambda link: units.duration(link.longest.length_s) if link.longest else "-"),
    ("BETWEEN", lambda link: units.duration(link.between_s) if link.between_s else "-"),
    ("RTT", lambda link: units.round_trip(link.rtt_s)),
    ("LOSS", lambda link: "-" if link.loss is None else f"{link.loss * 100:.1f} %"),
    ("DATA", lambda link: units.size(link.received + link.sent)),
)


def _links(links: Sequence[LinkReport]) -> list[list[Cell]]:
    rows = [[Cell("LINK", "dim"), *(Cell(name, "dim") for name, _ in COLUMNS)]]
    for link in links:
        name = Cell(printable(link.link), "bold")
        rows.append([name, *(Cell(write(link)) for _, write in COLUMNS)])
    return rows


def _habits(links: Sequence[LinkReport], width: int | None) -> Iterator[str]:
    for link in links:
        if link.outages:
            yield ""
            yield f"Outages of {printable(link.link)} by hour of the day, and by weekday:"
            hours = [_bars(link.by_hour), f"{'0     6     12    18':24}"]
            yield from _beside(hours, [_bars(link.by_weekday, 4), " ".join(DAYS)], width)


def _beside(left: Sequence[str], right: Sequence[str], width: int | None) -> list[str]:
    """Put a chart beside another, below it where there is too little room."""
    beside = [f"  {one}  {other}".rstrip() for one, other in zip(left, right, strict=True)]
    if width is None or max(map(columns, beside)) <= width:
        return beside
    return [clip(f"  {text}".rstrip(), width) for text in (*left, *right)]


def _bars(counts: Sequence[int], width: int = 1) -> str:
    most = max(counts)
    bars = (BARS[-(-count * (len(BARS) - 1) // most)] for count in counts)
    return "".join((bar * (width - 1 or 1)).ljust(width) for bar in bars)
