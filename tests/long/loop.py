"""An event loop whose time jumps to the next timer: a day passes as fast as its events allow.

What comes in by a descriptor is real and comes first; only a loop with nothing to do jumps.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

Ready = list[tuple[selectors.SelectorKey, int]]


class JumpingSelector(selectors.EpollSelector):
    """Has time pass where others wait."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> Ready:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self._jump(timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, which starts at 0."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(JumpingSelector(self._pass))

    def time(self) -> float:
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds
