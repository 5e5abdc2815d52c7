"""What is noted when it happens: facts, the difference of two snapshots of the engine. Pure.

The words of the log (`netswap.core.words`) are for people and may change; facts are what outages
and reports are made of, and are kept for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from netswap.core.model import LinkSnapshot, Snapshot, State

Wall = Callable[[float], float]
"""From the engine's clock to seconds since the epoch."""


class What(Enum):
    """What a fact is about."""

    BEGIN = "begin"
    """netswapd started, or the computer woke up: from now on it is known how things stand."""
    END = "end"
    """From now on it is not."""
    LINK = "link"
    """A link's standing is another one."""
    ACTIVE = "active"
    """Another link is the active one, or none."""
    CONDITION = "condition"
    """The computer as a whole does otherwise: `netswap.core.model.Condition`."""


class Standing(Enum):
    """How a link does, the worst last: its health, and what else speaks against it."""

    UP = "up"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    """It was just connected, or looked at, and has neither proved itself nor failed to."""
    RESTING = "resting"
    """It is on demand, and nothing can leave by it: it need not be connected."""
    AWAY = "away"
    """Nothing can leave by it: no carrier, no device, not connected."""
    FAULTY = "faulty"
    DOWN = "down"
    """It is connected and does not answer."""


WORSE = {standing: place for place, standing in enumerate(Standing)}
OUT = frozenset({Standing.AWAY, Standing.FAULTY, Standing.DOWN})
"""The standings in which a link is of no use, and should be."""
APART = frozenset({Standing.RESTING, Standing.AWAY})
"""Those in which it is not connected."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, at a time in seconds since the epoch."""

    at_s: float
    what: What
    link: str = ""
    state: str = ""
    """A `Standing` or a `Condition`; "": it is no link any more."""
    reason: str = ""

    @property
    def last(self) -> bool:
        """Whether its link is none any more: from then on nothing is known of it."""
        return self.what is What.LINK and not self.state


def standing(link: LinkSnapshot) -> Standing:
    """Sum up how a link does."""
    if link.state is State.UP:
        if link.fault:
            return Standing.FAULTY
        return Standing.DEGRADED if link.degraded else Standing.UP
    if link.state is State.UNKNOWN or link.proving:
        return Standing.UNKNOWN
    if link.away:
        return Standing.RESTING if link.on_demand else Standing.AWAY
    return Standing.DOWN


def renamed(before: Snapshot, after: Snapshot) -> dict[str, str]:
    """Return which links are only called otherwise now: by the name before, that of now."""
    were, are = ({link.name for link in seen.links} for seen in (before, after))
    former = {
        seen.ifname: seen.name for seen in before.links if seen.ifname and seen.name not in are
    }
    new = [link for link in after.links if link.name not in were and link.ifname in former]
    return {former[link.ifname]: link.name for link in new}


def by_names(snapshot: Snapshot, names: Mapping[str, str]) -> Snapshot:
    """Return it with links called otherwise."""
    links = (replace(link, name=names.get(link.name, link.name)) for link in snapshot.links)
    active = names.get(snapshot.active, snapshot.active) if snapshot.active else snapshot.active
    return replace(snapshot, links=tuple(links), active=active)


def changes(before: Snapshot | None, after: Snapshot, wall: Wall) -> Iterator[Fact]:
    """Yield what is different; with nothing before, how everything stands.

    What speaks against a link that traffic was moved away from did so before it was moved.
    """
    known = {link.name: link for link in before.links} if before else {}
    for link in after.links:
        left = before is not None and link.name == before.active != after.active
        found_s = min(after.now_s, after.since_s) if left else after.now_s
        yield from _of_link(known.pop(link.name, None), link, found_s, wall)
    picked = before is not None and before.picked and after.picked
    yield from (_of_lost(name, wall(after.now_s), picked=picked) for name in known)
    if before is None or before.active != after.active:
        at_s = wall(after.since_s if before else after.now_s)
        yield Fact(at_s, What.ACTIVE, after.active or "", reason=after.reason)
    if before is None or before.condition is not after.condition:
        yield Fact(wall(after.now_s), What.CONDITION, state=after.condition.value)


def _of_lost(name: str, at_s: float, *, picked: bool) -> Fact:
    """Tell of a link that is none any more.

    The device is gone of one that netswap picked; any other was left out by the user.
    """
    if picked:
        return Fact(at_s, What.LINK, name, Standing.AWAY.value, "it is gone")
    return Fact(at_s, What.LINK, name, reason="it is no link any more")


def _of_link(
    before: LinkSnapshot | None, after: LinkSnapshot, found_s: float, wall: Wall
) -> Iterator[Fact]:
    """Yield how a link stands, if that is new; what has no time of its own was so by `found_s`."""
    stands = standing(after)
    if before is None or standing(before) is not stands:
        turned = before is not None and before.state is not after.state
        at_s = wall(min(found_s, after.since_s) if turned else found_s)
        yield Fact(at_s, What.LINK, after.name, stands.value, after.reason)
