"""Which link should carry traffic. Remembers nothing: the hysteresis is in the health.

What the user asked for goes first. Otherwise the first link in order of preference that is up wins.
Traffic is only moved to a link that has not just lost a probe. A link that is held back for failing
again and again, is degraded, has used up its data or has a fault, is taken only where no better one
is up. While nothing
is wrong with the link in use, every link is first heard or given up; a link is never passed over
before that. Where no link is up nothing is changed: the link that the kernel sends by stays, and is
never guarded.
"""

from __future__ import annotations

from collections.abc import Mapping

from netswap.core.health import Health
from netswap.core.model import Desired, Link, Mode, Override, State, World

NOWHERE = "no link works"
ASKED = "asked by the user"


def select(
    world: World, healths: Mapping[str, Health], override: Override, *, rested: bool = True
) -> Desired:
    """Decide. `healths` has an entry for every link of the world.

    `rested` tells whether the last swap is so long ago that another one may be made for comfort.
    """
    if override.mode is Mode.PAUSED:
        name = world.leader.name if world.leader else None
        return Desired(name, frozenset(), "paused by the user", hold=True)
    pinned = world.link(override.link) if override.mode is Mode.PINNED else None
    if pinned and pinned.usable and (override.even_if_dead or healths[pinned.name].up):
        guarded = _all_but(world, pinned)
        return Desired(pinned.name, guarded, ASKED, forced=override.even_if_dead)
    return _best(world, healths, rested=rested)


def _best(world: World, healths: Mapping[str, Health], *, rested: bool) -> Desired:
    current = world.leader
    unheard = [link for link in world.links if _unheard(healths[link.name], link == current)]
    if unheard and current and healths[current.name].state is not State.DOWN:
        return _stay(world, current, f"{unheard[0].name} is not proven yet")
    fit = [link for link in world.links if _fit(healths[link.name], link == current)]
    best = min(fit, key=lambda link: healths[link.name].tier, default=None)
    if (
        best
        and current
        and current in fit
        and healths[current.name].tier == healths[best.name].tier
    ):
        held_back = healths[best.name].held_back  # both are: it may well fail next
        best = best if rested and not held_back else current
    if unheard and (best is None or world.index(unheard[0]) < world.index(best)):
        return _stay(world, current, f"{unheard[0].name} is not proven yet")
    if best is None:
        return _stay(world, current, NOWHERE)
    return Desired(best.name, _all_but(world, best), _why(world, healths, best))


def _unheard(health: Health, current: bool) -> bool:
    """Whether it is still to be seen how a link is: not where this computer lets no probe leave."""
    return health.state is State.UNKNOWN and (current or not health.local_error)


def _fit(health: Health, current: bool) -> bool:
    """Whether traffic may move to a link, or stay on it."""
    return health.clean or (health.up and current)


def _all_but(world: World, active: Link) -> frozenset[str]:
    return frozenset(link.name for link in world.others(active) if link.ifname and link.barrier)


def _stay(world: World, current: Link | None, reason: str) -> Desired:
    """Change nothing, but see to it that what carries traffic is not guarded."""
    guarded = {
        link.name
        for link in world.links
        if link.ifname in world.guarded
        and not (reason == NOWHERE and link.v6 and not link.v4)  # IPv6 may be all that is left
    }
    name = current.name if current else None
    return Desired(name, frozenset(guarded - {name}), reason, hold=True)


def _why(world: World, healths: Mapping[str, Health], active: Link) -> str:
    """Return why it is this link: what speaks for it, or against the one that it replaces."""
    left, preferred = world.leader, world.links[0]
    if left and left != active and (against := _against(healths[left.name])):
        return f"{left.name}: {against}"
    if active == preferred:
        return healths[active.name].reason
    against = _against(healths[preferred.name])
    return f"{preferred.name}: {against}" if against else f"it stays on {active.name} for a while"


def _against(health: Health) -> str:
    """Return what speaks against a link, "" where nothing does."""
    if not health.up:
        return health.reason
    return health.grudge or ("held back, it failed too often" if health.held_back else "")
