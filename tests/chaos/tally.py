"""`make chaos-tally`: how often each fault in the transcripts was survived, and how soon right.

Reads build/chaos/SEED.log; `LOGS="a.log b.log"` names other transcripts. With `NOTE=FILE` the last
column of each row of the tables in that file tells it of the faults that it names.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

from tests.chaos import plan, run
from tests.chaos.faults import CATALOGUE, SWAPS, Fault
from tests.chaos.stage import PREFERRED

BEGIN = re.compile(r"^.*(?=episode \d+: )", re.MULTILINE)
OUTCOME = re.compile(r"right again after (?P<right>[\d.]+) s; offline (?P<offline>[\d.]+) s")
BROKEN = "VIOLATION"
TIMES = ("right", "worst", "offline")
"""Seconds until all was right after the last fault, median and worst; longest time offline.

First of the episodes with nothing else, then of all.
"""
LAST_CELL = re.compile(r"^(?P<before>\|.*\| )(?P<last>[^|\n]*) \|$", re.MULTILINE)
NAMED_FAULT = re.compile(r"`(?P<name>[a-z_]+)`(?: \d+/\d+(?:, [\d.]+ s)?)?")
TIME = re.compile(r"^ *([\d.]+) \[", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an episode ended."""

    episode: plan.Episode
    survived: bool
    right_s: float = 0.0
    """How long after its last fault all was right."""
    offline_s: float = 0.0
    """How long users were offline at a time though a link worked, the watcher's word."""


def outcomes(transcript: str) -> Iterator[Outcome]:
    """Yield the episodes of a transcript that came to an end."""
    for told in BEGIN.split(transcript)[1:]:
        (episode,) = plan.parse(told)
        if BROKEN in told:
            yield Outcome(episode, survived=False)
        elif found := OUTCOME.search(told):
            yield Outcome(episode, True, float(found["right"]), float(found["offline"]))


@dataclass(slots=True)
class Row:
    """What became of the episodes with one fault."""

    alone: list[Outcome] = field(default_factory=list)
    swapping: list[Outcome] = field(default_factory=list)
    """While the preferred link failed, by another fault."""
    beside: list[Outcome] = field(default_factory=list)
    """With another fault that is none of those."""

    def add(self, fault: Fault, outcome: Outcome) -> None:
        """Count an episode in which the fault was made."""
        others = [h for h in outcome.episode if h.fault is not fault]
        if not others:
            self.alone.append(outcome)
        elif any(h.fault in SWAPS and h.link == PREFERRED for h in others):
            self.swapping.append(outcome)
        else:
            self.beside.append(outcome)

    def cells(self) -> Iterator[str]:
        """Yield what stands in the table."""
        for group in (self.alone, self.swapping, self.beside):
            yield f"{sum(o.survived for o in group)}/{len(group)}"
        for group in (self.alone, [*self.alone, *self.swapping, *self.beside]):
            lived = [outcome for outcome in group if outcome.survived]
            yield f"{median(o.right_s for o in lived):.1f}" if lived else "-"
            yield f"{max(o.right_s for o in lived):.1f}" if lived else "-"
            yield f"{max(o.offline_s for o in lived):.1f}" if lived else "-"

    def __str__(self) -> str:
        """How many of the episodes were survived, and after how long all was right, the median."""
        outcomes = [*self.alone, *self.swapping, *self.beside]
        lived = [outcome.right_s for outcome in outcomes if outcome.survived]
        return f"{len(lived)}/{len(outcomes)}" + (f", {median(lived):.1f} s" if lived else "")


def note(text: str, rows: dict[str, Row]) -> str:
    """Return a text in which the tables tell what became of each fault."""

    def told(fault: re.Match[str]) -> str:
        return f"`{fault['name']}` {row}" if (row := rows.get(fault["name"])) else fault[0]

    def cells(line: re.Match[str]) -> str:
        return line["before"] + NAMED_FAULT.sub(told, line["last"]) + " |"

    return LAST_CELL.sub(cells, text)


def tally(found: Iterable[Outcome]) -> dict[str, Row]:
    """Return a row for each fault of the catalogue."""
    rows = {fault.name: Row() for fault in CATALOGUE}
    for outcome in found:
        for fault in {h.fault.name: h.fault for h in outcome.episode}.values():
            rows[fault.name].add(fault, outcome)
    return rows


def hours(transcript: str) -> float:
    """Return how long a transcript is."""
    times = TIME.findall(transcript)
    return float(times[-1]) / 3600 if times else 0.0


def table(rows: dict[str, Row]) -> Table:
    """Return the table: survived/tried, then times in seconds, alone and in all episodes."""
    made = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    made.add_column("survived/tried", no_wrap=True)
    for name in ("alone", "in a swap", "beside", *TIMES, "all", *TIMES[1:]):
        made.add_column(name, justify="right", no_wrap=True)
    for name, row in rows.items():
        made.add_row(name, *row.cells())
    return made


def main() -> int:
    """Print the table; return the exit status: 1 if there is no transcript."""
    named = os.environ.get("LOGS", "").split()
    paths = [Path(name) for name in named] or sorted(run.BUILD.glob("[0-9]*.log"))
    told = [path.read_text() for path in paths]
    found = [outcome for transcript in told for outcome in outcomes(transcript)]
    if not found:
        print(f"no episodes in {run.BUILD}: make chaos", file=sys.stderr)
        return 1
    broken = sum(not outcome.survived for outcome in found)
    print(
        f"{len(told)} runs, {sum(map(hours, told)):.1f} hours, {len(found)} episodes, "
        f"{broken} broken promises\n"
    )
    rows = tally(found)
    Console(highlight=False, width=92).print(table(rows))
    if file := os.environ.get("NOTE"):
        Path(file).write_text(note(Path(file).read_text(), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
