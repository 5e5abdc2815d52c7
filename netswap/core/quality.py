"""How good a link is that replies at all: loss and round trip over its last rounds of probes.

Loss is told of each target apart, and the link's is that of its best ones, as many as have to
answer: a target that is dead or answers only now and then says nothing about the link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from netswap.core.settings import QualitySettings


@dataclass(eq=False, slots=True)
class Round:
    """One probe to every target."""

    sent_s: float
    lost_s: float
    """When it is lost unless enough targets have answered."""
    counts: bool = True
    """Whether it tells how good the link is: one that confirms a suspicion is no fair sample."""
    answered: set[str] = field(default_factory=set)
    rtt_s: float | None = None
    """How long it took until enough of them had answered."""


NOTICED = 8
"""How many of the last rounds are looked at to see whether anything is wrong at all."""


SETTLED = 2
"""After so many windows that looked wrong no closer look is needed."""
MUCH = 0.25
"""Which share of them, lost by one target, is much; half of that, before, is none that was good."""


class Window:
    """The last rounds that were decided."""

    def __init__(self, targets: Sequence[str], reliability: int, size: int) -> None:
        self._targets, self._reliability = targets, reliability
        self._rounds: deque[Round] = deque(maxlen=size)
        self.loss: float | None = None
        """Share of the probes that were lost, 0 to 1; None where none was decided."""
        self._wrong = 0
        """How many rounds in a row have left it looking wrong."""

    def add(self, decided: Round) -> None:
        """Take in a round; replies that come later count with the next one."""
        if decided.counts:
            self._rounds.append(decided)
            self.loss = self._of(self.losses())
            self._wrong = self._wrong + 1 if self._looks_wrong() else 0

    def clear(self) -> None:
        """Begin anew."""
        self._rounds.clear()
        self.loss, self._wrong = None, 0

    @property
    def uneasy(self) -> bool:
        """Whether something was lost lately, so that it is worth to look more closely.

        Not for ever: what has not come to a verdict by then is how this link is.
        """
        return 0 < self._wrong <= SETTLED * (self._rounds.maxlen or 0)

    def losses(self) -> dict[str, float]:
        """Return the share that was lost to each target; nothing where no round was decided."""
        return self._losses(self._rounds) if self._rounds else {}

    def _looks_wrong(self) -> bool:
        """Tell whether much was lost, or something lately, or much of a target that was good."""
        rounds = list(self._rounds)
        lately, before = self._losses(rounds[-NOTICED:]), self._losses(rounds[:-NOTICED])
        worse = (lately[target] >= MUCH > 2 * before[target] for target in self._targets)
        return (self.loss or 0) >= MUCH / 2 or self._of(lately) > 0 or any(worse)

    def _losses(self, rounds: Collection[Round]) -> dict[str, float]:
        size = len(rounds) or 1
        answered = [target for seen in rounds for target in seen.answered]
        return {target: 1 - answered.count(target) / size for target in self._targets}

    def _of(self, losses: dict[str, float]) -> float:
        return sorted(losses.values())[self._reliability - 1]

    @property
    def enough(self) -> bool:
        """Whether enough is known for a verdict."""
        return len(self._rounds) >= (self._rounds.maxlen or 0) // 2

    def verdict(self, quality: QualitySettings, *, degraded: bool) -> str:
        """Say why the link is not good enough, "" if it is."""
        loss = self.loss or 0.0
        if loss >= (quality.loss_recovered if degraded and quality.loss <= 1 else quality.loss):
            return f"{loss:.0%} of the probes lost"
        if not quality.latency_s or (rtt_s := self.rtt_s) is None:
            return ""
        if rtt_s >= (quality.latency_good_s if degraded else quality.latency_s):
            return f"replies take {rtt_s * 1000:.0f} ms"
        return ""

    @property
    def rtt_s(self) -> float | None:
        """The median round trip in seconds, None without one."""
        times = sorted(seen.rtt_s for seen in self._rounds if seen.rtt_s is not None)
        middle = len(times) // 2
        return (times[middle] + times[~middle]) / 2 if times else None
