"""`make bench-links`: what probing costs with 1 to 64 links; draws docs/links.svg.

The engine, the prober and the raw sockets are netswapd's own, two targets a link, once a second;
each link is a veth whose far end answers. There is no NetworkManager, which would take longer to
connect 64 links than all of this: what it would show is made up, and stays the same.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from bench.curve import draw
from bench.entry import enter
from netswap.core.actions import Action, Apply, SendProbe
from netswap.core.engine import Engine
from netswap.core.events import Applied, Elapsed, Event, Observed
from netswap.core.model import Link, Route, World
from netswap.core.settings import ProbeSettings, Settings
from netswap.daemon.probing import Probing
from tests.unit.worlds import take_all

NUMBERS = (1, 2, 4, 8, 16, 32, 64)
TARGETS = ("198.51.100.1", "198.51.100.2")
WARM_UP_S = 4.0
BAR = 0.10
PICTURE = Path("docs/links.svg")


class Cost(NamedTuple):
    """What was used, as a share of one core, and how many probes got no answer."""

    links: int
    core: float
    sent: int
    lost: int


class Driver:
    """The daemon's part of driving the engine, without NetworkManager."""

    def __init__(self, world: World) -> None:
        self.engine = Engine(Settings(probe=ProbeSettings(targets=TARGETS)), time.monotonic())
        self._world = world
        self._probing = Probing(self.tell)
        self._inbox: deque[Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.tell(Observed(world))

    def tell(self, event: Event) -> None:
        """Hand an event to the engine and do what it wants."""
        self._inbox.append(event)
        if len(self._inbox) > 1:
            return
        while self._inbox:
            self.engine.handle(self._inbox[0], time.monotonic())
            for action in self.engine.take_actions():
                self._perform(action)
            self._inbox.popleft()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        deadline_s = self.engine.next_deadline_s()
        if deadline_s is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline_s, self.tell, Elapsed())

    def _perform(self, action: Action) -> None:
        match action:
            case SendProbe():
                self._probing.send(action)
            case Apply(steps):
                self._world = take_all(steps, self._world)
                self.tell(Applied(self._world))

    def probes(self) -> tuple[int, int]:
        """Return how many were sent and lost."""
        links = self.engine.snapshot(time.monotonic()).links
        return sum(link.sent for link in links), sum(link.lost for link in links)


def world(number: int) -> World:
    """Return so many links, as NetworkManager would show them."""
    return World(tuple(Link(f"l{i}", f"l{i}", v4=Route(100 + i, 100 + i)) for i in range(number)))


def connect(number: int) -> None:
    """Make the links, and a place beyond them that answers."""
    lines = [*_far_end()]
    for i in range(number):
        lines += [
            f"link add l{i} type veth peer name p{i} netns far",
            f"address add 10.0.{i}.1/24 dev l{i}",
            f"link set l{i} up",
            f"-n far address add 10.0.{i}.2/24 dev p{i}",
            f"-n far link set p{i} up",
            f"route add default via 10.0.{i}.2 dev l{i} metric {100 + i}",
        ]
    for line in lines:
        subprocess.run(["ip", *line.split()], check=True)


def _far_end() -> Iterator[str]:
    yield "netns add far"
    yield "-n far link set lo up"
    for target in TARGETS:
        yield f"-n far address add {target}/32 dev lo"


def measure(number: int, seconds: int) -> Cost:
    """Probe so many links for so long; for a process of its own."""
    return asyncio.run(_measure(number, seconds))


async def _measure(number: int, seconds: int) -> Cost:
    driver = Driver(world(number))
    await asyncio.sleep(WARM_UP_S)
    began_s, used_s, (sent, lost) = time.monotonic(), time.process_time(), driver.probes()
    await asyncio.sleep(seconds)
    elapsed_s, used_s = time.monotonic() - began_s, time.process_time() - used_s
    sent_after, lost_after = driver.probes()
    return Cost(number, used_s / elapsed_s, sent_after - sent, lost_after - lost)


def run(seconds: int) -> int:
    """Measure all, print the table, draw the picture; return the exit status."""
    connect(max(NUMBERS))
    print("links  of a core  per link  rounds  lost")
    costs = []
    for number in NUMBERS:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            cost = pool.submit(measure, number, seconds).result()
        per_link = cost.core / number
        line = f"{number:5}  {cost.core:9.2%}  {per_link:8.3%}  {cost.sent:6}  {cost.lost:4}"
        print(line, flush=True)
        costs.append(cost)
    PICTURE.write_text(draw([(cost.links, 100 * cost.core / cost.links) for cost in costs]))
    print(f"drawn: {PICTURE}; bar: {BAR:.0%} of a core with {costs[-1].links} links")
    return 0 if costs[-1].core <= BAR else 1


if __name__ == "__main__":
    sys.exit(enter("bench.links", "PERIOD_S", 20, run))
