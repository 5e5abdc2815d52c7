"""Configurations for the daemon under test."""

from __future__ import annotations

QUICK = """\
[probe]
targets = ["198.51.100.1"]
interval_s = 0.2
standby_interval_s = 0.2
[damping]
stay_s = 0
suppress = 100
"""
"""Links picked by netswap itself, five probes a second, and no patience: an outage is found within
0.8 s, and followed as often as there is one."""

NAMED = (
    QUICK
    + """\
[[link]]
name = "cable"
match = { interface = "cable0" }
[[link]]
name = "phone"
match = { connection = "tether0" }
"""
)
"""The same with the links named."""
