"""Outages: when a link was of no use, why, and what netswap did. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from netswap.history.facts import OUT, Standing
from netswap.history.timeline import Span, Timeline

APART_S = 0.001
"""Times are kept to the millisecond."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A link of no use. Times are seconds since the epoch."""

    link: str
    start_s: float
    end_s: float
    """Or, where it goes on, or was lost from sight, how far it is known."""
    standing: Standing
    """How it began: down and faulty are the network's doing, away is mostly the user's."""
    reason: str
    over: bool = True
    """Whether its end was seen."""
    active: bool = False
    """Whether traffic took this link when it began."""
    took_over: str = ""
    """The link that took traffic over; "" where none did."""
    took_over_s: float = 0.0
    """When that was."""

    @property
    def length_s(self) -> float:
        """How long it lasted."""
        return self.end_s - self.start_s

    @property
    def done(self) -> str:
        """Say what netswap did."""
        if not self.active:
            return "nothing to do, it was not in use"
        return f"moved to {self.took_over}" if self.took_over else "no other link worked"


def outages(line: Timeline, link: str = "", *, apart: bool = False) -> list[Outage]:
    """Return the outages of one link or of all, the oldest first.

    A link that does not answer, and then is gone, is one outage; with `apart` it is two: what the
    network is to blame for, and what it is not.
    """
    whole = line.whole or line
    active = _Active(whole.active)
    found = [
        _within(line, _outage(name, part, active, over=over))
        for name, spans in whole.links.items()
        if link in ("", name)
        for row, seen in _rows(spans)
        for part, over in (_parts(_settled(row), over=seen) if apart else [(row, seen)])
        if part[-1].end_s > line.start_s and part[0].start_s < line.end_s
    ]
    return sorted(found, key=lambda outage: (outage.start_s, outage.link))


def _within(line: Timeline, outage: Outage) -> Outage:
    """Cut an outage to the period; what netswap did when it began is told all the same."""
    return replace(
        outage,
        start_s=max(outage.start_s, line.start_s),
        end_s=min(outage.end_s, line.end_s),
        over=outage.over and outage.end_s < line.end_s,
    )


Row = list[Span]


def _rows(spans: Iterable[Span]) -> Iterator[tuple[Row, bool]]:
    """Yield spans that follow upon one another, and whether their end was seen.

    Who proves himself is out until he has.
    """
    row: Row = []
    for span in spans:
        out = Standing(span.value) in OUT
        follows = bool(row) and abs(span.start_s - row[-1].end_s) < APART_S
        if row and not (follows and (out or span.value == Standing.UNKNOWN.value)):
            yield row, follows
            row = []
        if out or row:
            row.append(span)
    if row:
        yield row, False


def _settled(row: Row) -> Row:
    """Count the time in which a link might have proved itself, and did not, as being down."""
    settled: Row = []
    for span in row:
        failed = span.value == Standing.DOWN.value
        proved = not settled or settled[-1].value != Standing.UNKNOWN.value
        began = settled.pop() if failed and not proved else span
        settled.append(replace(span, start_s=began.start_s))
    return settled


def _parts(row: Row, *, over: bool) -> Iterator[tuple[Row, bool]]:
    """Cut a row where the link goes away or comes back; who proves himself is as he was before."""
    part: Row = []
    for span in row:
        proves = span.value == Standing.UNKNOWN.value
        if part and not proves and _away(span) != _away(part[0]):
            yield part, True
            part = []
        part.append(span)
    yield part, over


def _away(span: Span) -> bool:
    return span.value == Standing.AWAY.value


class _Active:
    """Which link was the active one, found without looking at years of it each time."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = sorted(spans, key=lambda span: span.start_s)
        self._starts_s = [span.start_s for span in self._spans]
        self._ended_s = list(accumulate((span.end_s for span in self._spans), max))
        """By when each, and all before it, had ended."""

    def at(self, at_s: float) -> Iterator[Span]:
        """Yield what was the case then."""
        for place in reversed(range(bisect_right(self._starts_s, at_s))):
            if self._ended_s[place] < at_s:
                return
            if self._spans[place].end_s >= at_s:
                yield self._spans[place]

    def began(self, start_s: float, end_s: float) -> Iterator[Span]:
        """Yield what began between two times."""
        for place in range(bisect_left(self._starts_s, start_s), len(self._spans)):
            if self._starts_s[place] > end_s:
                return
            yield self._spans[place]


def _outage(link: str, row: Row, line: _Active, *, over: bool) -> Outage:
    start_s, end_s = row[0].start_s, row[-1].end_s
    active = any(span.value == link for span in line.at(start_s))
    began = line.began(start_s - APART_S, end_s)
    took_over = next((span for span in began if span.value not in ("", link)), None)
    return Outage(
        link=link,
        start_s=start_s,
        end_s=end_s,
        standing=Standing(row[0].value),
        reason=row[0].reason,
        over=over,
        active=active,
        took_over=took_over.value if active and took_over else "",
        took_over_s=took_over.start_s if active and took_over else 0.0,
    )
