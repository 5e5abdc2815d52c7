"""From the engine's snapshot to the properties of the service's objects. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any

from netswap.core.model import LinkSnapshot, Snapshot

Wall = Callable[[float], float]
"""From the engine's clock to seconds since the epoch."""

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the kernel counted on an interface."""

    received: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class DataUse:
    """What a link carried in this billing cycle, both ways."""

    used: int = 0
    cap: int = 0
    """0: there is none."""
    began_s: float = 0.0
    """When the cycle began, seconds since the epoch."""


def manager(snapshot: Snapshot, wall: Wall, *, version: str, dry_run: bool) -> Properties:
    """Return the manager's properties."""
    until_s = snapshot.override.until_s
    return {
        "Version": version,
        "ActiveLink": snapshot.active or "",
        "Mode": snapshot.override.mode.value,
        "ModeUntil": 0.0 if isinf(until_s) else wall(until_s),
        "State": snapshot.condition.value,
        "Reason": snapshot.reason,
        "Since": wall(snapshot.since_s),
        "NetworkManagerRunning": snapshot.managed,
        "DryRun": dry_run,
        "RestsUntil": wall(snapshot.rests_until_s) if snapshot.rests_until_s else 0.0,
    }


def link(place: int, seen: LinkSnapshot, wall: Wall, traffic: Traffic, use: DataUse) -> Properties:
    """Return a link's properties."""
    return {
        "Name": seen.name,
        "Preference": place,
        "Device": seen.ifname,
        "Connection": seen.connection,
        "Type": seen.kind or "other",
        "Metered": seen.metered,
        "Role": seen.role.value,
        "Health": seen.state.value,
        "Resting": seen.resting,
        "Reason": seen.reason,
        "Since": wall(seen.since_s),
        "Guarded": seen.guarded,
        "Metric4": -1 if seen.metric4 is None else seen.metric4,
        "Metric6": -1 if seen.metric6 is None else seen.metric6,
        "Degraded": seen.degraded,
        "Fault": seen.fault,
        "HeldBackUntil": wall(seen.held_back_until_s) if seen.held_back_until_s else 0.0,
        "Health6": seen.state6.value if seen.state6 else "",
        "Reason6": seen.reason6,
        "Rtt": -1.0 if seen.rtt_s is None else seen.rtt_s,
        "Loss": -1.0 if seen.loss is None else seen.loss,
        "TargetLoss": dict(seen.losses),
        "LastReply": 0.0 if seen.last_reply_s is None else wall(seen.last_reply_s),
        "ProbesSent": seen.sent,
        "ProbesLost": seen.lost,
        "RepliesInRow": seen.replies_in_row,
        "LossesInRow": seen.losses_in_row,
        "BytesReceived": traffic.received,
        "BytesSent": traffic.sent,
        "DataUsed": use.used,
        "DataCap": use.cap,
        "DataSince": use.began_s,
    }


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any], silent: frozenset[str]
) -> Properties:
    """Return the properties that are to be told of."""
    return {
        name: value
        for name, value in after.items()
        if name not in silent and before.get(name) != value
    }
