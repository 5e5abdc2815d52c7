"""When something is said: at once, but at most once a minute, and then in one sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf

from netswap.cli.client import Swapped
from netswap.cli.status import Status

EVERY_S = 60.0
"""At least so long between two notifications."""


class What(Enum):
    """What a person wants to be told."""

    SWAPPED = "swapped"
    OFFLINE = "offline"
    BACK = "back"
    """Online again without a swap."""


@dataclass(frozen=True, slots=True)
class News:
    """Something happened: the link that traffic goes by now, the one that it left, and why."""

    what: What
    link: str
    before: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be said now: the last news, and how many there were since the last time."""

    news: News
    count: int


class Attention:
    """Notices what is news in what the service tells."""

    def __init__(self) -> None:
        self._offline = False

    def swapped(self, swap: Swapped) -> News:
        """Take in a swap, which is always news."""
        self._offline = False
        return News(What.SWAPPED, swap.target, swap.source, swap.reason)

    def seen(self, state: Status) -> News | None:
        """Take in how things stand. While that is not known yet, nothing is news."""
        if state.state == "starting":
            return None
        before, self._offline = self._offline, state.state == "offline"
        if self._offline and not before:
            return News(What.OFFLINE, state.active_link, reason=state.reason)
        if before and not self._offline:
            return News(What.BACK, state.active_link)
        return None


class Timing:
    """Holds news back until the last notification is old enough. Times are of any one clock."""

    def __init__(self) -> None:
        self._said_s = -inf
        self._last: News | None = None
        self._count = 0

    def add(self, news: News) -> None:
        """Take in news."""
        self._last = news
        self._count += 1

    def due_s(self) -> float:
        """Return when there is something to say; inf: when something happens."""
        return self._said_s + EVERY_S if self._last else inf

    def take(self, now_s: float, *, quiet: bool) -> Due | None:
        """Return what is due. While it has to be quiet, news is dropped: nobody is there."""
        if self._last is None or now_s < self.due_s():
            return None
        due = Due(self._last, self._count)
        self._last, self._count = None, 0
        if quiet:
            return None
        self._said_s = now_s
        return due
