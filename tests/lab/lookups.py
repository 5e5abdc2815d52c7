"""A user's lookups: a new name every now and then, by the laptop's own resolver."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from dataclasses import dataclass

from tests.lab.witness import Observer

FAMILIES = {socket.AF_INET: "A", socket.AF_INET6: "AAAA"}


@dataclass(frozen=True, slots=True)
class Lookup:
    """One lookup of an ISP's own name, whose answer tells which ISP it was."""

    start: float
    end: float
    record: str
    """A or AAAA."""
    answer: str
    """An address; "" if it failed."""
    error: str = ""

    @property
    def took_s(self) -> float:
        """How long the program waited."""
        return self.end - self.start


def look_up(name: str, family: socket.AddressFamily = socket.AF_INET) -> Lookup:
    """Look up one name, as any program does."""
    start = time.monotonic()
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return Lookup(start, time.monotonic(), FAMILIES[family], "", str(error))
    return Lookup(start, time.monotonic(), FAMILIES[family], str(found[0][4][0]))


class Lookups(Observer):
    """Looks up two new names again and again, one for each IP version; they overlap.

    Every name is new, so that no cache can answer.
    """

    def __init__(self, domain: str = "who.test", interval_s: float = 0.05) -> None:
        super().__init__()
        self.done: list[Lookup] = []
        """In the order in which they ended."""
        self._under_way: dict[str, float] = {}
        self._domain = domain
        self._interval_s = interval_s

    def of(self, record: str, since: float = 0, until: float = float("inf")) -> list[Lookup]:
        """Return the lookups of a kind that began in this time, the first one first."""
        found = [x for x in list(self.done) if x.record == record and since <= x.start <= until]
        return sorted(found, key=lambda lookup: lookup.start)

    def answered(self, record: str, since: float = 0) -> list[Lookup]:
        """Return those of them that succeeded."""
        return [lookup for lookup in self.of(record, since) if lookup.answer]

    def waiting(self, until: float) -> bool:
        """Tell whether one that began before this moment has not ended yet."""
        return any(start < until for start in list(self._under_way.values()))

    def _watch(self) -> None:
        for number in itertools.count():
            for family in FAMILIES:
                thread = threading.Thread(target=self._one, args=(number, family), daemon=True)
                thread.start()
            if self._over.wait(self._interval_s):
                return

    def _one(self, number: int, family: socket.AddressFamily) -> None:
        name = f"n{number}.{self._domain}"
        key = f"{name} {FAMILIES[family]}"
        self._under_way[key] = time.monotonic()
        self.done.append(look_up(name, family))
        del self._under_way[key]
