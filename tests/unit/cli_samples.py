"""A computer with a cable and a phone, as netswapd would describe it."""

from __future__ import annotations

import time
from typing import Any

from netswap.cli.status import LinkStatus, Status

NOW_S = time.mktime((2026, 3, 4, 16, 13, 0, 0, 0, -1))
"""A quarter past four on a Wednesday, wherever the test runs."""
HOURS_AGO_S = NOW_S - 2 * 3600 - 600


def a_link(**changes: Any) -> LinkStatus:
    values: dict[str, Any] = {
        "name": "cable",
        "preference": 0,
        "device": "eth0",
        "connection": "Wired",
        "type": "ethernet",
        "metered": False,
        "role": "active",
        "health": "up",
        "resting": False,
        "reason": "3 replies in a row",
        "since_s": HOURS_AGO_S,
        "guarded": False,
        "metric4": 100,
        "metric6": None,
        "degraded": False,
        "fault": "",
        "held_back_until_s": None,
        "health6": "",
        "reason6": "",
        "rtt_s": 0.0004,
        "loss": 0.0,
        "target_loss": {"198.51.100.1": 0.0},
        "last_reply_s": NOW_S - 1,
        "probes_sent": 1000,
        "probes_lost": 3,
        "replies_in_row": 3,
        "losses_in_row": 0,
        "bytes_received": 1,
        "bytes_sent": 2,
        "data_used": 3,
        "data_cap": 0,
        "data_since_s": HOURS_AGO_S,
    }
    return LinkStatus(**{**values, **changes})


CABLE = a_link()
PHONE = a_link(
    name="phone",
    preference=1,
    device="usb0",
    connection="Phone",
    metered=True,
    role="standby",
    guarded=True,
    metric4=200,
    rtt_s=0.0312,
    loss=0.033,
    since_s=NOW_S - 60,
)


def a_status(*links: LinkStatus, **changes: Any) -> Status:
    values: dict[str, Any] = {
        "version": "0.1.0",
        "active_link": "cable",
        "mode": "auto",
        "mode_until_s": None,
        "state": "preferred",
        "reason": "3 replies in a row",
        "since_s": HOURS_AGO_S,
        "network_manager_running": True,
        "dry_run": False,
        "rests_until_s": None,
        "links": links or (CABLE, PHONE),
    }
    return Status(**{**values, **changes})


OUTAGE = a_status(
    a_link(role="standby", guarded=True, health="down", reason="2 probes lost", loss=0.5,
           since_s=NOW_S - 300, last_reply_s=NOW_S - 302),
    a_link(name="phone", preference=1, device="usb0", metric4=60, rtt_s=0.0312),
    active_link="phone", state="backup", reason="cable: 2 probes lost", since_s=NOW_S - 300,
)  # fmt: skip
