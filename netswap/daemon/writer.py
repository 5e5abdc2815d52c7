"""The thread that writes the history: a disk that hangs, is full or broken holds nothing up."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from netswap.history.facts import Fact, What
from netswap.history.store import Batch, BrokenError, Kept, Store, StoreError, UnfitError

log = logging.getLogger(__name__)

HELD = 5000
"""Batches that wait at most, some days of a full disk; beyond that the oldest are lost."""
LEAVE_S = 2.0
"""How long the last batch may take when netswapd ends."""


NOTHING = Kept({}, {})


class Writer:
    """Writes batches in their order. What cannot be written is tried again with the next one.

    But for what no database takes: it is left out, and told of.
    """

    def __init__(
        self,
        path: Path,
        on_open: Callable[[Kept], None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._on_open, self._on_lost = on_open, on_lost
        self._store: Store | None = None
        self._waiting: deque[Batch] = deque(maxlen=HELD)
        self._wake = threading.Event()
        self._ending = self._failing = self._told = False
        self._lost = self._lost_told = 0
        """Batches that had to wait for too long, and how many of them the history knows of."""
        self._known_s: float | None = None
        """Until when what happened was written."""
        self._left_out = ""
        """Why a batch was left out the last time."""
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Open the database; tell `on_open`, in the thread, what is in it, nothing if it fails."""
        self._wake.set()
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Have it written; never waits."""
        self._lost += len(self._waiting) == HELD
        self._waiting.append(batch)
        self._wake.set()

    def close(self) -> None:
        """Have the rest written, and end; does not wait for long."""
        self._ending = True
        self._wake.set()
        self._thread.join(LEAVE_S)

    def _run(self) -> None:
        ending = False
        while not ending:
            self._wake.wait()
            self._wake.clear()
            ending = self._ending  # what was put before is written, too
            self._work()
        if self._store:
            self._store.close()

    def _work(self) -> None:
        lost, batches = self._lost, list(self._waiting)
        if lost > self._lost_told and self._known_s is not None:
            end = Fact(self._known_s, What.END, reason="what came then could not be written")
            batches.insert(0, Batch(self._known_s, [end]))
        try:
            store = self._store = self._store or self._opened()
            self._write(store, batches)
        except BrokenError as error:
            self._begin_anew(error)
        except StoreError as error:
            self._fail(str(error))
            if not self._told:
                self._tell(NOTHING)
        else:
            self._succeed()
            if lost > self._lost_told:
                self._lost_told = lost
                self._on_lost()

    def _write(self, store: Store, batches: list[Batch]) -> None:
        """Write them, but for those that can never be; these are found by halving."""
        if not batches:
            return
        try:
            store.write(batches)
        except UnfitError as error:
            if len(batches) > 1:
                middle = len(batches) // 2
                self._write(store, batches[:middle])
                self._write(store, batches[middle:])
                return
            self._leave_out(str(error))
        self._known_s = batches[-1].alive_s
        self._drop(batches)

    def _drop(self, batches: list[Batch]) -> None:
        done = set(map(id, batches))
        while self._waiting and id(self._waiting[0]) in done:
            self._waiting.popleft()

    def _leave_out(self, why: str) -> None:
        """Tell of it, once where the same is wrong each minute."""
        if self._left_out != why:
            self._left_out = why
            log.warning("A part of the history is lost, it cannot be written: %s", why)

    def _succeed(self) -> None:
        if self._failing:
            self._failing = False
            log.info("The history is written again")

    def _fail(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            log.warning("The history cannot be written to %s: %s; trying on", self._path, why)

    def _opened(self) -> Store:
        store = Store(self._path)
        self._tell(store.kept())
        return store

    def _tell(self, kept: Kept) -> None:
        self._told = True
        self._on_open(kept)

    def _begin_anew(self, error: BrokenError) -> None:
        """Put a damaged database aside; the next batch makes a new one."""
        if self._store:
            self._store.close()
            self._store = None
        aside = self._path.with_suffix(".broken")
        try:
            self._path.replace(aside)
            for rest in ("-wal", "-shm"):
                self._path.with_name(self._path.name + rest).unlink(missing_ok=True)
        except OSError as obstacle:
            self._fail(str(obstacle))
        else:
            log.warning(
                "The history was damaged (%s): it is %s now, a new one begins", error, aside
            )
            self._on_lost()
