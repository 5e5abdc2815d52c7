"""Between the service and the desktop: takes in what happens, says what is due, does what is asked.

Whatever the desktop takes its time for, nothing else waits: news that comes meanwhile is in the
next notification.
"""

from __future__ import annotations

import asyncio
import logging
import time
from math import inf

from netswap.adapters.bus import BusError
from netswap.cli.client import Changed, Presence, Service, Swapped
from netswap.errors import UserError
from netswap.notify.desktop import Desktop
from netswap.notify.timing import Attention, Timing
from netswap.notify.words import PAUSE, PAUSE_S, USE, Message, Words

log = logging.getLogger(__name__)


class Teller:
    """Tells one user."""

    def __init__(self, service: Service, words: Words) -> None:
        self._service = service
        self._words = words
        self._attention = Attention()
        self._timing = Timing()
        self._wake = asyncio.Event()
        self._orders: set[asyncio.Task[None]] = set()
        self._answer: Message | None = None

    async def listen(self) -> None:
        """Take in what happens, for ever. Raises UserError when the bus goes."""
        async for event in self._service.events():
            if isinstance(event, Presence):
                log.info("netswapd is %s", "there" if event.running else "not running")
            if isinstance(event, Swapped):
                self._timing.add(self._attention.swapped(event))
            elif isinstance(event, Changed | Presence):
                state = await self._service.status_at_last()
                if state and (news := self._attention.seen(state)):
                    self._timing.add(news)
            self._wake.set()

    async def tell(self, desktop: Desktop) -> None:
        """Say what is due, for ever."""
        while True:
            await self._woken_or_due()
            try:
                if message := await self._next(desktop):
                    await desktop.show(message)
            except BusError as error:
                log.warning("Cannot show a notification: %s", error)

    def pressed(self, key: str) -> None:
        """Do what the user asked for by a button."""
        order = asyncio.create_task(self._obey(key))
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)

    async def _next(self, desktop: Desktop) -> Message | None:
        if self._answer:
            message, self._answer = self._answer, None
            return message
        if time.monotonic() < self._timing.due_s():
            return None
        quiet = await desktop.quiet()
        due = self._timing.take(time.monotonic(), quiet=quiet)
        return self._words.message(due) if due else None

    async def _woken_or_due(self) -> None:
        wait_s = self._timing.due_s() - time.monotonic()
        try:
            async with asyncio.timeout(None if wait_s == inf else max(0.0, wait_s)):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _obey(self, key: str) -> None:
        try:
            if key == PAUSE:
                await self._service.pause(PAUSE_S)
            elif key.startswith(USE):
                await self._use(key.removeprefix(USE))
        except UserError as error:
            self._reply(self._words.failed(str(error)))

    async def _use(self, link: str) -> None:
        await self._service.use(link, 0, even_if_dead=False)
        state = await self._service.status()
        if state.active_link != link and state.mode != "pinned":  # then it is being connected
            self._reply(self._words.unusable(link))

    def _reply(self, message: Message) -> None:
        self._answer = message
        self._wake.set()
