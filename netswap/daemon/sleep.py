"""Whether the computer slept: of two clocks one went on, and gained on the other."""

from __future__ import annotations

import time
from collections.abc import Callable

NOTICED_S = 0.5
"""A shorter sleep changes nothing."""


class Sleep:
    """Tells of each sleep once, by CLOCK_MONOTONIC and CLOCK_BOOTTIME (clock_gettime(2)).

    The clock on the wall plays no part: it may be set at any time.
    """

    def __init__(
        self,
        awake: Callable[[], float] = time.monotonic,
        always: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._awake, self._always = awake, always
        self._slept_s = always() - awake()

    def over(self) -> float:
        """Return for how many seconds it slept since the last call, 0 if it did not."""
        slept_s = self._always() - self._awake()
        gained_s, self._slept_s = slept_s - self._slept_s, slept_s
        return gained_s if gained_s > NOTICED_S else 0.0
