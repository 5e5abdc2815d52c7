"""`make bench-ipv6`: how fast IPv6 is refused, and how long it takes to follow a swap.

`ROUNDS=30 make bench-ipv6` for more than 10 rounds. At first only the backup has IPv6, and programs
try it first; then both links have it, and the cable's upstream dies and heals. Prints a table and
writes build/bench-ipv6.json.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench import entry, report
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from tests.lab.clients import curl, happy_eyeballs, one_by_one
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.spec import TARGETS6, LabSpec, LinkSpec
from tests.lab.witness import NewConnections, RouteWatch

TIMEOUT_S = 20.0
AT_ONCE = Bar(WORST, 50.0)
DUAL = LabSpec(links=(LinkSpec("cable0", ipv6=True), LinkSpec("tether0", True, ipv6=True)))
PATH = Path("build/bench-ipv6.json")


class Fallback:
    """Programs that try IPv6, which only the guarded backup has, and then IPv4."""

    def __init__(self) -> None:
        self.plain = Measure("plain_ms", "IPv6, refused → IPv4: one by one", "ms", 1, AT_ONCE)
        self.eyeballs = Measure("eyeballs_ms", "lookup → IPv4: RFC 8305", "ms", 1, AT_ONCE)
        self.curl = Measure("curl_ms", "IPv6, refused → IPv4: curl", "ms", 1, AT_ONCE)

    def one(self, lab: Lab) -> None:
        """Have each connect once."""
        refused, connected = one_by_one()
        assert (refused.version, connected.error) == (6, None)
        self.plain.values.append((refused.took_s + connected.took_s) * 1000)
        began = time.monotonic()
        assert happy_eyeballs() == 4
        self.eyeballs.values.append((time.monotonic() - began) * 1000)
        looked_up, connect = curl(lab, "%{time_namelookup} %{time_connect}").split()
        self.curl.values.append((float(connect) - float(looked_up)) * 1000)


class Swaps:
    """Swaps there and back, while somebody keeps connecting by IPv6."""

    def __init__(self, lab: Lab, clicks: NewConnections, routes: RouteWatch) -> None:
        self._lab, self._clicks, self._routes = lab, clicks, routes
        self.follows = Measure("takeover_s", "takeover → IPv6 works over the backup", "s", 2)
        self.silent = Measure("silent", "… connects without an answer", "", 0, Bar(WORST, 0.0))
        self.back = Measure("swap_back_s", "swap back → IPv6 works over the cable", "s", 3)

    def one(self) -> None:
        """Do one round."""
        cable, tether = self._lab.link("cable0"), self._lab.link("tether0")
        took_s, guarded = self._swap(cable.cut, tether, cable)
        self.follows.values.append(took_s)
        failures = self._clicks.failures(guarded)
        self.silent.values.append(sum(click.error == "ETIMEDOUT" for click in failures))
        self.back.values.append(self._swap(cable.heal, cable, tether)[0])

    def _swap(self, act: Callable[[], None], to: Link, standby: Link) -> tuple[float, float]:
        """Return the seconds until IPv6 worked, and when the guard was seen before the standby."""
        began = time.monotonic()
        act()
        moved = self._routes.wait_for(to.name, TIMEOUT_S, began)
        wait_until(lambda: self._lab.guarded() == {standby.name}, TIMEOUT_S, "the guard")
        guarded = time.monotonic()
        works = wait_until(lambda: self._clicks.successes(moved), TIMEOUT_S, "IPv6")
        at_rest(self._lab)
        return works[0].end - moved, guarded


def at_rest(lab: Lab) -> None:
    """Wait until every link that is to have IPv6 has a route and a usable address."""
    links = [link for link in lab.links.values() if link.metric6() or link.name == "tether0"]
    wait_until(lambda: all(ln.metric6() and ln.address6() for ln in links), TIMEOUT_S, "IPv6")


def begin(lab: Lab, method: str) -> Netswapd:
    """Give the cable this method for IPv6 (nm-settings(5)), and start netswapd."""
    lab.nmcli("connection", "modify", "cable0", "ipv6.method", method)
    lab.nmcli("connection", "up", "cable0")
    if method == "auto":
        wait_until(lab.link("cable0").address6, TIMEOUT_S, "IPv6 on the cable")
    daemon = lab.netswapd(QUICK)
    wait_until(lambda: lab.guarded() == {"tether0"}, TIMEOUT_S, "the guard")
    wait_until(lambda: lab.link("tether0").metric6() == 200, TIMEOUT_S, "the standby")
    at_rest(lab)
    return daemon


def measure(lab: Lab, rounds: int) -> Iterable[Measure]:
    """Measure everything, telling how far it is."""
    fallback, daemon = Fallback(), begin(lab, "disabled")
    for _ in range(rounds):
        fallback.one(lab)
    daemon.stop()
    begin(lab, "auto")
    with NewConnections(TARGETS6[0]) as clicks, RouteWatch() as routes:
        swaps = Swaps(lab, clicks, routes)
        for number in range(1, rounds + 1):
            swaps.one()
            print(f"round {number} of {rounds}: IPv6 after {swaps.follows.values[-1]:.2f} s")
    return [
        fallback.plain, fallback.eyeballs, fallback.curl,
        swaps.follows, swaps.silent, swaps.back,
    ]  # fmt: skip


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab(DUAL) as lab:
        try:
            results = measure(lab, rounds)
        except AssertionError:
            print(lab.dump())
            raise
    report.show(results, where)
    settings = {"rounds": rounds, "netswap.toml": QUICK}
    date = datetime.now(UTC).date().isoformat()
    report.write(results, {"date": date, "machine": where, "settings": settings}, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.ipv6", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
