"""The checks of one link beside its pings: when each is made, and what has come of it. Pure.

A check is made as soon as its link answers pings, and then every `every_s`; of a metered backup
that nobody uses `RARELY` times less often. After a failure it is made again `CONFIRM_S` later,
until it succeeds or has failed `fall` times in a row. From then on the link has a fault, which one
success ends. While the link does not answer pings its checks rest, and a result that comes
then counts for nothing: it is the outage's. A check that could not be made at all says
nothing about the link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from netswap.core.settings import CheckSettings

RARELY = 10
CONFIRM_S = 1.0


@dataclass(slots=True)
class _Check:
    """One check of the link, over time."""

    settings: CheckSettings
    run: int = 0
    """The run that is under way, 0 if none is."""
    started_s: float = -inf
    ended_s: float = -inf
    failures: int = 0
    """In a row, up to now."""
    reason: str = ""
    """Why it failed last."""
    error: str = ""
    """Why it could not be made, "" if it could."""

    @property
    def failed(self) -> bool:
        return self.failures >= self.settings.fall

    def due_s(self, *, rests: bool) -> float:
        if self.run:
            return inf
        if 0 < self.failures < self.settings.fall:
            return self.ended_s + min(CONFIRM_S, self.settings.every_s)
        return self.started_s + self.settings.every_s * (RARELY if rests else 1)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is to be said of a run that did not succeed."""

    reason: str
    count: int
    """Failures in a row; 0 if the check could not be made."""
    fall: int


class Checks:
    """The checks of one link."""

    def __init__(self, wanted: Iterable[CheckSettings]) -> None:
        self._checks = [_Check(settings) for settings in wanted]
        self._runs = 0

    def reconfigure(self, wanted: Iterable[CheckSettings]) -> None:
        """Go on with other checks; what is known of those that ask the same is kept."""
        known, self._checks = self._checks, []
        for settings in wanted:
            same = (check for check in known if _asked(check.settings) == _asked(settings))
            check = next(same, None) or _Check(settings)
            known = [other for other in known if other is not check]
            check.settings = settings
            self._checks.append(check)

    def forget(self) -> None:
        """Begin anew."""
        self._checks = [_Check(check.settings) for check in self._checks]

    def rest(self) -> None:
        """Make none for the time being, and all of them at once afterwards."""
        for check in self._checks:
            check.run, check.started_s, check.ended_s = 0, -inf, -inf

    def start(self, now_s: float, *, rests: bool) -> Iterator[tuple[CheckSettings, int]]:
        """Yield the checks to be made now, each with the number of its run."""
        for check in self._checks:
            if now_s >= check.due_s(rests=rests):
                self._runs += 1
                check.run, check.started_s = self._runs, now_s
                yield check.settings, check.run

    def end(self, run: int, ok: bool | None, reason: str, now_s: float) -> Failure | None:
        """Take in what came of a run, None where it could not be made; return what is new of it."""
        check = next((check for check in self._checks if check.run == run), None)
        if check is None:
            return None
        check.run, check.ended_s = 0, now_s
        reason = f"{check.settings.method}: {reason}"
        if ok is None:
            news, check.error = reason != check.error, reason
            return Failure(reason, 0, check.settings.fall) if news else None
        check.error = ""
        check.failures = 0 if ok else check.failures + 1
        check.reason = reason
        new = 0 < check.failures <= check.settings.fall
        return Failure(reason, check.failures, check.settings.fall) if new else None

    @property
    def fault(self) -> str:
        """Why the link is not to be used, "" if nothing speaks against it."""
        return next((check.reason for check in self._checks if check.failed), "")

    def deadline_s(self, *, rests: bool) -> float:
        """Return when `start` has something to do next, infinity while it cannot be told."""
        return min((check.due_s(rests=rests) for check in self._checks), default=inf)


def _asked(check: CheckSettings) -> tuple[object, ...]:
    """Return what a check asks, and what it must hear; not how often, nor of which links."""
    return check.method, check.target, check.expect_status, check.expect_body
