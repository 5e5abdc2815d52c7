"""Who may change something: root, and whom polkit allows the action org.netswap1.control."""

from __future__ import annotations

from netswap.adapters.bus import DBUS, DBUS_PATH, Bus, BusError, CallError, Variant
from netswap.service import api

POLKIT = "org.freedesktop.PolicyKit1"
POLKIT_PATH = "/org/freedesktop/PolicyKit1/Authority"
ALLOW_INTERACTION = 1
ASKING_S = 120.0
"""How long somebody may take to type a password."""


async def demand_control(bus: Bus, sender: str) -> None:
    """Raise CallError unless the sender may control netswap."""
    try:
        (uid,) = await bus.call(DBUS, DBUS_PATH, DBUS, "GetConnectionUnixUser", "s", sender)
    except BusError:
        raise CallError(api.NOT_ALLOWED, "who is asking is gone") from None
    if uid != 0 and not await _polkit_allows(bus, sender):
        raise CallError(
            api.NOT_ALLOWED,
            f"not allowed: it takes an active local session or root (polkit action {api.CONTROL})",
        )


async def _polkit_allows(bus: Bus, sender: str) -> bool:
    """Ask polkit (polkit(8), CheckAuthorization); without polkit only root may."""
    subject = ["system-bus-name", {"name": Variant("s", sender)}]
    try:
        ((allowed, _, _),) = await bus.call(
            POLKIT, POLKIT_PATH, f"{POLKIT}.Authority", "CheckAuthorization", "(sa{sv})sa{ss}us",
            subject, api.CONTROL, {}, ALLOW_INTERACTION, "",
            timeout_s=ASKING_S,
        )  # fmt: skip
    except BusError:
        return False
    return bool(allowed)
