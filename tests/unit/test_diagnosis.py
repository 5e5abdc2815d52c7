"""What netswapd finds of its links, for `netswapctl doctor`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netswap.core.engine import Engine
from netswap.core.events import Observed
from netswap.core.model import LinkSnapshot, State
from netswap.core.settings import Settings
from netswap.daemon import diagnosis
from tests.unit.worlds import gone, link, world

ENGINE = Engine(Settings(), 0.0)
ENGINE.handle(Observed(world(link("cable"), gone("phone"))), 0.0)
SEEN = ENGINE.snapshot(0.0)
CABLE, PHONE = SEEN.links
UP = replace(CABLE, state=State.UP, reason="it replies")


@pytest.mark.parametrize(
    ("shown", "verdict", "found", "mend"),
    [
        (UP, "ok", "up: it replies", ""),
        (
            replace(UP, fault="http: captive portal"), "warn", "faulty: http: captive portal",
            "netswapctl log; netswapctl probe cable",
        ),
        (
            replace(UP, state=State.DOWN, reason="4 probes lost"), "warn", "down: 4 probes lost",
            "netswapctl probe cable; nmcli device",
        ),
        (replace(PHONE, resting=True), "ok", "not connected: that is done on demand", ""),
        (replace(PHONE, name="dsl"), "warn", "down: no such device", "nmcli device"),
    ],
)  # fmt: skip
def test_a_link_is_judged(shown: LinkSnapshot, verdict: str, found: str, mend: str) -> None:
    seen = replace(SEEN, links=(UP, shown))
    findings = diagnosis.examine(None, seen, can_end=True, dry_run=False)
    last = [finding for finding in findings if finding[0] == f"link {shown.name}"][-1]
    assert last[1:] == (verdict, found, mend)
