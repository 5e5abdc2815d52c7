"""Plays episodes of faults on the stage, with the watcher watching, and writes the transcript."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.chaos import plan
from tests.chaos.plan import Episode
from tests.chaos.stage import Stage
from tests.chaos.watcher import Watcher
from tests.lab import sandbox
from tests.lab.commands import LOGS, NeverHappenedError, wait_until
from tests.lab.lab import Lab

BUILD = sandbox.ROOT / "build/chaos"
STEADY_S = 1.0
"""For so long all must be right before the next episode."""
PROVEN_S = 6.0
"""For so long, before a stop: it leaves the metric of a link whose rival has not proven itself."""
RIGHT_S = 40.0
"""Within so long after the last fault all must be right again.

NetworkManager takes 6 s to believe in a lost carrier, and then what its leases take; netswap tries
again what it was refused after at most 30 s.
"""
FORSAKEN_S = 15.0
"""After so long a user connects what NetworkManager does not connect by itself."""
LOOK_S = 0.1
STOP_EVERY = 10
"""After so many episodes netswapd is stopped, and looked for what it left."""


class ViolationError(AssertionError):
    """A promise was broken; says which."""


class Transcript:
    """What happened when, on paper and on the screen."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        path.unlink(missing_ok=True)
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        """Write a line, with its time in seconds since the start, and by the monotonic clock."""
        now = time.monotonic()
        entry = f"{now - self._began:9.3f} [{now:.3f}] {line}"
        with self.path.open("a") as file:
            print(entry, file=file)
        print(entry, flush=True)


class Run:
    """One run in a lab that is up."""

    def __init__(self, lab: Lab, transcript: Transcript) -> None:
        self.stage = Stage(lab)
        self.watcher = Watcher(lab.links)
        self.transcript = transcript
        self.survived = 0

    def play(self, episodes: Iterable[Episode], until: float = float("inf")) -> None:
        """Play episodes until the time is over. Raises ViolationError."""
        with self.watcher:
            self.settle()
            for number, episode in enumerate(episodes, 1):
                if time.monotonic() > until:
                    break
                self.transcript.say(f"episode {number}: {plan.text(episode)}")
                self.one(episode)
                if number % STOP_EVERY == 0:
                    self.leave_nothing()
                    self.stage.start()
                    self.settle()
                self.survived += 1
            self.leave_nothing()

    def one(self, episode: Episode) -> None:
        """Play one episode and see that all is right again in time."""
        self.watcher.allow(plan.limits(episode))
        self.act(episode)
        took_s = self.settle()
        worst, limits = self.watcher.worst, self.watcher.limits
        self.transcript.say(
            f"  right again after {took_s:.2f} s; offline {worst.offline_s:.2f} s "
            f"(of {limits.offline_s:.0f}), guarded {worst.guarded_s:.2f} s "
            f"(of {limits.guarded_s:.0f})"
        )

    def act(self, episode: Episode) -> None:
        """Let the faults begin and end, each at its time."""
        began = time.monotonic()
        acts: list[tuple[float, str, Callable[[], None]]] = []
        for one in episode:
            fault, link = one.fault, one.link
            acts.append((one.at_s, f"begin {fault.name} {link}", _bound(fault.begin, self, link)))
            acts.append(
                (one.at_s + one.for_s, f"end {fault.name} {link}", _bound(fault.end, self, link))
            )
        for at_s, what, act in sorted(acts, key=lambda entry: entry[0]):
            self.wait(lambda at_s=at_s: time.monotonic() - began >= at_s, 60, what)  # type: ignore[misc]
            self.transcript.say(f"  {what}")
            act()

    def settle(self, steady_s: float = STEADY_S) -> float:
        """Wait until all is right, and stays so; return after how many seconds it was."""
        began = time.monotonic()
        since: float | None = None
        helped: list[str] = []
        while since is None or time.monotonic() - since < steady_s:
            self.check()
            now = time.monotonic()
            if wrong := self.stage.wrong(self.watcher):
                since = None
                if now - began > FORSAKEN_S and not helped and (helped := self.stage.reconnect()):
                    self.transcript.say(f"  the user connects {', '.join(helped)}")
                if now - began > RIGHT_S:
                    raise ViolationError(f"not right again within {RIGHT_S:g} s: {wrong}")
            else:
                since = since or now
            time.sleep(LOOK_S)
        self.watcher.check_profiles()
        self.check()
        return since - began

    def leave_nothing(self) -> None:
        """Stop netswapd and see that it is as if it had never been there."""
        self.settle(PROVEN_S)
        self.stage.stop()
        try:
            wait_until(lambda: self.stage.left() is None, 5, "nothing is left")
        except NeverHappenedError:
            raise ViolationError(f"after a stop {self.stage.left()}") from None
        self.transcript.say("  stopped: nothing is left")

    def check(self) -> None:
        """Raise what the watcher has seen."""
        if broken := self.watcher.violation or self.stage.crashed():
            raise ViolationError(broken)

    def wait(self, happened: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait, and look at the watcher meanwhile."""

        def either() -> bool:
            self.check()
            return happened()

        wait_until(either, timeout_s, what, patience=1)

    def keep(self, reason: str) -> None:
        """Keep all that may tell why."""
        folder = self.transcript.path.with_suffix("")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(LOGS, folder)
        folder.joinpath("dump.txt").write_text(f"{reason}\n{self.stage.lab.dump()}")
        for daemon in self.stage.lab.daemons:
            folder.joinpath(f"netswapd-{daemon.pid}.log").write_text(str(daemon))
        self.transcript.say(f"kept in {folder.relative_to(sandbox.ROOT)}")


def _bound(act: Callable[[Stage, str], None], run: Run, link: str) -> Callable[[], None]:
    return lambda: act(run.stage, link)


def run(
    lab: Lab, path: Path, episodes: Iterable[Episode], minutes: float, laptop: str = "plain"
) -> int:
    """Play on a lab; return how many episodes were survived. Raises ViolationError."""
    transcript = Transcript(path)
    transcript.say(f"laptop: {laptop}")
    playing = Run(lab, transcript)
    try:
        playing.play(episodes, time.monotonic() + minutes * 60)
    except Exception as broken:
        kind = "VIOLATION" if isinstance(broken, ViolationError) else "THE STAGE BROKE"
        transcript.say(f"{kind} {broken}")
        playing.keep(str(broken))
        raise
    watcher = playing.watcher
    transcript.say(
        f"survived {playing.survived} episodes; the watcher was held up for "
        f"{watcher.stalled_s:.1f} s, the machine was up to {watcher.machine.slowest:.1f} times slow"
    )
    return playing.survived


def interpreter(*args: str) -> list[str]:
    """Return the command line of a chaos program."""
    return [sys.executable, "-m", *args]
