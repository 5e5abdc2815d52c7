"""When a step may be tried (again): no step is repeated before its effect could be seen.

A step that was carried out gets `SETTLE_S` until the world shows it (one that frees a link is
repeated at once); one that failed, or whose effect never shows, is tried again with back-off: 1, 2,
4, … `LONGEST_S` seconds. A step that is no longer needed is forgiven. Failing changes nothing but
this deadline.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf

from netswap.core.actions import (
    Block,
    EndConnections,
    Linger,
    Reach,
    Recheck,
    SetMetric,
    Step,
    Tidy,
)
from netswap.core.model import World

SETTLE_S = 1.0
LONGEST_S = 30.0
_SETTLING = Block | EndConnections | Linger | Reach | SetMetric | Tidy | Recheck
"""What gets `SETTLE_S`."""


@dataclass(slots=True)
class _Attempt:
    at_s: float
    count: int = 1
    """0 where what was before does not count any more."""

    @property
    def again_s(self) -> float:
        return self.at_s + min(LONGEST_S, SETTLE_S * (1 << max(0, self.count - 1)))


class Attempts:
    """The steps tried lately, and when each may be tried again."""

    def __init__(self) -> None:
        self._attempts: dict[Step, _Attempt] = {}

    def ready(self, step: Step, now_s: float) -> bool:
        """Whether the step, or any part of it, may be tried now."""
        return any(
            (attempt := self._attempts.get(part)) is None or now_s >= attempt.again_s
            for part in _parts(step)
        )

    def issued(self, step: Step, now_s: float) -> None:
        """Note a try. What frees a link needs no patience."""
        if isinstance(step, _SETTLING):
            self._try(step, now_s)

    def finished(self, steps: Collection[Step], now_s: float) -> None:
        """Let the patience begin now: the try itself may have taken long."""
        for part in (part for step in steps for part in _parts(step)):
            if part in self._attempts:
                self._attempts[part].at_s = now_s

    def untried(self, steps: Collection[Step]) -> None:
        """Take back that these were issued: one before them failed, and they do not need it.

        Else they would be tried together with it each time, and never come to their turn.
        """
        for part in (part for step in steps for part in _parts(step)):
            if attempt := self._attempts.get(part):
                attempt.count -= 1
                if attempt.count <= 0:
                    del self._attempts[part]

    def failed(self, step: Step, now_s: float) -> float:
        """Note a failure; return when it may be tried again."""
        noted = any(part in self._attempts for part in _parts(step))
        if not (noted and isinstance(step, _SETTLING)):
            self._try(step, now_s)
        return max(self._attempts[p].again_s for p in _parts(step) if p in self._attempts)

    def forget(self, link: str) -> None:
        """Forget what was tried on a link that is another one now."""
        for step in [step for step in self._attempts if step.link == link]:
            del self._attempts[step]

    def forgive_all_but(self, needed: Collection[Step], now_s: float) -> None:
        """Forget the back-off of what is not needed now; keep the pause between two tries."""
        parts = {part for step in needed for part in _parts(step)}
        for part in self._attempts.keys() - parts:
            self._attempts[part].count = 0
            if self.ready(part, now_s):
                del self._attempts[part]

    def deadline_s(self, needed: Collection[Step], now_s: float) -> float:
        """Return when the first of the steps that are needed may be tried again, or infinity."""
        parts = (part for step in needed for part in _parts(step))
        held = (self._attempts[part].again_s for part in parts if part in self._attempts)
        return min((again_s for again_s in held if again_s > now_s), default=inf)

    def _try(self, step: Step, now_s: float) -> None:
        for part in _parts(step):
            if attempt := self._attempts.get(part):
                attempt.at_s = now_s
                attempt.count = min(attempt.count + 1, 10)
            else:
                self._attempts[part] = _Attempt(now_s)


def independent(
    failed: Step, behind: Sequence[Step], world: World, desired: str | None
) -> tuple[Step, ...]:
    """Return those of the steps behind one that failed that can do without it."""
    match failed:
        case Block() | EndConnections() | Linger() | Reach():
            return tuple(behind)
        case SetMetric(link=link) if link == desired:
            stands = _stands(failed, world)
            return tuple(step for step in behind if stands and not _passes(step, failed, world))
        case SetMetric() | Tidy() if _follows(failed.link, desired, world):
            return tuple(step for step in behind if step.link != desired)
    return ()


def _stands(failed: SetMetric, world: World) -> bool:
    """Whether the active link's IPv4 route went ahead to where it was to stand, though refused."""
    active = world.link(failed.link)
    return active is not None and not (failed.v4 and active.v4 and active.v4.metric > failed.v4)


def _passes(step: Step, failed: SetMetric, world: World) -> bool:
    """Whether a link would come to stand before the active one by IPv6."""
    active, link = world.link(failed.link), world.link(step.link)
    if not (isinstance(step, SetMetric) and step.v6 and failed.v6):
        return False
    if not (active and active.v6 and link and link.v6):
        return False
    return step.v6 <= active.v6.metric <= link.v6.metric


def _follows(name: str, desired: str | None, world: World) -> bool:
    """Whether a standby link will not lead, though it could not be raised, when others are.

    The active link itself is raised only after all others. By IPv6, whose routes cannot go ahead,
    the refused link may lead instead of them: what is guarded there is told so at once, and IPv4
    works.
    """
    link, active = world.link(name), world.link(desired)
    if link is None or active is None:
        return False
    return not (link.v4 and active.v4 and link.v4.metric <= active.v4.metric)


def _parts(step: Step) -> tuple[Step, ...]:
    """Split a metric step by family: IPv4 alone again, after both, is a repetition."""
    if isinstance(step, SetMetric) and step.v4 is not None and step.v6 is not None:
        return SetMetric(step.link, v4=step.v4), SetMetric(step.link, v6=step.v6)
    return (step,)
