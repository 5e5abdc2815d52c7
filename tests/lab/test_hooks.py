"""Hooks beside the real daemon: they are told of its swaps, and hold none up."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED

TOLD = Path("/run/lab/told")


def add(name: str, script: str) -> None:
    hook = Path("/run/lab/hooks.d") / name
    hook.parent.mkdir(mode=0o755, exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


def told() -> list[str]:
    return TOLD.read_text().splitlines() if TOLD.exists() else []


def test_a_hung_hook_holds_up_neither_failover_nor_swap_back(lab: Lab) -> None:
    lab.netswapd(NAMED).wait_for("Blocking all packets via nftables to interface tether0", 5)
    add("10-hang", f"echo hangs >>{TOLD}; exec tail -f /dev/null")
    add("20-tell", f'echo "$NETSWAP_TO by $NETSWAP_TO_DEVICE: $NETSWAP_REASON" >>{TOLD}')
    hooks = (sys.executable, "-m", "netswap.hooks", "--dir", "/run/lab/hooks.d")
    lab.commands.start("hooks", *hooks, "--timeout", "1h")
    log = lab.commands.log_of("hooks")
    wait_until(lambda: "netswapd is there" in log.read_text(), 5, "hooks listen")
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover")
    wait_until(lambda: len(told()) == 2, 5, "both hooks were told")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: len(told()) == 3, 5, "one hook was told again; the other one hangs")
    assert sorted(told()) == [
        "cable by cable0: 3 replies in a row",
        "hangs",
        "phone by tether0: cable: 4 probes lost",
    ]
