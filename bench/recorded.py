"""Minutes in the lab, with outages, and the report on them: build/report.html.

`MINUTES=10 python -m bench.recorded` for less than a quarter of an hour. What `make pictures` shows
of the report beside the month that is made up (`bench.past`).
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench import entry
from bench.outages import TIMEOUT_S, Outages
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED
from tests.lab.spec import DUAL, TETHER
from tests.lab.witness import NewConnections

SEED = 3
SLOT_S = 90.0
PAGE = Path("build/report.html")


def run(minutes: int) -> int:
    """Record for so long, with an outage every 90 s; return the exit status."""
    with Lab(DUAL) as lab, NewConnections():
        lab.netswapd(NAMED)
        wait_until(lambda: lab.guarded() == {TETHER.name}, TIMEOUT_S, "the tether is guarded")
        outages, end = Outages(lab, SEED), time.monotonic() + minutes * 60
        while (left_s := end - time.monotonic()) > 0:
            print(outages.one(min(SLOT_S, left_s)), flush=True)
        command = [sys.executable, "-m", "netswap.cli.main", "report", "--since", f"{minutes}m"]
        PAGE.parent.mkdir(exist_ok=True)
        return subprocess.run([*command, "--html", str(PAGE)], check=False).returncode


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.recorded", "MINUTES", 15, run)


if __name__ == "__main__":
    sys.exit(main())
