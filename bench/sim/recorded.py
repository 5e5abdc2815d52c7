"""Lines from files: a trace of troubles (.csv), or what `ping -D` wrote. Raises UserError.

A trace has a line for each trouble: when it begins and how long it takes, in seconds, and its kind:
`outage`, `loss 5%` or `rtt 300 ms`. Lines that begin with # are for the reader.

A log of ping tells what became of one packet at a time. What was lost counts as silence until the
next one was sent: the closer they are, the truer it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from random import Random

from bench.sim.line import Line, Loss, Spell, always, delay, outage
from netswap.errors import UserError

HEAD = "start,length,kind"
_KIND = re.compile(r"(?P<what>outage|loss|rtt)( (?P<number>[\d.]+) ?(?P<unit>%|ms))?")
_PING = re.compile(r"\[(?P<at>\d+\.\d+)\] .*icmp_seq=(?P<sequence>\d+)(.* time=(?P<ms>[\d.]+) ms)?")
_UNITS = {"outage": None, "loss": "%", "rtt": "ms"}
WRAP = 1 << 16
LONGEST = 10_000_000
"""More pings than in three weeks of five a second: a clock that was set, not a log."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line as it was, from 0 to length_s; `silences` are the times in which nothing came back."""

    line: Line
    length_s: float
    silences: Sequence[tuple[float, float]]
    step_s: float = 0.0
    """How far apart the packets were that it was seen by; 0: it is known at every moment."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of packets sent step_s apart: seconds until the answer, None where none came."""

    fates: Sequence[float | None]
    step_s: float

    def __call__(self, sent_s: float, _target: str) -> float | None:
        place = int(sent_s / self.step_s)
        return self.fates[place] if 0 <= place < len(self.fates) else None


def read(path: Path) -> Recorded:
    """Read a file of either kind."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    return trace(text) if path.suffix == ".csv" else ping_log(text)


def trace(text: str) -> Recorded:
    """Read a trace; it ends an hour after its last trouble."""
    rows = [row.strip() for row in text.splitlines() if row.strip() and row[0] != "#"]
    if not rows or rows[0] != HEAD:
        raise UserError(
            f"the trace does not begin with {HEAD}", hint="see bench/sim/cable_modem.csv"
        )
    spells = [_spell(row) for row in rows[1:]]
    for before, after in pairwise(spells):
        if after.start_s < before.end_s:
            raise UserError(
                f"the trouble at {after.start_s:g} s begins before the last one is over"
            )
    silences = [(spell.start_s, spell.end_s) for spell in spells if spell.steady]
    return Recorded(Line(*spells), max([0.0, *(s.end_s for s in spells)]) + 3600, silences)


def _spell(row: str) -> Spell:
    hint = "such as: 3600,25,outage or 7200,600,loss 5% or 7200,600,rtt 300 ms"
    try:
        start, length, kind = row.split(",")
        start_s, end_s = float(start), float(start) + float(length)
        found = _KIND.fullmatch(kind.strip())
        if not found or found["unit"] != _UNITS[found["what"]] or not 0 <= start_s < end_s:
            raise ValueError
        number = float(found["number"] or 0)
    except ValueError:
        raise UserError(f"not a line of a trace: {row!r}", hint=hint) from None
    if found["what"] == "outage":
        return outage(start_s, end_s)
    if found["what"] == "loss":
        return Spell(start_s, end_s, Loss(number / 100, Random(int(start_s))))
    return delay(start_s, end_s, number / 1000)


def ping_log(text: str) -> Recorded:
    """Read what `ping -D` wrote."""
    seen = dict(_pings(text))
    sent = {sequence: at_s for sequence, (at_s, rtt_s) in seen.items() if rtt_s is not None}
    first, last = min(seen, default=0), max(seen, default=0)
    low, high = min(sent, default=0), max(sent, default=0)
    if high == low or last - first > LONGEST:
        hint = "record one with: ping -D -i 0.2 1.1.1.1 > ping.log"
        raise UserError("that is no log of `ping -D` with at least two replies in it", hint=hint)
    step_s = (sent[high] - sent[low]) / (high - low)
    fates = [seen.get(sequence, (0.0, None))[1] for sequence in range(first, last + 1)]
    line = always(Replay(fates, step_s))
    return Recorded(line, len(fates) * step_s, list(_silences(fates, step_s)), step_s)


def _pings(text: str) -> Iterator[tuple[int, tuple[float, float | None]]]:
    """Yield each packet that is told of: its number, when it was sent, and its round trip."""
    newest = 0
    for found in map(_PING.match, text.splitlines()):
        if found:
            ahead = (int(found["sequence"]) - newest) % WRAP
            number = newest + (ahead if ahead < WRAP // 2 else ahead - WRAP)
            newest = max(newest, number)
            rtt_s = float(found["ms"]) / 1000 if found["ms"] else None
            yield number, (float(found["at"]) - (rtt_s or 0.0), rtt_s)


def _silences(fates: Sequence[float | None], step_s: float) -> Iterator[tuple[float, float]]:
    place = 0
    for lost, run in groupby(fates, key=lambda rtt_s: rtt_s is None):
        length = len(list(run))
        if lost:
            yield place * step_s, (place + length) * step_s
        place += length
