"""The command `history`: the outages, and what netswap did."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from netswap import units
from netswap.cli import past
from netswap.cli.options import as_json
from netswap.cli.render import clock
from netswap.cli.show import print_json, print_lines
from netswap.cli.text import Cell, Paint, paint_for, printable, table, unpainted, width_of
from netswap.history.facts import Standing
from netswap.history.outages import Outage, outages

COLOURS = {Standing.DOWN: "red", Standing.FAULTY: "red", Standing.AWAY: "yellow"}


@click.command()
@past.since("7d")
@past.only_link
@as_json
@click.option("--csv", "in_csv", is_flag=True, help="Print CSV for spreadsheets.")
@past.database
def history(since: float, link: str, in_json: bool, in_csv: bool, database: Path) -> None:
    """List outages, and what netswap did.

    netswapd keeps them for ever; it need not run to have them listed.
    """
    if in_json and in_csv:
        raise click.UsageError("--json and --csv exclude each other")
    with past.opened(database, link) as reader:
        found = outages(past.line(reader, since), link)
    if in_json:
        print_json([plain(outage) for outage in found])
    elif in_csv:
        print_csv([plain(outage) for outage in found])
    else:
        print_lines(listed(found, since, time.time(), paint_for(), width_of()))


def plain(outage: Outage) -> dict[str, Any]:
    """Return an outage as JSON and CSV can say it; `end_s` is None while it goes on."""
    return {
        **asdict(outage),
        "standing": outage.standing.value,
        "start": datetime.fromtimestamp(outage.start_s).astimezone().isoformat("T", "seconds"),
        "length_s": round(outage.length_s, 3),
        "took_over_s": outage.took_over_s or None,
        "done": outage.done,
    }


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Print for spreadsheets (RFC 4180)."""
    names = list(Outage.__dataclass_fields__)
    text = io.StringIO()  # click knows what to do where the output is closed, csv does not
    writer = csv.DictWriter(text, ["start", "length_s", *names, "done"])
    writer.writeheader()
    writer.writerows(rows)
    click.echo(text.getvalue(), nl=False)


def listed(
    found: Sequence[Outage],
    since_s: float,
    now_s: float,
    paint: Paint = unpainted,
    width: int | None = None,
) -> list[str]:
    """List outages for people."""
    if not found:
        return [f"No outage in the last {units.duration(since_s)}"]
    header = [Cell(name, "dim") for name in ("BEGAN", "LASTED", "LINK", "REASON", "NETSWAP")]
    rows = [_row(printable_outage, now_s) for printable_outage in found]
    return [*table([header, *rows], paint, width), "", *_sums(found)]


def _row(outage: Outage, now_s: float) -> list[Cell]:
    lasted = units.duration(outage.length_s) + ("" if outage.over else " +")
    return [
        Cell(clock(outage.start_s, now_s)),
        Cell(lasted),
        Cell(printable(outage.link), COLOURS[outage.standing]),
        Cell(printable(outage.reason)),
        Cell(printable(outage.done)),
    ]


def _sums(found: Sequence[Outage]) -> list[str]:
    """Sum up, link by link."""
    lines = []
    for link in dict.fromkeys(outage.link for outage in found):
        own = [outage for outage in found if outage.link == link]
        total = units.duration(sum(outage.length_s for outage in own))
        noun = "outage" if len(own) == 1 else "outages"
        lines.append(f"{printable(link)}: {len(own)} {noun}, {total} in all")
    if any(not outage.over for outage in found):
        lines.append("+ it goes on, or its end was not seen")
    return lines
