"""Changes of settings that tests ask NetworkManager for."""

from __future__ import annotations

from dbus_next.signature import Variant

from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.nmbus import Settings


def rank(metric: int, dns: bool = False) -> Settings:
    """Return the change of settings that gives a link this rank."""
    priority = {"dns-priority": Variant("i", metric)} if dns else {}
    return {"ipv4": {"route-metric": Variant("x", metric), **priority}}


def note(value: str) -> Settings:
    """Return the change of settings that leaves a note on the applied connection."""
    return {"user": {"data": Variant("a{ss}", {"netswap.note": value})}}


def requests(lab: Lab, link: Link) -> int:
    """Return how often the link's ISP was asked for a lease."""
    return lab.commands.log_of(link.spec.isp).read_text().count("DHCPREQUEST")
