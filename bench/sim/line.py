"""What becomes of a packet on a line: how long its answer takes, or that none comes.

A line is calm, but for its spells. In a calm stretch and in an outage all packets fare alike, so
that nothing is to be learnt from them after a while (see `run.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from random import Random

RTT_S = 0.02
Fate = Callable[[float, str], float | None]
"""When a packet leaves and where to → seconds until the answer, None where none comes."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which packets fare differently: from start_s on, up to but not including end_s."""

    start_s: float
    end_s: float
    fate: Fate
    steady: bool = False
    """Whether all packets to a target fare alike in it."""


class Line:
    """Spells in the order of time, none overlapping; `dead` are the targets that never answer."""

    def __init__(
        self, *spells: Spell, rtt_s: float = RTT_S, dead: frozenset[str] = frozenset()
    ) -> None:
        self._spells: Sequence[Spell] = spells
        self._starts = [spell.start_s for spell in spells]
        self._rtt_s = rtt_s
        self._dead = dead

    def fate(self, sent_s: float, target: str) -> float | None:
        """Return how long the answer takes, None where none comes."""
        if target in self._dead:
            return None
        spell = self._spell(sent_s)
        return spell.fate(sent_s, target) if spell else self._rtt_s

    def steady_until(self, now_s: float) -> float:
        """Return until when all packets to a target fare alike; now_s if they do not."""
        if spell := self._spell(now_s):
            return spell.end_s if spell.steady else now_s
        after = bisect_right(self._starts, now_s)
        return self._starts[after] if after < len(self._starts) else inf

    def reseed(self, seed: int) -> None:
        """Go on with other luck."""
        for spell in self._spells:
            if random := getattr(spell.fate, "random", None):
                random.seed(seed)

    def _spell(self, at_s: float) -> Spell | None:
        before = bisect_right(self._starts, at_s)
        spell = self._spells[before - 1] if before else None
        return spell if spell and at_s < spell.end_s else None


def always(fate: Fate) -> Line:
    """Return a line on which packets always fare so."""
    return Line(Spell(-inf, inf, fate))


def outage(start_s: float, end_s: float = inf) -> Spell:
    """Return a spell in which nothing is answered, and nobody says why."""
    return Spell(start_s, end_s, _lost, steady=True)


def delay(start_s: float, end_s: float, rtt_s: float) -> Spell:
    """Return a spell in which all answers take long: somebody fills the modem's buffer."""
    return Spell(start_s, end_s, lambda _sent_s, _target: rtt_s)


def _lost(_sent_s: float, _target: str) -> None:
    return None


@dataclass(slots=True)
class Loss:
    """Each packet is lost for itself, with the same chance (0 to 1)."""

    chance: float
    random: Random
    rtt_s: float = RTT_S

    def __call__(self, _sent_s: float, _target: str) -> float | None:
        return None if self.random.random() < self.chance else self.rtt_s


@dataclass(slots=True)
class SharedLoss:
    """Packets that leave together are lost together: no target is better off than another."""

    chance: float
    random: Random
    rtt_s: float = RTT_S
    _sent_s: float = -1.0
    _lost: bool = False

    def __call__(self, sent_s: float, _target: str) -> float | None:
        if sent_s != self._sent_s:
            self._sent_s, self._lost = sent_s, self.random.random() < self.chance
        return None if self._lost else self.rtt_s


@dataclass(slots=True)
class Bursts:
    """Good and bad times of random length follow each other (Gilbert, 1960; Elliott, 1963)."""

    good_s: float
    """How long good times last on average; nothing is lost in them."""
    bad_s: float
    """How long bad times last on average."""
    chance: float
    """Of being lost in bad times, 0 to 1."""
    random: Random
    rtt_s: float = RTT_S
    _bad: bool = True
    _until_s: float = 0.0

    def __call__(self, sent_s: float, _target: str) -> float | None:
        while sent_s >= self._until_s:
            self._bad = not self._bad
            self._until_s += self.random.expovariate(1 / (self.bad_s if self._bad else self.good_s))
        lost = self._bad and self.random.random() < self.chance
        return None if lost else self.rtt_s


@dataclass(slots=True)
class Jitter:
    """Answers take longer by a random time, exponentially distributed: most little, some much."""

    mean_s: float
    random: Random
    rtt_s: float = RTT_S

    def __call__(self, _sent_s: float, _target: str) -> float | None:
        return self.rtt_s + self.random.expovariate(1 / self.mean_s)


@dataclass(slots=True)
class RateLimit:
    """One target answers no more than so many packets a second, the others all of them."""

    target: str
    per_s: float
    rtt_s: float = RTT_S
    _free_s: float = 0.0
    """When it answers again."""

    def __call__(self, sent_s: float, target: str) -> float | None:
        if target != self.target:
            return self.rtt_s
        if sent_s < self._free_s:
            return None
        self._free_s = sent_s + 1 / self.per_s
        return self.rtt_s
