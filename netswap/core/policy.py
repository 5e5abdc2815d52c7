"""Which link should carry traffic. Remembers nothing: the hysteresis is in the health.

What the user asked for goes first. Otherwise the first link in order of preference that is up wins.
Traffic is only moved to a link that has not just lost a probe. While nothing is wrong with the link
in use, every link is first heard or given up; a link is never passed over before that. Where no
link is up nothing is changed: the link that the kernel sends by stays, and is never guarded.
"""

from __future__ import annotations

from collections.abc import Mapping

from netswap.core.health import Health
from netswap.core.model import Desired, Link, Mode, Override, State, World

NOWHERE = "no link works"


def select(world: World, healths: Mapping[str, Health], override: Override) -> Desired:
    """Decide. `healths` has an entry for every link of the world."""
    if override.mode is Mode.PAUSED:
        name = world.leader.name if world.leader else None
        return Desired(name, frozenset(), "paused by the user", hold=True)
    pinned = world.link(override.link) if override.mode is Mode.PINNED else None
    if pinned and pinned.usable and (override.even_if_dead or healths[pinned.name].up):
        guarded = _all_but(world, pinned)
        return Desired(pinned.name, guarded, "asked by the user", forced=override.even_if_dead)
    return _best(world, healths)


def _best(world: World, healths: Mapping[str, Health]) -> Desired:
    current = world.leader
    unheard = [link for link in world.links if healths[link.name].state is State.UNKNOWN]
    if unheard and current and healths[current.name].state is not State.DOWN:
        return _stay(world, current, f"{unheard[0].name} is not proven yet")
    for link in world.links:
        health = healths[link.name]
        if health.clean or (health.up and link == current):
            return Desired(link.name, _all_but(world, link), _why(world, healths, link))
        if link in unheard:
            return _stay(world, current, f"{link.name} is not proven yet")
    return _stay(world, current, NOWHERE)


def _all_but(world: World, active: Link) -> frozenset[str]:
    return frozenset(link.name for link in world.others(active) if link.ifname and link.barrier)


def _stay(world: World, current: Link | None, reason: str) -> Desired:
    """Change nothing, but see to it that what carries traffic is not guarded."""
    guarded = {link.name for link in world.links if link.ifname in world.guarded}
    name = current.name if current else None
    return Desired(name, frozenset(guarded - {name}), reason, hold=True)


def _why(world: World, healths: Mapping[str, Health], active: Link) -> str:
    """Return why it is this link: what speaks for it, or against the one that it replaces."""
    left, preferred = world.leader, world.links[0]
    if left and left != active and not healths[left.name].up:
        return f"{left.name}: {healths[left.name].reason}"
    if active == preferred:
        return healths[active.name].reason
    return f"{preferred.name}: {healths[preferred.name].reason}"
