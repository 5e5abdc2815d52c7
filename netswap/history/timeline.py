"""Facts one after the other → what was the case from when to when. Pure.

Times are seconds since the epoch. A clock that was set makes no time of its own: netswapd ends by
the one that it was, and begins by the new one. Where it was set back by too little for that, a fact
is older than the one before it; what lay between lasted no time then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netswap.history.facts import Fact, What


@dataclass(frozen=True, slots=True)
class Span:
    """Something that was the case from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    value: str
    """A standing, the name of a link, or a condition."""
    reason: str = ""

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s

    def overlap_s(self, start_s: float, end_s: float) -> float:
        """How much of it lies between two times."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))


@dataclass(frozen=True, slots=True)
class Timeline:
    """What was the case between two times."""

    start_s: float
    end_s: float
    watched: tuple[Span, ...] = ()
    """When netswapd ran and the computer was awake."""
    links: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    """Each link's standings."""
    active: tuple[Span, ...] = ()
    conditions: tuple[Span, ...] = ()
    whole: Timeline | None = None
    """The same with what was the case before and after, as far as it was told; None: it is that."""

    @property
    def watched_from_s(self) -> float:
        """When somebody first looked; its end where nobody did."""
        return min((span.start_s for span in self.watched), default=self.end_s)

    @property
    def watched_s(self) -> float:
        """How long it is known how things stood."""
        return sum(span.length_s for span in self.watched)


Key = tuple[What, str]


def timeline(facts: Iterable[Fact], start_s: float, end_s: float, alive_s: float) -> Timeline:
    """Build it. Facts from before `start_s` tell how things stood then.

    `alive_s` is when netswapd was last known to be there: nothing is known after that.
    """
    known_s = max(start_s, min(end_s, alive_s))
    spans: dict[Key, list[Span]] = {}
    under_way: dict[Key, Fact] = {}
    for fact in facts:
        closed = list(under_way) if fact.what in (What.BEGIN, What.END) else [_key(fact)]
        for key in closed:
            if before := under_way.pop(key, None):
                spans.setdefault(key, []).append(_span(before, fact.at_s))
        if fact.what is not What.END and not fact.last:
            under_way[_key(fact)] = fact
    for key, fact in under_way.items():
        spans.setdefault(key, []).append(_span(fact, known_s))
    clipped = {key: _clipped(found, start_s, end_s) for key, found in spans.items()}
    return replace(_line(clipped, start_s, end_s), whole=_line(spans, start_s, end_s))


def _line(spans: Mapping[Key, Sequence[Span]], start_s: float, end_s: float) -> Timeline:
    found = {key: tuple(own) for key, own in spans.items()}
    return Timeline(
        start_s,
        end_s,
        watched=found.get((What.BEGIN, ""), ()),
        links={name: own for (what, name), own in found.items() if what is What.LINK},
        active=found.get((What.ACTIVE, ""), ()),
        conditions=found.get((What.CONDITION, ""), ()),
    )


def _key(fact: Fact) -> Key:
    return fact.what, fact.link if fact.what is What.LINK else ""


def _span(fact: Fact, end_s: float) -> Span:
    value = fact.link if fact.what is What.ACTIVE else fact.state
    return Span(fact.at_s, max(fact.at_s, end_s), value, fact.reason)


def _clipped(spans: Sequence[Span], start_s: float, end_s: float) -> tuple[Span, ...]:
    return tuple(
        Span(max(span.start_s, start_s), min(span.end_s, end_s), span.value, span.reason)
        for span in spans
        if span.end_s > start_s and span.start_s < end_s
    )
