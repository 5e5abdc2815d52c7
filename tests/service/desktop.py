"""A desktop without a screen: a notification daemon and a screen saver on a real session bus."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, NamedTuple, Self

from netswap.adapters.bus import Answer, Bus, Call, CallError, Variant
from netswap.notify import desktop


class Shown(NamedTuple):
    """What was shown, and in place of which."""

    replaced: int
    summary: str
    body: str
    actions: list[str]
    urgency: int


class FakeDesktop:
    """Shows what it is told to, in a list; runs in a thread of its own."""

    NUMBER = 7
    """Of the one notification."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.at: list[float] = []
        """When each was shown; monotonic."""
        self.inhibited = False
        self.locked = False
        self.hung = False
        """Answers nothing any more."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._buses: list[Bus] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def press(self, key: str, number: int = NUMBER) -> None:
        """Press a button of a notification."""

        async def emit() -> None:
            self._buses[0].emit(
                desktop.NOTIFICATIONS_PATH,
                desktop.NOTIFICATIONS,
                "ActionInvoked",
                "us",
                number,
                key,
            )

        self._do(emit())

    async def _start(self) -> None:
        savers = [name for name, _ in desktop.SCREEN_SAVERS[:1]]
        for name in (desktop.NOTIFICATIONS, *savers):
            bus = await Bus.connect(session=True)
            bus.answer(self._answer)
            assert await bus.request_name(name)
            self._buses.append(bus)

    async def _close(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # an answer that hangs
        for bus in self._buses:
            await bus.close()

    async def _answer(self, call: Call) -> Answer:
        while self.hung:  # noqa: ASYNC110 (set by another thread)
            await asyncio.sleep(0.01)
        if call.member == "Notify":
            _, replaced, _, summary, body, actions, hints, _ = call.args
            self.at.append(time.monotonic())
            self.shown.append(Shown(replaced, summary, body, actions, hints["urgency"]))
            return "u", [self.NUMBER]
        answers: dict[str, Answer] = {
            "GetCapabilities": ("as", [["body", "body-markup", "actions"]]),
            "GetActive": ("b", [self.locked]),
        }
        if call.member == "Get" and call.args[1] == "Inhibited":
            return "v", [Variant("b", self.inhibited)]
        if call.member not in answers:
            raise CallError("org.freedesktop.DBus.Error.UnknownMethod", call.member)
        return answers[call.member]

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
