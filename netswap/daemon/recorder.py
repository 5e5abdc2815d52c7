"""What the history is told: facts at once, measurements by the minute."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from netswap.core.model import Snapshot
from netswap.daemon.recent import Wall
from netswap.daemon.usage import Usage
from netswap.daemon.writer import Writer
from netswap.history import facts
from netswap.history.facts import Fact, What
from netswap.history.minutes import MINUTE_S, Aggregator
from netswap.history.store import DEFAULT_PATH, Batch, Kept

LOOK_S = 10.0
"""Seconds between two looks: what an interface carried since the last one goes with it."""
SET_S = 2.0
"""A clock that moved by more since the last look was set; by less, it may be put right slowly."""

Times = Mapping[str, Sequence[float]]


def path() -> Path:
    """Return where the database is: where systemd says, or where it would."""
    folder = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(folder) / DEFAULT_PATH.name if folder else DEFAULT_PATH


class Recorder:
    """Sees to it that the history is written.

    It looks by itself, too, and may so be the first to run after a sleep: `catch_up` is called
    before, and is to call `slept` where the computer slept. By the clock alone it cannot be told
    from one that was set.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        take_times_s: Callable[[], Times],
        usage: Usage,
        wall: Wall,
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._snapshot, self._take_times_s, self._wall = snapshot, take_times_s, wall
        self._usage, self._catch_up = usage, catch_up
        self._writer = Writer(path(), self._opened, self._lost)
        self._minutes = Aggregator()
        self._known: Snapshot | None = None
        self._ahead_s = self._wall.ahead_s()
        self._minute = int(self._wall.now_s() // MINUTE_S)
        self._order: tuple[str, ...] = ()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(0, self._tick)

    def start(self) -> None:
        """Begin."""
        self._writer.start()
        self._put([Fact(self._wall.now_s(), What.BEGIN, reason="netswapd started")])

    def look(self, snapshot: Snapshot) -> None:
        """Take note of what is different now."""
        self._rename(snapshot)
        self._see_clock()
        if self._known and _interfaces(self._known) != _interfaces(snapshot):
            self._count(self._known)
            self._count(snapshot)  # from now on: what a new one carries counts
        found = list(facts.changes(self._known, snapshot, self._wall))
        self._known = snapshot
        self._minutes.look(snapshot)
        if found:
            self._put(found)

    def _rename(self, snapshot: Snapshot) -> None:
        """Have links that are called otherwise now take their past along."""
        names = facts.renamed(self._known, snapshot) if self._known else {}
        if self._known and names:
            self._count(self._known)
            self._known = replace(facts.by_names(self._known, names), picked=snapshot.picked)
            self._go_on_as(names)

    def _go_on_as(self, names: Mapping[str, str]) -> None:
        for before, after in names.items():
            self._minutes.rename(before, after)
            self._usage.rename(before, after)
        self._put([], renamed=names)

    def slept(self) -> None:
        """Take note that the computer slept, until now."""
        self._begin_anew("the computer slept", "the computer woke up")

    def close(self) -> None:
        """Write what there is, and end."""
        self._timer.cancel()
        self.measure()
        self._put([Fact(self._wall.now_s(), What.END, reason="netswapd was stopped")], whole=True)
        self._writer.close()

    # looking

    def _tick(self) -> None:
        self._timer = self._loop.call_later(LOOK_S - self._wall.now_s() % LOOK_S, self._tick)
        self._look_by_itself()
        if self._wall.now_s() // MINUTE_S != self._minute:
            self.end_minute()

    def _look_by_itself(self) -> None:
        self._catch_up()
        self.measure()

    def end_minute(self) -> None:
        """Have written what was measured in the minute that is over."""
        self._put([], whole=True)
        self._minute = int(self._wall.now_s() // MINUTE_S)

    def measure(self) -> None:
        """Take note of how things are now."""
        snapshot = self._snapshot()
        self._rename(snapshot)
        if self._see_clock():
            self.look(snapshot)  # nothing else may be different for hours
        self._minutes.look(snapshot)
        self._count(snapshot)
        self._usage.report()

    def _count(self, snapshot: Snapshot) -> None:
        """Take note of what the links carried."""
        for link, both in self._usage.count(snapshot).items():
            self._minutes.carried(link, *both)

    def _see_clock(self) -> bool:
        """Take note of it where the clock was set, or the computer slept; return whether it was."""
        was_set = abs(self._wall.ahead_s() - self._ahead_s) > SET_S
        if was_set:
            self._begin_anew("the clock was set", "the clock was set")
        self._ahead_s = self._wall.ahead_s()
        return was_set

    def _begin_anew(self, end: str, begin: str) -> None:
        """End with the time that the clock would tell now if it had gone on, begin with its own."""
        now_s, ahead_s = self._wall.now_s(), self._wall.ahead_s()
        end_s = now_s - (ahead_s - self._ahead_s)
        found = [Fact(end_s, What.END, reason=end), Fact(now_s, What.BEGIN, reason=begin)]
        self._put(found, whole=True)
        self._minute, self._ahead_s = int(now_s // MINUTE_S), ahead_s
        self._known = None

    # writing

    def _put(
        self,
        found: Iterable[Fact],
        *,
        whole: bool = False,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """Have facts written; with `whole`, all that was measured, too."""
        if whole:
            self._minutes.answered(self._take_times_s())
        order = self._new_order()
        self._writer.put(
            Batch(
                alive_s=self._wall.now_s(),
                facts=list(found),
                measured=self._minutes.close(self._minute * MINUTE_S) if whole else (),
                renamed=renamed or {},
                links=order,
                picked=bool(self._known and self._known.picked),
                counters=self._usage.known if whole else {},
                carried=self._usage.take_new() if whole else {},
            )
        )

    def _new_order(self) -> tuple[str, ...]:
        order = tuple(link.name for link in self._known.links) if self._known else ()
        if order == self._order:
            return ()
        self._order = order
        return order

    def _opened(self, kept: Kept) -> None:
        """Take note of what was counted before; called in the writer's thread."""
        self._loop.call_soon_threadsafe(self._go_on, kept)

    def _lost(self) -> None:
        """Take note that a new history begins; called in the writer's thread."""
        self._loop.call_soon_threadsafe(self._start_over)

    def _start_over(self) -> None:
        """Note all that the new one cannot know."""
        self._known, self._order = None, ()
        self._put([Fact(self._wall.now_s(), What.BEGIN, reason="some of the history is lost")])
        self.look(self._snapshot())

    def _go_on(self, kept: Kept) -> None:
        self._usage.go_on(kept)
        if names := self._usage.former(self._snapshot()):
            self._go_on_as(names)
        self._look_by_itself()


def _interfaces(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    return [(link.name, link.ifname, link.connection) for link in snapshot.links]
