"""Outages: when a link was of no use, why, and what netswap did. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


def outages(line: Timeline, link: str = "") -> list[Outage]:
    """Return the outages of one link or of all, the oldest first."""
    found = [
        outage
        for name, spans in line.links.items()
        if link in ("", name)
        for outage in _of_link(name, spans, line)
    ]
    return sorted(found, key=lambda outage: (outage.start_s, outage.link))


def _of_link(link: str, spans: tuple[Span, ...], line: Timeline) -> Iterator[Outage]:
    """Put spans that follow upon one another together; who proves himself is out until he has."""
    row: list[Span] = []
    for span in spans:
        out = Standing(span.value) in OUT
        follows = bool(row) and abs(span.start_s - row[-1].end_s) < APART_S
        if row and not (follows and (out or span.value == Standing.UNKNOWN.value)):
            yield _outage(link, row, line, over=follows)
            row = []
        if out or row:
            row.append(span)
    if row:
        yield _outage(link, row, line, over=False)


def _outage(link: str, row: list[Span], line: Timeline, *, over: bool) -> Outage:
    start_s, end_s = row[0].start_s, row[-1].end_s
    active = any(s.value == link and s.start_s <= start_s <= s.end_s for s in line.active)
    took_over = next(
        (
            span
            for span in line.active
            if start_s - APART_S <= span.start_s <= end_s and span.value not in ("", link)
        ),
        None,
    )
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
