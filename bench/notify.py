"""`make bench-notify`: from a swap to the notification of it, and what hung listeners cost a swap.

`ROUNDS=30 make bench-notify` for more than 10 rounds. A round is two failovers, each by a pulled
cable: one with netswap-notify, which is started anew each time since it speaks once a minute only,
and nothing else beside netswapd; one where the notification daemon answers nothing and a hook never
ends. Prints a table and writes build/bench-notify.json.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import entry, report
from bench.daemon import decided_at
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.spec import CABLE, TETHER
from tests.lab.witness import RouteWatch
from tests.service.ctl import Program
from tests.service.desktop import FakeDesktop
from tests.service.fake import PrivateBus

TIMEOUT_S = 20.0
SETTLE_S = 2.0
"""After a swap back, until NetworkManager has done all it does with a cable that was put back."""
HOOKS = Path("/run/lab/hooks.d")
PATH = Path("build/bench-notify.json")


@dataclass(frozen=True, slots=True)
class Results:
    """All that is measured."""

    told: Measure = field(
        default_factory=lambda: Measure(
            "decision_to_notification_ms", "decision → notification", "ms", 1, Bar(WORST, 200.0)
        )
    )
    alone: Measure = field(
        default_factory=lambda: Measure(
            "pull_to_route_ms", "cable pulled → route, with a notification", "ms", 1
        )
    )
    hung: Measure = field(
        default_factory=lambda: Measure(
            "pull_to_route_hung_ms", "the same, hook and notifications hang", "ms", 1
        )
    )

    def __iter__(self) -> Iterator[Measure]:
        return iter([self.told, self.alone, self.hung])


class Rounds:
    """Does rounds with a running daemon."""

    def __init__(self, lab: Lab, daemon: Netswapd, desktop: FakeDesktop) -> None:
        self.results = Results()
        self._lab, self._daemon, self._desktop = lab, daemon, desktop

    def one(self) -> str:
        """Do one round; return it in a few words."""
        self._desktop.hung = False
        with _listening("netswap.notify"):
            shown, began = len(self._desktop.at), time.monotonic()
            self.results.alone.values.append(self._failover_ms())
            wait_until(lambda: len(self._desktop.at) > shown, TIMEOUT_S, "the notification")
            decided = decided_at(self._daemon, TETHER.name, began)
            self.results.told.values.append((self._desktop.at[shown] - decided) * 1000)
        self._back()
        self._desktop.hung = True
        hooks = _listening("netswap.hooks", "--dir", str(HOOKS), "--timeout", "1h")
        with hooks, _listening("netswap.notify"):
            for _ in range(2):  # at the second one both hang already
                took_ms = self._failover_ms()
                self._back()
            self.results.hung.values.append(took_ms)
        return f"told {self.results.told.values[-1]:.0f} ms after the decision"

    def _failover_ms(self) -> float:
        time.sleep(SETTLE_S)
        with RouteWatch() as watch:
            began = time.monotonic()
            self._lab.link(CABLE.name).pull()
            return (watch.wait_for(TETHER.name, TIMEOUT_S, began) - began) * 1000

    def _back(self) -> None:
        self._lab.link(CABLE.name).plug()
        guarded = {TETHER.name}
        wait_until(lambda: self._lab.guarded() == guarded, TIMEOUT_S, "back on the cable")


def _listening(module: str, *arguments: str) -> Program:
    program = Program(module, *arguments)
    program.wait_for("netswapd is there", TIMEOUT_S)
    return program


def hang() -> None:
    """Install a hook that never ends."""
    HOOKS.mkdir(mode=0o755)
    hook = HOOKS / "hang"
    hook.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    hook.chmod(0o755)


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab() as lab, ExitStack() as stack:
        session = Path("/run/lab/session")
        session.mkdir()
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = stack.enter_context(PrivateBus(session)).address
        desktop = stack.enter_context(FakeDesktop())
        hang()
        daemon = lab.netswapd(QUICK)
        wait_until(lambda: lab.guarded() == {TETHER.name}, TIMEOUT_S, "the tether is guarded")
        running = Rounds(lab, daemon, desktop)
        try:
            for number in range(1, rounds + 1):
                print(f"round {number} of {rounds}: {running.one()}", flush=True)
        except AssertionError:
            print(lab.dump())
            raise
    report.show(running.results, where)
    settings = {"rounds": rounds, "netswap.toml": QUICK}
    date = datetime.now(UTC).date().isoformat()
    report.write(running.results, {"date": date, "machine": where, "settings": settings}, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.notify", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
