"""Checks under way: one task each, and its outcome as an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from netswap.adapters.nft.ruleset import PROBE_MARK
from netswap.adapters.probe.icmp import ProbeFailure
from netswap.adapters.probe.methods import METHODS
from netswap.adapters.probe.way import Way
from netswap.core.actions import RunCheck
from netswap.core.events import Checked


class Checking:
    """Makes checks and reports what came of them."""

    def __init__(self, on_end: Callable[[Checked], None]) -> None:
        self._on_end = on_end
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, wanted: RunCheck) -> None:
        """Begin a check."""
        task = asyncio.create_task(self._run(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()

    async def _run(self, wanted: RunCheck) -> None:
        way = Way(wanted.ifname, PROBE_MARK, wanted.servers)
        try:
            verdict = await METHODS[wanted.check.method](wanted.check, way)
        except ProbeFailure as failure:
            self._on_end(Checked(wanted.link, wanted.run, None, failure.reason))
        else:
            self._on_end(Checked(wanted.link, wanted.run, verdict.ok, verdict.reason))
