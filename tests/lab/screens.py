"""The screens of netswapctl as they really print.

`python -m tests.lab.screens > docs/screens.md` makes the page anew.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.lab import sandbox
from tests.lab.commands import wait_until
from tests.lab.lab import Lab

HEAD = """\
# Screens

What netswapctl prints, made in the [lab](testing.md) by `python -m tests.lab.screens`: a laptop
with a cable and a metered phone, netswapd running, and an outage of the cable's ISP.
"""
TARGET = '[probe]\ntargets = ["198.51.100.1"]\n'
WIDTH = "80"


def show(command: str) -> None:
    """Print a command and what it prints, as a person with 80 columns sees it."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "COLUMNS": WIDTH}
    done = subprocess.run(
        shlex.split(command),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    status = f"[exit status {done.returncode}]\n" if done.returncode else ""
    print(f"```\n$ {command}\n{done.stdout.rstrip()}\n{status}```\n")


def tell(text: str) -> None:
    """Print a sentence between two screens."""
    print(f"{text}\n")


def inside() -> int:
    """Play the outage and print the screens."""
    print(HEAD)
    with Lab() as lab:
        tell("Before netswapd runs:")
        show("netswapctl status")
        Path("/etc/netswap").mkdir(exist_ok=True)
        Path("/etc/netswap/netswap.toml").write_text(TARGET)
        daemon = lab.netswapd()
        daemon.wait_for("Blocking", 5)
        wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
        tell("At rest, the links picked by netswap itself:")
        for command in ("status", "links", "probe tether0", "doctor"):
            show(f"netswapctl {command}")
        lab.link("cable0").cut()
        tell("The cable's ISP goes silent:")
        daemon.wait_for("Blocking all packets via nftables to interface cable0", 6)
        show("netswapctl status")
        show("netswapctl status --check")
        lab.link("cable0").heal()
        back = daemon.wait_for("Link cable0 is up: 3 replies", 6)
        daemon.wait_for("Blocking all packets via nftables to interface tether0", 6, since=back)
        tell("It works again:")
        show("netswapctl log")
        tell("What is kept, whether netswapd runs or not:")
        show("netswapctl history")
        show("netswapctl report --since 1h")
        tell("A line for a status bar, and one of one's own:")
        show("netswapctl status --format plain")
        show("netswapctl status --template '{link}: {rtt}, {loss} lost'")
        tell("The user wants the phone for a while:")
        show("netswapctl use tether0 --for 30m")
        wait_until(lambda: lab.active() == "tether0", 3, "the phone is active")
        show("netswapctl status")
        show("netswapctl auto")
        show("netswapctl use modem")
        show("netswapctl config")
    return 0


if __name__ == "__main__":
    here = [sys.executable, "-m", "tests.lab.screens"]
    sys.exit(inside() if sandbox.is_inside() else sandbox.enter(here))
