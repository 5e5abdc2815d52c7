"""What the engine knows, as a snapshot for people and programs that ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netswap.core.health import Health
from netswap.core.model import Condition, Link, LinkSnapshot, Role, State, World
from netswap.core.track import Track


def condition(world: World, healths: Mapping[str, Health]) -> Condition:
    """Sum it up in one word: about the link that the kernel sends by, whatever is wanted.

    Pings that pass are not the internet: a link with a fault is no way there.
    """
    leader = world.leader
    if leader is None:
        return Condition.OFFLINE if healths else Condition.STARTING
    health = healths[leader.name]
    if health.works:
        return Condition.BACKUP if world.index(leader) else Condition.PREFERRED
    return Condition.STARTING if health.state is State.UNKNOWN else Condition.OFFLINE


def link(
    observed: Link, track: Track, track6: Track | None, world: World, active: str | None
) -> LinkSnapshot:
    """Describe one link."""
    health = track.health
    return LinkSnapshot(
        name=observed.name,
        ifname=observed.ifname,
        connection=observed.connection,
        kind=observed.kind,
        metered=observed.metered,
        role=Role.ACTIVE if observed.name == active else Role.STANDBY,
        state=health.state,
        touchable=health.touchable,
        reason=health.local_error or (health.up and health.grudge) or health.reason,
        since_s=health.since_s,
        rtt_s=health.rtt_s,
        last_reply_s=health.last_reply_s,
        sent=health.sent,
        lost=health.lost,
        loss=track.loss,
        guarded=observed.ifname in world.guarded,
        metric4=observed.v4.metric if observed.v4 else None,
        metric6=observed.v6.metric if observed.v6 else None,
        away=bool(health.obstacle),
        on_demand=observed.on_demand,
        proving=health.proving,
        suspect=health.suspect,
        degraded=health.up and bool(health.degraded),
        fault=health.fault,
        held_back_until_s=health.penalty.suppressed_until_s,
        losses=track.losses,
        state6=track6.health.state if track6 and observed.v6 else None,
        reason6=track6.health.reason if track6 and observed.v6 else "",
        replies_in_row=health.replies,
        losses_in_row=health.losses,
    )


def on_demand(shown: LinkSnapshot, trouble: str) -> LinkSnapshot:
    """Say why a link is not connected where that is done on demand: nobody needs it, or trouble."""
    if not shown.on_demand or shown.ifname:
        return shown
    if trouble:
        return replace(shown, reason=f"could not be connected: {trouble}")
    return replace(shown, resting=True)
