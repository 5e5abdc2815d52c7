"""NetworkManager's connectivity check, simulated: it holds back links that do not answer it.

A guarded link is found limited at once, a silent one after 20 s. The result of a check that was
begun before another one that is done already does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tests.scenarios.clock import Clock
from tests.scenarios.nic import Nic

TAKES_S = {"fine": 0.006, "guarded": 0.3, "silent": 20.0}


class Checks:
    """The check of every link; off until `every_s` is set. `found` takes what it found limited."""

    def __init__(
        self,
        clock: Clock,
        nics: Mapping[str, Nic],
        guard: set[str],
        found: Callable[[Nic, bool], None],
    ) -> None:
        self.every_s = 0.0
        self.server_answers = True
        self._clock = clock
        self._nics = nics
        self._guard = guard
        self._found = found

    def always(self, every_s: float) -> None:
        """Check now, and again and again."""
        self.every_s = every_s
        self.now()
        self._clock.later(every_s, partial(self.always, every_s))

    def now(self) -> None:
        """Check every link."""
        for nic in self._nics.values():
            if nic.activated and self.every_s:
                how = self._how(nic)
                self._clock.later(TAKES_S[how], partial(self._end, nic, how, self._clock.now_s))

    def _how(self, nic: Nic) -> str:
        if nic.ifname in self._guard:
            return "guarded"
        return "fine" if nic.works and self.server_answers else "silent"

    def _end(self, nic: Nic, how: str, begun_s: float) -> None:
        if begun_s >= nic.checked_s:
            nic.checked_s = begun_s
            self._found(nic, how != "fine")
