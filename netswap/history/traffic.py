"""From the kernel's counters, which begin at 0 with each interface, to what a link carried. Pure.

What is counted twice is nothing; what an interface carried before it was the link is not counted.
Kernels number the interfaces of a boot upwards, so that one which is made anew is told from one
that was there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

FULL = 1 << 32
"""Where the counters of some drivers begin again at 0, on 32-bit processors."""
HALF_FULL = range(FULL // 2, FULL)


@dataclass(frozen=True, slots=True)
class Counter:
    """What the kernel counted on an interface, and which one that is."""

    boot: str
    """The kernel's random id of this boot."""
    index: int
    """The number of the interface, of which no other one has it in the same boot."""
    received: int = 0
    sent: int = 0
    attached: bool = True
    """Whether the interface was still the link when it was last looked at."""


class Meter:
    """Knows each link's counter as it was last read, and what came since."""

    def __init__(self, known: Mapping[str, Counter] | None = None) -> None:
        self.known = dict(known or {})
        """By link; to be kept, and given again after a restart."""
        self._newest: dict[str, int] = {}
        """The highest number of an interface, by boot."""
        for counter in self.known.values():
            self.note(counter)

    def take(
        self, seen: Mapping[str, Counter | None], others: Iterable[Counter] = ()
    ) -> dict[str, tuple[int, int]]:
        """Return the bytes, received and sent, of each link since the last look.

        `seen` is each link's counter, None where it has no interface now; `others` are those of
        interfaces that are no link.
        """
        carried = {}
        for link, counter in seen.items():
            if counter is None:
                self._detach(link)
            else:
                carried[link] = self._since(link, counter)
                self.known[link] = counter
        for link in self.known.keys() - seen.keys():
            self._detach(link)
        for found in (*seen.values(), *others):
            if found:
                self.note(found)
        return carried

    def rename(self, before: str, after: str) -> None:
        """Go on with a link that is called otherwise now."""
        if before in self.known:
            self.known[after] = self.known.pop(before)

    def _since(self, link: str, now: Counter) -> tuple[int, int]:
        before = self.known.get(link)
        if before and before.boot == now.boot and before.index == now.index:
            if not before.attached:
                return 0, 0
            received, sent = now.received - before.received, now.sent - before.sent
            if received < 0 <= sent and before.received in HALF_FULL:
                received %= FULL
            if sent < 0 <= received and before.sent in HALF_FULL:
                sent %= FULL
            if received < 0 or sent < 0:
                return now.received, now.sent  # its driver began anew
            return received, sent
        return (now.received, now.sent) if self._is_new(now) else (0, 0)

    def _is_new(self, counter: Counter) -> bool:
        """Whether the interface was made since the last look, or the computer was started."""
        if not self._newest:  # the first look ever: what was before is nobody's business
            return False
        return counter.index > self._newest.get(counter.boot, 0)

    def _detach(self, link: str) -> None:
        if (before := self.known.get(link)) and before.attached:
            self.known[link] = replace(before, attached=False)

    def note(self, counter: Counter) -> None:
        """Take note of an interface that is there: what it carried so far is nobody's business."""
        self._newest[counter.boot] = max(counter.index, self._newest.get(counter.boot, 0))
