"""Outages of the preferred link, one after the other, each in one of several ways."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from bench import behind
from tests.lab import kernel
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.spec import CABLE, TETHER

TIMEOUT_S = 60.0
AT_ONCE_S = 3.0
"""For so long a packet waits for its router's hardware address."""


class Outages:
    """Makes the cable fail and work again; which way and when is random, and the same each time."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self._lab, self._random = lab, random.Random(seed)

    def one(self, slot_s: float) -> str:
        """Make one outage that takes about this time, with what is before and after it.

        Half of them end at once, the others last for a quarter of the time. Returns which it was.
        """
        end = time.monotonic() + slot_s
        cable = self._lab.link(CABLE.name)
        ways = (("silent death", cable.cut, cable.heal), ("pulled cable", cable.pull, cable.plug))
        what, fail, mend = self._random.choice(ways)
        lasting_s = self._random.choice((self._random.uniform(0, AT_ONCE_S), slot_s / 4))
        time.sleep(self._random.uniform(0, slot_s / 4))
        self._swap(fail, CABLE.name, TETHER.name)
        time.sleep(lasting_s)
        self._swap(mend, TETHER.name, CABLE.name)
        time.sleep(max(0.0, end - time.monotonic()))
        return f"{what}, ended {lasting_s:.1f} s after the swap"

    def _swap(self, act: Callable[[], None], source: str, target: str) -> None:
        """Do something, and wait until traffic has moved and the link that it left is guarded."""
        for link in self._lab.links:
            behind.lead(self._lab, link)
        act()
        wait_until(
            lambda: kernel.active() == target and self._lab.guarded() == {source},
            TIMEOUT_S,
            f"traffic moves from {source} to {target}",
        )
