"""One rival in a lab of its own: what it costs at rest, rounds of an outage, what leaks.

`python -m bench.contest RIVAL ROUNDS COPY` inside a sandbox; what `make bench-compare` starts.
What was measured so far is in `result_path`, however it ends.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import SIGTERM

from bench import usage
from bench.daemon import cost, netswapctl
from bench.rivals import NETSWAP, RIVALS, Rival
from bench.usage import Usage
from bench.wire import Wire
from tests.lab import kernel
from tests.lab.commands import PATIENCE, wait_until
from tests.lab.idle import KINDS, IdleConnections
from tests.lab.lab import Lab
from tests.lab.services import NM
from tests.lab.spec import CABLE, TARGETS, TETHER
from tests.lab.witness import NewConnections, RouteWatch

SEED = 1
IDLE_S = 60.0
WARM_UP_S = 5.0
KEPT = 20
"""Connections that are kept open at each swap."""
TOLD_S = 2.0
OUTAGE_S = 10.0
"""For so long an outage lasts after traffic has moved."""
LEAK_S = 10.0
PATIENCE_S, EVERY_S = 0.9, 0.049
"""As in bench/rounds.py."""
TCP, UDP = 6, 17
RAW = Path("build/compare")


@dataclass(slots=True)
class Result:
    """What was measured of a rival; a value for each round, usage once for each lab."""

    failover_s: list[float] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    back_failed: list[int] = field(default_factory=list)
    back_errors: list[str] = field(default_factory=list)
    """How each of them failed, and how long after the swap it was begun and failed, in seconds."""
    back_told: list[int] = field(default_factory=list)
    leaked_bytes: list[int] = field(default_factory=list)
    own: list[Usage] = field(default_factory=list)
    networkmanager: list[Usage] = field(default_factory=list)


def result_path(rival: Rival, copy: int) -> Path:
    """Return where a lab's results are."""
    return RAW / f"{rival.key}-{copy}.json"


class Contest:
    """Tries one rival."""

    def __init__(self, lab: Lab, rival: Rival, copy: int) -> None:
        self.result = Result()
        self._lab, self._rival, self._copy = lab, rival, copy
        self._cable, self._tether = lab.link(CABLE.name), lab.link(TETHER.name)
        self._users = NewConnections(interval_s=EVERY_S, patience_s=PATIENCE_S)
        self._routes = RouteWatch()
        self._random = random.Random(SEED + copy)

    def run(self, rounds: int) -> None:
        """Try everything, telling how far it is."""
        self._say(f"at rest for {IDLE_S:.0f} s")
        self._rest(self._start())
        self._save()
        with self._users, self._routes:
            self._until_phase()
            for number in range(1, rounds + 1):
                self._round()
                self._save()
                self._say(f"round {number} of {rounds}: {self._last()}")
        self.result.leaked_bytes.append(self._leaked())
        self._save()
        self._say(f"{self.result.leaked_bytes[-1]} bytes leaked in {LEAK_S:.0f} s")

    def _start(self) -> float:
        """Start the rival and wait until it has settled; return when it was started."""
        start = time.monotonic()
        if self._rival.command:
            self._lab.commands.start(self._rival.key, *self._rival.command)
        if self._rival is NETSWAP:
            wait_until(lambda: self._lab.guarded() == {TETHER.name}, 10, "the phone is guarded")
        wait_until(lambda: kernel.active() == CABLE.name, 10, "the cable is in use")
        return start

    def _rest(self, born_s: float) -> None:
        """Measure what the rival and NetworkManager use while nothing happens."""
        time.sleep(WARM_UP_S)
        pids = {name: self._lab.commands.services[name].pid for name in self._services()}
        before = {name: cost(pid) for name, pid in pids.items()}
        time.sleep(IDLE_S)
        self.result.networkmanager.append(usage.since(before[NM], pids[NM]))
        if self._rival.starts_others:
            process = self._lab.commands.services.pop(self._rival.key)
            self.result.own.append(usage.of_whole_life(process, born_s))
            self._start()
        elif self._rival.command:
            self.result.own.append(usage.since(before[self._rival.key], pids[self._rival.key]))

    def _services(self) -> list[str]:
        return [NM, self._rival.key] if self._rival.command else [NM]

    def _until_phase(self) -> None:
        """Spread the copies evenly over the interval of the check."""
        time.sleep(self._copy / self._rival.copies * (self._rival.check_s or 0))

    def _round(self) -> None:
        """Let the cable's upstream die and heal."""
        result = self.result
        time.sleep(self._random.random())
        cut, _, told = self._swap(self._cable.cut, TETHER.name)
        result.failover_s.append(self._users.offline_s(cut) or 0.0)
        result.told.append(told)
        if self._rival is NETSWAP:
            netswapctl("auto", "--now")
        time.sleep(OUTAGE_S)
        healed, back, told = self._swap(self._cable.heal, CABLE.name)
        result.back_s.append(back - healed)
        failures = self._users.failures(healed)
        result.back_failed.append(len(failures))
        result.back_errors += [
            f"{f.error} {f.start - back:.3f} {f.end - back:.3f}" for f in failures
        ]
        result.back_told.append(told)

    def _swap(self, act: Callable[[], None], target: str) -> tuple[float, float, int]:
        """Have traffic moved by doing something.

        Returns when it was done, when the route had changed, and how many of the connections that
        were kept open were told soon after.
        """
        with IdleConnections(KEPT, KINDS[:1]) as kept:
            start = time.monotonic()
            act()
            moved = self._routes.wait_for(target, self._rival.longest_s / PATIENCE, start)
            wait_until(lambda: self._users.successes(moved), 5, "a new connection")
            time.sleep(max(0.0, moved + TOLD_S - time.monotonic()))
            told = [one for one in kept.told if start <= one.at <= moved + TOLD_S]
        return start, moved, len(told)

    def _leaked(self) -> int:
        """Return what a program that is bound to the phone sends by it while the cable works."""
        wire = Wire(self._tether)
        line = (sys.executable, "-m", "bench.traffic", TETHER.name)
        self._lab.commands.start("traffic", *line)
        time.sleep(LEAK_S)
        self._lab.commands.stop("traffic", SIGTERM)
        wire.stop()
        return sum(
            packet.length
            for packet in wire.seen()
            if packet.protocol in {TCP, UDP} and packet.destination == TARGETS[1]
        )

    def _save(self) -> None:
        path = result_path(self._rival, self._copy)
        path.write_text(json.dumps(asdict(self.result), indent=2) + "\n")

    def _last(self) -> str:
        result = self.result
        return (
            f"offline for {result.failover_s[-1]:.2f} s, {result.told[-1]} of {KEPT} told; "
            f"back after {result.back_s[-1]:.2f} s, {result.back_told[-1]} of {KEPT} told, "
            f"{result.back_failed[-1]} connects failed"
        )

    def _say(self, what: str) -> None:
        copy = f" ({self._copy + 1})" if self._rival.copies > 1 else ""
        print(f"{self._rival.title}{copy}: {what}", flush=True)


def main(key: str, rounds: str, copy: str) -> None:
    """Build the lab and try the rival in it; raise AssertionError if it cannot do what it must."""
    rival = RIVALS[key]
    with Lab(rival.spec) as lab:
        try:
            Contest(lab, rival, int(copy)).run(int(rounds))
        except AssertionError:
            result_path(rival, int(copy)).with_suffix(".log").write_text(lab.dump())
            raise


if __name__ == "__main__":
    main(*sys.argv[1:])
