"""The watcher: sees from outside whether netswap keeps its promises, and never asks netswap.

It looks at the kernel's routes, at the nftables table, at the files of NetworkManager's profiles,
and makes real TCP connections: as a user does, and over each link by itself, to know whether that
works. The latter bear the mark of netswap's probes, for which the guard has a hole.

Machines are busy. While the watcher itself was not run nothing counts as time, and where the
machine is so busy that work takes longer, so may netswap, up to five times.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import nftables

from netswap.adapters.nft.ruleset import PROBE_MARK
from tests.lab import kernel
from tests.lab.witness import NewConnections, Observer, Try

LOOK_S = 0.05
"""How often it looks."""
STALL_S = 0.2
"""A look that comes later than this was held up: the machine is busy."""
TRY_S = 0.1
"""How often it connects, by each way."""
FRESH_S = 0.6
"""A link works if a connection succeeded lately: they are tried with 0.3 s of patience."""
PROFILES = (
    Path("/etc/NetworkManager/system-connections"),
    Path("/run/NetworkManager/system-connections"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is the longest that is tolerated, in seconds."""

    offline_s: float = 5.0
    """No new connection works, though a link does.

    The configuration of the chaos runs finds an outage after at most 2.5 s: an interval (0.2 s),
    two confirmations (0.3 s), twice the deadline of a reply (1 s while its round trip is not
    known). A link that has just come back rises by 3 replies (0.6 s); a change gets 1 s to show
    its effect. That is 4.1 s; the rest is for a busy machine.
    """
    guarded_s: float = 1.0
    """The link that leads works, and is in the guard. It was made to lead by somebody else.

    The kernel tells netswap at once; it puts the metric right, or lifts the guard after 0.5 s.
    """


class Yardstick(Observer):
    """Measures how slow the machine makes a program that has something to do."""

    EACH_S, WORK_S, MOST = 1.0, 0.02, 5.0

    def __init__(self) -> None:
        super().__init__()
        self._slow: deque[float] = deque([1.0], maxlen=5)
        self.slowest = 1.0
        """The slowest it ever was."""

    @property
    def slowdown(self) -> float:
        """How many times as long as on an idle machine things take now; from 1 to `MOST`."""
        return min(self.MOST, max(self._slow))

    def _watch(self) -> None:
        while not self._over.wait(self.EACH_S):
            began, used = time.monotonic(), time.thread_time()
            while (worked_s := time.thread_time() - used) < self.WORK_S:
                pass
            self._slow.append((time.monotonic() - began) / worked_s)
            self.slowest = max(self.slowest, self._slow[-1])


@dataclass(slots=True)
class Worst:
    """The worst seen since it was asked for."""

    offline_s: float = 0.0
    guarded_s: float = 0.0


class Way:
    """Whether connections by one way work: of the user, or over one link."""

    def __init__(self, tries: NewConnections) -> None:
        self.tries = tries
        self.worked_at = time.monotonic()
        """When one succeeded last."""
        self.works_since: float | None = None
        """Since when all have succeeded; None: the last one failed."""

    def look(self) -> None:
        """Take in what has ended."""
        self.note(self.tries.take())
        if time.monotonic() - self.worked_at > FRESH_S:
            self.works_since = None

    def note(self, tries: Iterable[Try]) -> None:
        """Take in some tries."""
        for one in tries:
            if one.error:
                self.works_since = None
            else:
                self.worked_at = one.end
                self.works_since = self.works_since or one.end

    def forgive(self, seconds: float) -> None:
        """Let so much time not count."""
        self.worked_at += seconds
        if self.works_since is not None:
            self.works_since += seconds


class Watcher(Observer):
    """Watches two things all the time, and the stored profiles when asked. A context manager."""

    def __init__(self, links: Iterable[str]) -> None:
        super().__init__()
        self.limits = Limits()
        """What is tolerated now; to be set by who makes trouble."""
        self.worst = Worst()
        self.violation: str | None = None
        """The first invariant that was broken."""
        self.stalled_s = 0.0
        """How long the watcher was not run, in all."""
        self.machine = Yardstick()
        self.user = Way(NewConnections(interval_s=TRY_S))
        self.over = {
            name: Way(NewConnections(interval_s=TRY_S, over=name, mark=PROBE_MARK))
            for name in links
        }
        self.profiles = profiles()
        self.guarded: set[str] = set()
        """Which links the kernel guards for netswap."""
        self._nft = nftables.Nftables()  # for the watching thread only
        self._guarded_since: float | None = None

    def __enter__(self) -> Self:
        self._ways = contextlib.ExitStack()
        self._ways.enter_context(self.machine)
        for way in (self.user, *self.over.values()):
            self._ways.enter_context(way.tries)
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        self._ways.close()

    def allow(self, limits: Limits) -> None:
        """Tolerate this from now on."""
        self.limits, self.worst = limits, Worst()

    def online(self) -> bool:
        """Tell whether a user's last connection succeeded."""
        return self.user.works_since is not None

    def _read_guarded(self) -> set[str]:
        status, listing, _ = self._nft.cmd("list set inet netswap standby")
        return set() if status else set(re.findall(r'"([^" ]+)"', listing.partition("elem")[2]))

    def check_profiles(self) -> None:
        """See whether the stored profiles are what they were at the start, byte for byte."""
        if (now := profiles()) != self.profiles:
            differ = {path for path, _ in now.items() ^ self.profiles.items()}
            self._broken(f"a stored profile has changed: {', '.join(sorted(differ))}")

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._over.wait(LOOK_S):
            now = time.monotonic()
            self._forgive(max(0.0, now - last - STALL_S))
            last = now
            self._look_at_connections(now)
            self._look_at_guard(now)

    def _forgive(self, seconds: float) -> None:
        self.stalled_s += seconds
        for way in (self.user, *self.over.values()):
            way.forgive(seconds)
        if self._guarded_since is not None:
            self._guarded_since += seconds

    def _look_at_connections(self, now: float) -> None:
        for way in (self.user, *self.over.values()):
            way.look()
        working = {n: w.works_since for n, w in self.over.items() if w.works_since is not None}
        for link, since in working.items():
            offline_s = now - max(since, self.user.worked_at)
            self.worst.offline_s = max(self.worst.offline_s, offline_s)
            if offline_s > self.limits.offline_s * self.machine.slowdown:
                self._broken(f"offline for {offline_s:.1f} s, though {link} works")

    def _look_at_guard(self, now: float) -> None:
        active, self.guarded = kernel.active(), self._read_guarded()
        works = active is not None and active in self.over and self.over[active].works_since
        if not works or active not in self.guarded:
            self._guarded_since = None
            return
        self._guarded_since = self._guarded_since or now
        guarded_s = now - self._guarded_since
        self.worst.guarded_s = max(self.worst.guarded_s, guarded_s)
        if guarded_s > self.limits.guarded_s * self.machine.slowdown:
            self._broken(f"{active} leads and is guarded for {guarded_s:.1f} s")

    def _broken(self, what: str) -> None:
        self.violation = self.violation or what


def profiles() -> dict[str, str]:
    """Return each stored profile of NetworkManager with its hash."""
    files = [file for folder in PROFILES if folder.is_dir() for file in folder.iterdir()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
