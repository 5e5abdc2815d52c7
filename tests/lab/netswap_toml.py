"""Configurations for the daemon under test."""

from __future__ import annotations

QUICK = """\
[probe]
targets = ["198.51.100.1"]
interval_s = 0.2
standby_interval_s = 0.2
"""
"""Links picked by netswap itself, five probes a second: an outage is found within 0.6 s."""

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
