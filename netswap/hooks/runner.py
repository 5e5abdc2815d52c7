"""Runs hooks: a few at once, each for so long, and no hook twice at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from netswap.hooks import scripts

AT_ONCE = 4
"""Hooks that run at one time."""
WAITING = 32
"""Runs that are under way or wait for their turn; more are left out."""

log = logging.getLogger(__name__)


class Runner:
    """Runs hooks without making anybody wait."""

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._turns: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._runs: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """Tell beforehand what would be run, and what not."""
        if why := scripts.obstacle(self._folder):  # it may come later
            log.warning("There is nothing to run in %s: %s", self._folder, why)
        for hook in scripts.hooks(self._folder):
            if self._may_run(hook):
                log.info("Running %s on a swap", hook)

    def start(self, environment: Mapping[str, str]) -> None:
        """Have every hook run with this environment, in its turn."""
        for hook in scripts.hooks(self._folder):
            if not self._may_run(hook):
                continue
            if len(self._runs) >= WAITING:
                log.error("Not running %s: %d runs are waiting already", hook, WAITING)
                continue
            run = asyncio.create_task(self._in_turn(hook, environment))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)

    async def stop(self) -> None:
        """End what still runs."""
        for run in list(self._runs):
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)

    def _may_run(self, hook: Path) -> bool:
        if why := scripts.objection(hook):
            log.error("Not running %s: %s", hook, why)
        return not why

    async def _in_turn(self, hook: Path, environment: Mapping[str, str]) -> None:
        async with self._turns[hook], self._slots:
            if not self._may_run(hook):  # it may have changed while it waited
                return
            try:
                process = await asyncio.create_subprocess_exec(
                    hook, env=environment, cwd="/", stdin=DEVNULL, start_new_session=True
                )
            except OSError as error:
                log.error("Cannot run %s: %s", hook, error.strerror)
                return
            await self._attend(hook, process)

    async def _attend(self, hook: Path, process: Process) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                if status := await process.wait():
                    log.warning("%s ended with %s", hook, _in_words(status))
        except TimeoutError:
            log.warning("%s was ended after %g s", hook, self._timeout_s)
        finally:
            if process.returncode is None:  # so its number, which is its group's, is not reused
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


def _in_words(status: int) -> str:
    if status > 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # a real-time signal
        return f"signal {-status}"
