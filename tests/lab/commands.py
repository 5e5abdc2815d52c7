"""Running commands in the lab, each echoed to a transcript so that a failure can be pasted."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

LOGS = Path("/run/lab/log")

T = TypeVar("T")


class NeverHappenedError(AssertionError):
    """What a test waited for did not come in time."""


class CommandFailedError(AssertionError):
    """A command of the lab ended with an error."""


PATIENCE = 4
"""How many times as long as it should take is waited: machines are busy, and numbers are for the
bench."""


def wait_until(
    predicate: Callable[[], T | None], timeout_s: float, what: str, patience: float = PATIENCE
) -> T:
    """Look every 10 ms until the predicate gives something true; return it.

    Raises NeverHappenedError with `what` when the time, and the patience with it, is over.
    """
    deadline = time.monotonic() + timeout_s * patience
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise NeverHappenedError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.01)
    return value


def holds(predicate: Callable[[], object], for_s: float) -> bool:
    """Look every 10 ms for this long; tell whether the predicate was true each time."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        if not predicate():
            return False
        time.sleep(0.01)
    return True


def within(netns: str | None, argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` in a network namespace; None is the laptop's."""
    return ["nsenter", f"--net=/run/netns/{netns}", *argv] if netns else list(argv)


class Commands:
    """Runs commands, starts services, remembers all of them."""

    def __init__(self) -> None:
        self.transcript: list[str] = []
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        LOGS.mkdir(parents=True, exist_ok=True)

    def sh(
        self, *argv: str, netns: str | None = None, stdin: str | None = None, check: bool = True
    ) -> str:
        """Run a command to its end and return its output; errors are in it if `check` is off."""
        line = within(netns, argv)
        shown = shlex.join(line) + (f" <<'.'\n{stdin.rstrip()}\n." if stdin else "")
        self.transcript.append(f"$ {shown}")
        done = subprocess.run(
            line, input=stdin or "", capture_output=True, text=True, check=False, timeout=90
        )
        output = done.stdout + done.stderr if done.returncode else done.stdout
        if done.returncode:
            self.transcript.append(f"{output.rstrip()}\n[exit status {done.returncode}]")
        if done.returncode and check:
            raise CommandFailedError(f"{shown}\n{output.rstrip()} [{done.returncode}]")
        return output

    def start(self, name: str, *argv: str, netns: str | None = None) -> None:
        """Start a service that stays; its output goes to its log."""
        line = within(netns, argv)
        self.transcript.append(f"$ {shlex.join(line)} >>{self.log_of(name)} 2>&1 &")
        with self.log_of(name).open("ab") as log:
            self.services[name] = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, name: str, signal: int) -> None:
        """Send a service a signal and wait for its end."""
        service = self.services.pop(name)
        self.transcript.append(f"$ kill -{signal} {service.pid}  # {name}")
        service.send_signal(signal)
        service.wait(20)

    def log_of(self, name: str) -> Path:
        """Return where a service's output goes."""
        return LOGS / f"{name}.log"
