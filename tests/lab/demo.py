"""`make demo`: watch netswapd at work in a lab.

`python -m tests.lab.demo [NETSWAPD OPTIONS]`: options go on to netswapd; with `--dry-run` it shows
what becomes of a laptop without netswap, and fails. The exit status is 0 only if every step did
what it should, as told by witnesses that do not ask the daemon. On a terminal it then hands over:
keys that cut, heal, pull and plug, with the screen of `netswapctl watch`.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

from tests.lab import demo_keys, sandbox
from tests.lab.demo_show import Show
from tests.lab.demo_steps import Outcome, steps
from tests.lab.demo_trial import Witnesses, perform
from tests.lab.demo_watch import PROBED
from tests.lab.lab import Lab

INTRODUCTION = """\
netswap demo: a laptop with a cable and a metered tether, a real NetworkManager and real DHCP
servers, in namespaces of their own. Nothing here touches this machine.\
"""
CONFIG = f'[probe]\ntargets = ["{PROBED}"]\n[damping]\nstay_s = 0\n'
"""All that netswapd must be told: what to probe. It finds the links by itself."""


def run(options: list[str]) -> int:
    """Build the lab, do every step, print the table; return the exit status."""
    os.environ.pop("JOURNAL_STREAM", None)  # netswapd would log without times
    with Lab() as lab, Witnesses(lab) as seen:
        show = Show(lab, seen.routes)
        show.say(INTRODUCTION)
        planned = steps(CONFIG, options)
        outcomes: list[Outcome] = []
        for step in planned:
            show.headline(step.headline)
            outcomes.append(perform(step, lab, seen, show.wait))
            show.verdict(outcomes[-1])
            if step.guarded and not lab.daemons[-1].running:
                break
        show.table(outcomes)
        done = len(outcomes) == len(planned) and all(outcome.ok for outcome in outcomes)
        show.conclusion(done)
        if done and sys.stdin.isatty() and sys.stdout.isatty():
            demo_keys.offer(lab, CONFIG, options)
    return 0 if done else 1


def main(options: list[str]) -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    try:
        if not sandbox.is_inside():
            return sandbox.enter([sys.executable, "-m", "tests.lab.demo", *options])
        make_plain()
        return run(options)
    except KeyboardInterrupt:
        return 130


def make_plain() -> None:
    """Have stand-ins printed for what the terminal's encoding does not have."""
    stand_ins = {"✓": "+", "✗": "!", "▶": ">"}

    def stand_in(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        text = error.object[error.start : error.end]
        return "".join(stand_ins.get(letter, "?") for letter in text), error.end

    codecs.register_error("stand-in", stand_in)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="stand-in")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
