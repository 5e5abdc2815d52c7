"""Who is compared, and how each is set up. A laptop has a cable and, as a backup, a phone."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.spec import CABLE, TETHER, LabSpec, LinkSpec, far

RTT_MS = 20
HERE = Path(__file__).parent
LAB = far(
    LabSpec((replace(CABLE, filters_sources=True), replace(TETHER, filters_sources=True))), RTT_MS
)
"""An ISP lets out what is sent from its own addresses only: a connection that is moved to another
one is broken, as it is by the address translation of real ones."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A way to have another link used when one dies."""

    key: str
    title: str
    command: tuple[str, ...] = ()
    """What runs beside NetworkManager; empty: nothing does."""
    check_s: int | None = None
    """The interval of NetworkManager's own connectivity check; None: it is off."""
    backup_metric: int | None = None
    """What the phone's profile has for a route-metric."""
    starts_others: bool = False
    """Whether it works by short-lived processes, so that its use can be known at its end only."""
    needs_root: bool = False
    most_rounds: int | None = None
    copies: int = 1
    """How many labs of it there are at the same time; each does all rounds."""
    longest_s: float = 60.0
    """How long a swap may take."""

    @property
    def spec(self) -> LabSpec:
        """The lab it is tried in."""
        cable, tether = LAB.links
        links: tuple[LinkSpec, ...] = (cable, replace(tether, metric=self.backup_metric))
        return LabSpec(links, connectivity_check_s=self.check_s)


NETSWAP = Rival(
    "netswap",
    "netswap",
    (sys.executable, "-m", "netswap.daemon", "--config", str(HERE / "netswap.toml")),
)
SCRIPT = Rival(
    "script", "ping-and-route script", (str(HERE / "ping-and-route.sh"),), starts_others=True
)
KEEPALIVED = Rival(
    "keepalived",
    "keepalived",
    ("keepalived", "--dont-fork", "--log-console", "-f", str(HERE / "keepalived.conf")),
    backup_metric=60,
    starts_others=True,
    needs_root=True,
)
QUICK_CHECK = Rival("nm-1", "NetworkManager's check, 1 s", check_s=1, most_rounds=3)
DEFAULT_CHECK = Rival(
    "nm-300",
    "NetworkManager's check, 300 s",
    check_s=300,
    most_rounds=1,
    copies=3,
    longest_s=400.0,
)

GROUPS = ((NETSWAP,), (SCRIPT,), (KEEPALIVED,), (QUICK_CHECK, DEFAULT_CHECK))
"""One group is tried after the other; those of one wait most of the time, and at the same time."""
RIVALS = {rival.key: rival for group in GROUPS for rival in group}
