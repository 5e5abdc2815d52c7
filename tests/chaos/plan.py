"""What happens when: episodes of faults, made from a seed or read from a transcript. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from tests.chaos.faults import BY_NAME, CATALOGUE, SWAPS, Fault
from tests.chaos.stage import BACKUP, LAPTOPS, PREFERRED
from tests.chaos.watcher import Limits

SWAP_S = 1.5
"""The other fault comes so long after an outage at the latest: before, in or after the swap."""
LAPTOP = re.compile(r"laptop: (\w+)$", re.MULTILINE)
LINE = re.compile(r"episode \d+: (?P<happenings>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault of a link (an empty one: of all or none) that comes and goes."""

    fault: Fault
    link: str
    at_s: float
    for_s: float

    def __str__(self) -> str:
        return f"{self.fault.name} {self.link or '-'} at {self.at_s:.2f} for {self.for_s:.2f}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote."""
        name, link, _, at, _, lasting = text.split()
        return cls(BY_NAME[name], link.replace("-", ""), float(at), float(lasting))

    def uses(self) -> frozenset[str]:
        """Return what nothing else may use at the same time."""
        return self.fault.on(self.link)


Episode = tuple[Happening, ...]


def text(episode: Episode) -> str:
    """Return an episode as one line."""
    return "; ".join(map(str, episode))


def parse(transcript: str) -> list[Episode]:
    """Return the episodes of a transcript."""
    lines = (match["happenings"] for match in LINE.finditer(transcript))
    return [tuple(Happening.parse(part) for part in line.split("; ")) for line in lines]


def laptop(seed: int) -> str:
    """Return which laptop a seed has."""
    return list(LAPTOPS)[seed % len(LAPTOPS)]


def laptop_of(transcript: str) -> str:
    """Return which laptop a transcript is about."""
    found = LAPTOP.search(transcript)
    return found[1] if found else next(iter(LAPTOPS))


def episodes(seed: int) -> Iterator[Episode]:
    """Yield episodes for ever: a fault alone, during a swap, or two at once."""
    dice = random.Random(seed)
    while True:
        number = dice.choice((1, 2, 2, 3))
        chosen = [_happening(dice, fault) for fault in dice.sample(CATALOGUE, number)]
        if number > 1 and dice.random() < 0.7:
            chosen[0] = _swap(dice)
        yield tuple(_compatible(chosen))


def limits(episode: Episode) -> Limits:
    """Return what is tolerated: what netswap can do nothing about is not its time."""
    excused_s = sum(h.for_s + EXTRA_S for h in episode if h.fault.excuses)
    blind_s = sum(h.for_s + EXTRA_S for h in episode if h.fault.blinds)
    usual = Limits()
    return Limits(usual.offline_s + excused_s, usual.guarded_s + blind_s)


EXTRA_S = 15.0
"""What that which was away takes to start, and to get leases; on a busy machine that is long."""


def _happening(dice: random.Random, fault: Fault) -> Happening:
    link = dice.choice((PREFERRED, BACKUP)) if fault.of_link else ""
    lasting = dice.uniform(min(0.3, fault.longest_s), fault.longest_s)
    return Happening(fault, link, round(dice.uniform(0, SWAP_S), 2), round(lasting, 2))


def _swap(dice: random.Random) -> Happening:
    lasting = dice.uniform(1.0, 6.0)
    return Happening(dice.choice(SWAPS), PREFERRED, 0.0, round(lasting, 2))


def _compatible(happenings: Iterable[Happening]) -> Iterator[Happening]:
    used: frozenset[str] = frozenset()
    for happening in happenings:
        if not used & happening.uses():
            used |= happening.uses()
            yield happening
