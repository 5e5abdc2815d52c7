"""netswapd works with what its unit leaves it, and with no more."""

from __future__ import annotations

import sys
from pathlib import Path
from signal import SIGTERM

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}  # linux/capability.h
ONLY = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in CAPABILITIES)])

NO_NEW_CODE = f"""
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
os.execv({sys.executable!r}, [{sys.executable!r}, "-m", "netswap.daemon", *sys.argv[1:]])
"""
"""Memory can be written or executed, not both: MemoryDenyWriteExecute. Linux has it since 6.3; an
older one refuses the call, and then this is not tried."""

CONFINED = (
    "setpriv",
    f"--bounding-set={ONLY}",
    f"--inh-caps={ONLY}",
    "--no-new-privs",
    sys.executable,
    "-c",
    NO_NEW_CODE,
)
"""The lab has no user but root (user_namespaces(7)): capabilities are taken from that one. What is
not in a process's bounding set it cannot get back by execve(2), root or not."""


def test_two_capabilities_are_enough(lab: Lab) -> None:
    config = Path("/run/lab/netswap.toml")
    config.write_text(QUICK)
    lab.commands.start("netswapd", *CONFINED, "--config", str(config))
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
    assert capabilities(lab.commands.services["netswapd"].pid) == set(CAPABILITIES.values())
    assert "flags owner" in lab.ruleset()
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    lab.commands.stop("netswapd", SIGTERM)
    assert lab.ruleset() == ""
    assert "Traceback" not in lab.commands.log_of("netswapd").read_text()


def capabilities(pid: int) -> set[int]:
    """Return all that a process has or could get, by number (capabilities(7))."""
    status = Path(f"/proc/{pid}/status").read_text()
    sets = ("CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:")
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(sets)]
    return {bit for mask in masks for bit in range(64) if mask >> bit & 1}
